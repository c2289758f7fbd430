//! Copies of many files and objects: what differs between two trees, and the transfer of that.
//!
//! `put -r`, `get -r`, `cp` and `sync` are jobs with different options.

mod across;
mod apart;
mod batch;
mod blocked;
mod compare;
mod copy;
mod each;
mod existing;
mod fetch;
mod file;
mod job;
mod local;
mod plan;
mod rehearse;
mod remove;
mod report;
mod tally;
mod targets;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod upload;

use std::{
    io::{self, IsTerminal, Write},
    time::Instant,
};

use anyhow::{Result, bail};

pub(crate) use self::{
    apart::is_same_store,
    compare::Digests,
    copy::Copy,
    each::concurrently,
    existing::Existing,
    file::of_target,
    job::{Compare, Job, Options},
    plan::Plan,
    report::{Report, View},
};
use self::{report::Verb, tally::Tally};
use crate::{
    context::Context,
    failure::{Interrupted, with_help},
    failures::Failures,
    text::{self, pluralize},
    tree::Root,
};

/// Makes the target like the source: copies what is missing or different, then removes if that is an option. Reports and
/// skips what fails.
pub(crate) async fn run(context: &Context, job: &Job<'_>) -> Result<()> {
    apart::check(job)?;
    let mut failures = Failures::default();
    let mut plan = Plan::make(context, job, &mut failures).await?;
    plan.settle_removals(context, job, &failures)?;
    execute(context, job, &plan, failures).await
}

impl Plan {
    /// Decides what is removed: nothing if something has failed, and not everything unless the user confirms it.
    pub(crate) fn settle_removals(
        &mut self,
        context: &Context,
        job: &Job<'_>,
        failures: &Failures,
    ) -> Result<()> {
        if job.options.delete && !failures.is_empty() {
            context.output.note("nothing will be removed, because something could not be read or compared");
            self.removals.clear();
        }
        if !self.would_empty() || job.options.force {
            return Ok(());
        }
        let question = question(job, self.removals.len());
        match (job.options.dry_run, is_answered(context)) {
            (false, true) => confirm(context, &question),
            (false, false) => {
                Err(with_help(question, "review it with --dry-run, or confirm it with --force"))
            }
            (true, true) => {
                context.output.note(&format!("{question}, which must be confirmed"));
                Ok(())
            }
            (true, false) => {
                self.unconfirmed = Some(question);
                Ok(())
            }
        }
    }

    /// Returns whether everything that exists would be removed.
    pub(crate) fn would_empty(&self) -> bool {
        self.removes_all && !self.removals.is_empty()
    }
}

/// Executes a plan, or reports what it would do. The failures are those of making the plan.
pub(crate) async fn execute(
    context: &Context,
    job: &Job<'_>,
    plan: &Plan,
    mut failures: Failures,
) -> Result<()> {
    let (report, done) = achieve(context, job, plan, &mut failures).await;
    conclude(context, job, &report, &failures, done)
}

/// Prints the report of what was done, and returns the result.
pub(crate) fn conclude(
    context: &Context,
    job: &Job<'_>,
    report: &Report,
    failures: &Failures,
    done: Result<()>,
) -> Result<()> {
    let (one, many) = job.source.nouns();
    let printed = report.print(context, job, failures);
    // What has failed is the result, also if the reader of the output has closed the pipe.
    done.and_then(|()| failures.finish(one, many)).and(printed)
}

/// Executes a plan, unless it is only to be reported. Returns what was done, also if it could not continue.
pub(crate) async fn achieve(
    context: &Context,
    job: &Job<'_>,
    plan: &Plan,
    failures: &mut Failures,
) -> (Report, Result<()>) {
    let verb = Verb::of(job);
    let start = Instant::now();
    let (mut report, done) = match job.options.dry_run {
        true => {
            let report = rehearse::report(context, job, plan, failures).await;
            let refused = plan.unconfirmed.as_ref();
            (report, refused.map_or(Ok(()), |what| Err(with_help(what, "confirm it with --force"))))
        }
        false => {
            let mut tally =
                Tally::new(job, context.bars.bar(verb.gerund(), plan.bytes()), plan.bytes(), failures);
            let done = copy_and_remove(context, job, plan, &mut tally).await;
            if let Err(error) = &done {
                tally.report_rest(plan, error);
            }
            (tally.finish(), done)
        }
    };
    report.unchanged = plan.unchanged;
    report.elapsed = start.elapsed();
    (report, done)
}

/// Removes last, so that an interrupted job loses nothing, and only if nothing has failed. Only copies that something blocks
/// come after that.
async fn copy_and_remove(context: &Context, job: &Job<'_>, plan: &Plan, tally: &mut Tally<'_>) -> Result<()> {
    context.interrupt.take_over();
    let visited = plan.visited.iter().filter(|folder| context.store_folders.around(folder).is_none());
    visited.for_each(|folder| context.temporary.remove_abandoned(folder));
    let copied = copy(context, job, plan, tally).await;
    if plan.removals.is_empty() && plan.blocked().is_empty() {
        return copied;
    }
    if tally.has_failures() || copied.is_err() {
        if !plan.removals.is_empty() {
            context.output.note("nothing was removed, because something could not be copied");
        }
        copied?;
        return tally.refuse(plan.blocked());
    }
    tally.begin_removals();
    until_interrupted(context, remove::all(context, job, plan, tally)).await?;
    let Some(blocked) = &plan.blocked else { return Ok(()) };
    if tally.has_failures() {
        return tally.refuse(&blocked.copies);
    }
    blocked::remove_empty_folders(&blocked.copies);
    copy(context, job, blocked, tally).await
}

async fn copy(context: &Context, job: &Job<'_>, plan: &Plan, tally: &mut Tally<'_>) -> Result<()> {
    match (&job.source, &job.target) {
        (Root::Folder(_), Root::Prefix { client, .. }) => {
            until_interrupted(context, upload::all(client, context, plan, tally)).await
        }
        (Root::Prefix { client, .. }, Root::Folder(_)) => {
            until_interrupted(context, fetch::all(client, context, job, plan, tally)).await
        }
        // This handles Ctrl-C itself, because it must abort what it has begun.
        (Root::Prefix { client: from, .. }, Root::Prefix { client: to, .. }) => {
            across::all(from, to, context, plan, tally).await
        }
        (Root::Folder(_), Root::Folder(_)) => {
            until_interrupted(context, local::all(context, job, plan, tally)).await
        }
    }
}

/// Stops the work on Ctrl-C, but still reports it.
pub(crate) async fn until_interrupted<T>(
    context: &Context,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        done = work => done,
        () = context.interrupt.wait_a_turn() => Err(Interrupted.into()),
    }
}

/// Returns whether the user can answer a question.
fn is_answered(context: &Context) -> bool {
    !context.output.json && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Returns what is to be confirmed: most likely the source or target is wrong.
fn question(job: &Job<'_>, count: usize) -> String {
    let (one, many) = job.target.nouns();
    let selected = if job.options.filter.has_patterns() { " that the patterns select" } else { "" };
    let (target, source) = (job.target.shown(), job.source.shown());
    match count {
        1 => format!("the only {one} in {target}{selected} would be removed: it is not in {source}"),
        count => {
            let all = pluralize(count as u64, one, many);
            format!("all {all} in {target}{selected} would be removed: none of them is in {source}")
        }
    }
}

/// Asks the user to confirm that nothing will remain.
fn confirm(context: &Context, question: &str) -> Result<()> {
    context.output.idle.release();
    let _ = write!(anstream::stderr(), "{}. Remove it? [y/N] ", text::escape_message(question));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => bail!("canceled"),
    }
}

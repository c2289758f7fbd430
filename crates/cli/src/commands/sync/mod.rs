//! The command `sync`, which makes the store like a folder, or a folder like the store.

mod down;
mod exclude;
mod plan;
mod transfer;
mod walk;

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use indicatif::HumanBytes;
use serde::Serialize;

use self::{
    exclude::Exclude,
    plan::{Plan, Request},
    transfer::{Outcome, Transfer},
    walk::{Folder, Walk},
};
use crate::{
    args::SyncArgs,
    context::Context,
    failure::{Interrupted, with_help},
    failures::{Failed, Failures},
    settings::StoreLocation,
    store::StoreClient,
    text::{self, pluralize},
};

/// What was done or would be done, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    stored: &'a [String],
    stored_bytes: u64,
    unchanged: usize,
    removed: &'a [String],
    failed: &'a [Failed],
}

/// Sides and options of a sync.
struct Job<'a> {
    folder: PathBuf,
    /// Prefix of the keys.
    prefix: String,
    exclude: Exclude,
    /// Folder of the store itself, which is neither stored nor removed.
    store: Option<&'a Path>,
    args: &'a SyncArgs,
}

pub(crate) async fn run(
    client: &StoreClient,
    context: &Context,
    location: &StoreLocation,
    args: &SyncArgs,
) -> Result<()> {
    let (folder, prefix) = if args.down { (&args.to, &args.from) } else { (&args.from, &args.to) };
    let prefix = prefix.to_str().with_context(|| format!("{} is not UTF-8", text::name(prefix)))?;
    let store = match location {
        StoreLocation::Folder(store) => Some(store.as_path()),
        StoreLocation::Network { .. } => None,
    };
    let job = Job {
        folder: folder.into(),
        prefix: prefix_of(prefix)?,
        exclude: Exclude::new(&args.exclude)?,
        store,
        args,
    };
    match args.down {
        true => down::run(client, context, &job).await,
        false => up(client, context, &job).await,
    }
}

/// Makes the store like the folder.
async fn up(client: &StoreClient, context: &Context, job: &Job<'_>) -> Result<()> {
    let mut failures = Failures::default();
    let Job { folder: path, prefix, exclude, store, args } = job;
    let walk = Walk::of(&Folder { path, prefix, exclude, store: *store }, &mut failures)?;
    for skipped in &walk.skipped {
        context.output.note(&format!("skipped {skipped}"));
    }
    let request = Request { prefix, exclude, args };
    let mut plan = Plan::make(client, context, &request, walk, &mut failures).await?;
    if args.delete && !failures.is_empty() {
        context.output.note("nothing will be removed, because a part of the folder could not be read");
        plan.remove.clear();
    }
    if args.dry_run {
        report(context, args, &plan, &Outcome::of(&plan), &failures)?;
        return failures.finish("file", "files");
    }
    if plan.removes_all && !plan.remove.is_empty() && !args.force {
        let removed = pluralize(plan.remove.len() as u64, "object", "objects");
        let (folder, prefix) = (text::path(path), prefix.trim_end_matches('/'));
        let what = format!("all {removed} under {prefix:?} would be removed: none of them is in {folder}");
        confirm(context, &what)?;
    }
    let mut transfer = Transfer::new(client, context, plan.bytes(), &mut failures);
    let done = until_interrupted(context, transfer.run(&plan)).await;
    let outcome = transfer.finish();
    report(context, args, &plan, &outcome, &failures)?;
    done.and_then(|()| failures.finish("file", "files"))
}

/// Stops the work on Ctrl-C, but still reports it.
async fn until_interrupted(context: &Context, work: impl Future<Output = Result<()>>) -> Result<()> {
    context.interrupt.take_over();
    tokio::select! {
        biased;
        done = work => done,
        () = context.interrupt.wait_a_turn() => Err(Interrupted.into()),
    }
}

fn prefix_of(prefix: &str) -> Result<String> {
    Ok(match prefix.trim_end_matches('/') {
        "" if prefix.is_empty() => String::new(),
        // Keys can start with a slash, but a prefix of only slashes is most likely a mistake.
        "" => {
            let what = format!("the prefix {prefix:?} consists of slashes");
            return Err(with_help(what, "give '' for no prefix"));
        }
        prefix => format!("{prefix}/"),
    })
}

/// Asks the user to confirm that nothing will remain: most likely the folder or prefix is wrong.
fn confirm(context: &Context, what: &str) -> Result<()> {
    if context.output.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(with_help(what, "review it with --dry-run, or confirm it with --force"));
    }
    context.output.idle.release();
    let _ = write!(anstream::stderr(), "{}. Remove it? [y/N] ", text::escape_message(what));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => bail!("canceled"),
    }
}

fn report(
    context: &Context,
    args: &SyncArgs,
    plan: &Plan,
    outcome: &Outcome,
    failures: &Failures,
) -> Result<()> {
    let report = Report {
        dry_run: args.dry_run,
        stored: &outcome.stored,
        stored_bytes: outcome.stored_bytes,
        unchanged: plan.unchanged,
        removed: &outcome.removed,
        failed: failures.items(),
    };
    // A dry run is asked for its list; otherwise the list is only information.
    if context.output.json || args.dry_run || !context.output.notes().quiet {
        context.output.print(&report, lines)?;
    }
    context.output.note(&summary(&report));
    Ok(())
}

fn lines(report: &Report<'_>) -> Vec<String> {
    let (store, remove) = if report.dry_run { ("store", "remove") } else { ("stored", "removed") };
    let stored = report.stored.iter().map(|key| format!("{store:7}  {key}"));
    stored.chain(report.removed.iter().map(|key| format!("{remove:7}  {key}"))).collect()
}

fn summary(report: &Report<'_>) -> String {
    let would = if report.dry_run { "would have " } else { "" };
    format!(
        "{would}stored {} ({}), left {} unchanged, removed {}",
        pluralize(report.stored.len() as u64, "file", "files"),
        HumanBytes(report.stored_bytes),
        text::grouped(report.unchanged as u64),
        text::grouped(report.removed.len() as u64)
    )
}

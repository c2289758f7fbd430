//! Dry runs: what a plan would do, with the copies that would be refused.

use std::{collections::HashSet, path::Path};

use anyhow::{Context as _, Error, Result};
use stable_storage_api::{Condition, CopyArgs, Error as StorageError, limits::MAX_PAYLOAD_BYTES};
use storage_client::ClientError;

use super::{
    across,
    blocked::{folder_above, not_cleared},
    copy::Copy,
    file,
    job::{Compare, Job},
    plan::Plan,
    report::{Report, item, shown, shown_removal},
};
use crate::{
    atomic_file::{AtomicFile, check_writable},
    context::Context,
    download::found,
    failures::Failures,
    input::{self, is_stream},
    links::folder_of,
    store::StoreClient,
    text,
    tree::{Content, Entry, Root},
    upload::ObjectSpec,
};

/// Returns the report of executing a plan, and adds the copies that would be refused to the failures. Nothing is changed.
pub(super) async fn report(context: &Context, job: &Job<'_>, plan: &Plan, failures: &mut Failures) -> Report {
    let (mut report, mut rehearsal) = (Report::default(), Rehearsal::new(context, job, plan));
    for copy in &plan.copies {
        match rehearsal.copy(copy).await {
            Ok(()) => {
                report.copied.push(shown(job, copy));
                report.bytes += copy.size();
            }
            Err(error) => failures.add(item(job, copy), &error),
        }
    }
    if failures.is_empty() {
        for entry in &plan.removals {
            match rehearsal.removal(entry) {
                Ok(()) => report.removed.push(shown_removal(job, entry)),
                Err(error) => failures.add(entry.shown(), &error),
            }
        }
    } else if !plan.removals.is_empty() {
        context.output.note("nothing would be removed, because something could not be copied");
    }
    let is_cleared = failures.is_empty();
    for copy in plan.blocked() {
        let rehearsed = if is_cleared { rehearsal.blocked(copy) } else { Err(not_cleared(copy)) };
        match rehearsed {
            Ok(()) => {
                report.copied.push(shown(job, copy));
                report.bytes += copy.size();
            }
            Err(error) => failures.add(item(job, copy), &error),
        }
    }
    report.copied.sort_unstable();
    report.removed.sort_unstable();
    report
}

struct Rehearsal<'a> {
    context: &'a Context,
    job: &'a Job<'a>,
    /// Whether the plan was compared with the target, so that what must be absent is.
    is_compared: bool,
    /// Whether the target may be a device, which only the copy of a single object can write.
    may_be_device: bool,
    /// Keys and files that would be written.
    targets: HashSet<String>,
}

impl<'a> Rehearsal<'a> {
    fn new(context: &'a Context, job: &'a Job<'a>, plan: &Plan) -> Self {
        let may_be_device =
            plan.copies.len() == 1 && job.options.compare == Compare::Nothing && !job.options.if_absent;
        Self { context, job, is_compared: plan.is_compared, may_be_device, targets: HashSet::new() }
    }

    /// Returns the error of a copy that would be refused.
    async fn copy(&mut self, copy: &Copy) -> Result<()> {
        match copy {
            Copy::Upload { file, size, spec } => {
                input::check(file)?;
                self.spec(spec, *size).await
            }
            Copy::Across { info, spec } => {
                if let (Root::Prefix { client: from, .. }, Root::Prefix { client: to, .. }) =
                    (&self.job.source, &self.job.target)
                    && std::ptr::eq(*from, *to)
                {
                    let args: CopyArgs = across::within(info, spec);
                    args.check().map_err(refused)?;
                }
                self.spec(spec, info.size).await
            }
            Copy::Fetch { file, .. } => {
                match is_stream(file) || self.may_be_device && AtomicFile::is_device(file) {
                    true => Ok(()),
                    false => self.file(file),
                }
            }
            Copy::Local { from, to, .. } => {
                input::check(from)?;
                self.file(to)
            }
        }
    }

    async fn spec(&mut self, spec: &ObjectSpec, size: u64) -> Result<()> {
        match size > MAX_PAYLOAD_BYTES {
            true => spec.clone().upload(size).check(),
            false => spec.clone().put(Vec::new()).check(),
        }
        .map_err(refused)?;
        if spec.condition != Condition::Absent {
            return Ok(());
        }
        let Root::Prefix { client, .. } = &self.job.target else { return Ok(()) };
        if !self.targets.insert(spec.key.clone()) || !self.is_compared && exists(client, &spec.key).await? {
            return Err(refused(StorageError::AlreadyExists));
        }
        Ok(())
    }

    /// Returns the error of a copy that would be refused also when nothing is in its place.
    fn blocked(&self, copy: &Copy) -> Result<()> {
        if let Copy::Local { from, .. } = copy {
            input::check(from)?;
        }
        copy.file().map_or(Ok(()), |file| check_writable(folder_above(file)))
    }

    /// Returns the error of a removal that would fail.
    fn removal(&self, entry: &Entry) -> Result<()> {
        match &entry.content {
            Content::Object(_) => Ok(()),
            Content::File(file) => check_writable(folder_of(file)).context("cannot remove the file"),
        }
    }

    fn file(&mut self, path: &Path) -> Result<()> {
        file::check(self.context, path, !self.job.options.if_absent)?;
        let is_first = self.targets.insert(text::path(path));
        if self.job.options.if_absent && !is_first {
            return Err(file::exists(path));
        }
        Ok(())
    }
}

/// Returns the error of a call with these arguments.
fn refused(error: StorageError) -> Error {
    ClientError::Storage { method: "put", error }.into()
}

async fn exists(client: &StoreClient, key: &str) -> Result<bool, ClientError> {
    Ok(found(client.stat_confirmed(key).await)?.is_some())
}

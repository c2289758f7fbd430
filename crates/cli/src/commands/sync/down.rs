//! `sync --down`: making a folder like the store.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Error, Result};
use futures_util::{StreamExt, stream};
use indicatif::HumanBytes;
use serde::Serialize;
use stable_storage_api::{ChecksumState, ObjectInfo, limits::MAX_REPLY_BYTES};

use super::{
    Job,
    plan::digest_of,
    until_interrupted,
    walk::{Folder, Walk},
};
use crate::{
    commands::fetch::{path_of, write_object},
    context::Context,
    failure::NotFound,
    failures::{Failed, Failures, ends_all},
    progress::Bar,
    store::StoreClient,
    text::{self, pluralize},
};

/// What was done or would be done, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    fetched: &'a [String],
    fetched_bytes: u64,
    unchanged: usize,
    removed: &'a [String],
    failed: &'a [Failed],
}

/// Plan of a sync.
#[derive(Default)]
struct Plan {
    /// Objects that are missing or different in the folder, and their files.
    fetch: Vec<(ObjectInfo, PathBuf)>,
    /// Files that are not in the store.
    remove: Vec<PathBuf>,
    /// Whether every existing file would be removed.
    removes_all: bool,
    /// Number of objects that the folder already has.
    unchanged: usize,
}

/// Result of a sync.
#[derive(Default)]
struct Outcome {
    fetched: Vec<String>,
    fetched_bytes: u64,
    removed: Vec<String>,
}

pub(super) async fn run(client: &StoreClient, context: &Context, job: &Job<'_>) -> Result<()> {
    let mut failures = Failures::default();
    let mut plan = Plan::make(client, context, job, &mut failures).await?;
    if job.args.delete && !failures.is_empty() {
        context.output.note("nothing will be removed, because a part of the store could not be compared");
        plan.remove.clear();
    }
    if job.args.dry_run {
        report(context, job, &plan, &Outcome::of(&plan), &failures)?;
        return failures.finish("object", "objects");
    }
    if plan.removes_all && !plan.remove.is_empty() && !job.args.force {
        let files = pluralize(plan.remove.len() as u64, "file", "files");
        let (folder, prefix) = (text::path(&job.folder), &job.prefix);
        let what = format!(
            "all {files} in {folder} would be removed: none of them is in the store under {prefix:?}"
        );
        super::confirm(context, &what)?;
    }
    let mut outcome = Outcome::default();
    let done = until_interrupted(context, outcome.achieve(client, context, &plan, &mut failures)).await;
    if done.is_ok() && failures.is_empty() {
        outcome.remove(&job.folder, &plan, &mut failures);
    } else if !plan.remove.is_empty() {
        context.output.note("nothing was removed, because some objects could not be fetched");
    }
    report(context, job, &plan, &outcome, &failures)?;
    done.and_then(|()| failures.finish("object", "objects"))
}

impl Plan {
    /// Compares the list of objects under the prefix with the files: first sizes, then digests. No object is read.
    async fn make(
        client: &StoreClient,
        context: &Context,
        job: &Job<'_>,
        failures: &mut Failures,
    ) -> Result<Self> {
        let objects = client.list_all(&job.prefix).await?;
        if objects.is_empty() && !job.args.delete {
            return Err(NotFound::under(job.prefix.trim_end_matches('/')).into());
        }
        let mut pairs = Vec::new();
        for info in objects {
            let name = &info.key[job.prefix.len()..];
            if job.exclude.covers(name) {
                continue;
            }
            match path_of(name) {
                Ok(path) => pairs.push((info, job.folder.join(path))),
                Err(error) => failures.add(format!("{:?}", info.key), &error),
            }
        }
        let mut plan = Self::default();
        if job.args.delete && job.folder.is_dir() {
            plan.look_for_more(&pairs, job, failures)?;
        }
        let hashed = pairs.iter().filter(|(info, file)| digest_to_have(info, file, job).is_some());
        let bar = context.bars.bar("comparing", hashed.map(|(info, _)| info.size).sum());
        let mut hashed = 0;
        for (info, file) in pairs {
            let is_same = match digest_to_have(&info, &file, job) {
                Some(expected) => {
                    let digest = digest_of(&file, &context.output.idle, &bar, hashed).await;
                    hashed += info.size;
                    digest.map(|digest| expected == digest)
                }
                None => Ok(job.args.size_only && is_of_size(&info, &file)),
            };
            match is_same.with_context(|| format!("cannot read {}", text::path(&file))) {
                Ok(true) => plan.unchanged += 1,
                Ok(false) => plan.fetch.push((info, file)),
                Err(error) => failures.add(text::path(&file), &error),
            }
        }
        Ok(plan)
    }

    /// Finds the files without an object.
    fn look_for_more(
        &mut self,
        pairs: &[(ObjectInfo, PathBuf)],
        job: &Job<'_>,
        failures: &mut Failures,
    ) -> Result<()> {
        let folder = Folder { path: &job.folder, prefix: "", exclude: &job.exclude, store: job.store };
        let walk = Walk::of(&folder, failures)?;
        let kept: BTreeSet<_> = pairs.iter().map(|(_, file)| file.as_path()).collect();
        let there_were = walk.files.len();
        let gone = walk.files.into_iter().map(|file| file.path).filter(|file| !kept.contains(file.as_path()));
        self.remove = gone.collect();
        self.removes_all = self.remove.len() == there_were;
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.fetch.iter().map(|(info, _)| info.size).sum()
    }
}

fn is_of_size(info: &ObjectInfo, file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.len() == info.size)
}

/// Returns the digest that a file must have to equal the object, or `None` if the file need not be hashed. An object
/// without a digest is always fetched.
fn digest_to_have<'a>(info: &'a ObjectInfo, file: &Path, job: &Job<'_>) -> Option<&'a [u8]> {
    let checksum = info.sha256.as_ref().filter(|checksum| checksum.state != ChecksumState::Mismatch)?;
    (!job.args.size_only && is_of_size(info, file)).then_some(checksum.digest.as_slice())
}

impl Outcome {
    /// Returns the result if nothing fails.
    fn of(plan: &Plan) -> Self {
        Self {
            fetched: plan.fetch.iter().map(|(info, _)| info.key.clone()).collect(),
            fetched_bytes: plan.bytes(),
            removed: plan.remove.iter().map(|file| text::path(file)).collect(),
        }
    }

    /// Fetches the objects of the plan: small objects concurrently, large ones one after the other with concurrent ranges.
    /// Reports and skips objects that fail. Returns an error only if the sync cannot continue.
    async fn achieve(
        &mut self,
        client: &StoreClient,
        context: &Context,
        plan: &Plan,
        failures: &mut Failures,
    ) -> Result<()> {
        let bar = context.bars.bar("fetching", plan.bytes());
        let is_small = |pair: &&(ObjectInfo, PathBuf)| pair.0.size <= MAX_REPLY_BYTES;
        let quiet = &context.without_bars();
        let small =
            plan.fetch.iter().filter(is_small).map(|(info, file)| async move {
                (info, write_object(client, quiet, &info.key, file).await)
            });
        let mut small = stream::iter(small).buffer_unordered(context.jobs());
        while let Some((info, fetched)) = small.next().await {
            self.add(info, fetched, &bar, plan, failures)?;
        }
        drop(small);
        for (info, file) in plan.fetch.iter().filter(|pair| !is_small(pair)) {
            let fetched = write_object(client, quiet, &info.key, file).await;
            self.add(info, fetched, &bar, plan, failures)?;
        }
        // In the order of the list, not of arrival.
        self.fetched.sort_unstable();
        Ok(())
    }

    fn add(
        &mut self,
        info: &ObjectInfo,
        fetched: Result<ObjectInfo>,
        bar: &Bar,
        plan: &Plan,
        failures: &mut Failures,
    ) -> Result<()> {
        match fetched {
            Ok(_) => {
                self.fetched.push(info.key.clone());
                self.fetched_bytes += info.size;
                storage_client::Progress::safe(bar, self.fetched_bytes, plan.bytes());
                Ok(())
            }
            Err(error) if ends_all(&error) => Err(error),
            Err(error) => {
                failures.add(format!("{:?}", info.key), &error);
                Ok(())
            }
        }
    }

    /// Removes files that are not in the store, and folders that become empty. This is the last step, so that an interrupted
    /// sync loses nothing.
    fn remove(&mut self, folder: &Path, plan: &Plan, failures: &mut Failures) {
        for file in &plan.remove {
            match fs::remove_file(file) {
                Ok(()) => {
                    self.removed.push(text::path(file));
                    let above = file.ancestors().skip(1).take_while(|above| *above != folder);
                    // A folder that is not empty stays, and so do its parents.
                    let _ = above.map(fs::remove_dir).find(Result::is_err);
                }
                Err(error) => {
                    failures.add(text::path(file), &Error::new(error).context("cannot remove the file"))
                }
            }
        }
    }
}

fn report(
    context: &Context,
    job: &Job<'_>,
    plan: &Plan,
    outcome: &Outcome,
    failures: &Failures,
) -> Result<()> {
    let report = Report {
        dry_run: job.args.dry_run,
        fetched: &outcome.fetched,
        fetched_bytes: outcome.fetched_bytes,
        unchanged: plan.unchanged,
        removed: &outcome.removed,
        failed: failures.items(),
    };
    if context.output.json || job.args.dry_run || !context.output.notes().quiet {
        context.output.print(&report, lines)?;
    }
    let would = if report.dry_run { "would have " } else { "" };
    context.output.note(&format!(
        "{would}fetched {} ({}), left {} unchanged, removed {}",
        pluralize(report.fetched.len() as u64, "object", "objects"),
        HumanBytes(report.fetched_bytes),
        text::grouped(report.unchanged as u64),
        text::grouped(report.removed.len() as u64)
    ));
    Ok(())
}

fn lines(report: &Report<'_>) -> Vec<String> {
    let (fetch, remove) = if report.dry_run { ("fetch", "remove") } else { ("fetched", "removed") };
    let fetched = report.fetched.iter().map(|key| format!("{fetch:7}  {key}"));
    fetched.chain(report.removed.iter().map(|file| format!("{remove:7}  {file}"))).collect()
}

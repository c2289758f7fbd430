//! What a job copies and removes.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::{
    blocked::Clearing,
    compare::{Digests, Sameness},
    copy::Copy,
    existing::Existing,
    job::{Job, Options},
    targets::{self, Targets},
};
use crate::{
    context::Context,
    failure::{NotFound, with_help},
    failures::{Failures, ends_all},
    links::{folder_of, resolve},
    tree::{Content, Entry, Reading, Root, Tree, linked_from, path_of},
};

/// Plan of a job.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// What is missing or different in the target.
    pub(crate) copies: Vec<Copy>,
    /// The number of copies at the end that begin when all others are complete.
    last: usize,
    /// What the target has and the source has not.
    pub(crate) removals: Vec<Entry>,
    /// Copies that begin when the removals are complete, because something is in their place.
    pub(super) blocked: Option<Box<Plan>>,
    /// Text of the question that a run without a terminal could not ask. Only for a dry run.
    pub(super) unconfirmed: Option<String>,
    /// Whether everything that the target has would be removed.
    pub(crate) removes_all: bool,
    /// Whether the copies were chosen by what the target has.
    pub(super) is_compared: bool,
    /// Number of entries that the target has already.
    pub(crate) unchanged: u64,
    /// Folders of the target that may have temporary files of a command that was killed, without links.
    pub(super) visited: BTreeSet<PathBuf>,
}

impl Plan {
    /// Compares two trees. Files are hashed, objects are not read. What cannot be read is added to the failures.
    pub(crate) async fn make(context: &Context, job: &Job<'_>, failures: &mut Failures) -> Result<Self> {
        let tree = Self::source(context, job, failures).await?;
        let existing = Existing::read(context, job, failures).await?;
        Self::of(context, job, tree, existing, failures).await
    }

    /// Reads the source.
    pub(crate) async fn source(context: &Context, job: &Job<'_>, failures: &mut Failures) -> Result<Tree> {
        let Job { source, options, .. } = job;
        let Options { filter, .. } = options;
        let reading =
            Reading { filter, stores: &context.stores, kept: None, verifier: context.verifier.as_ref() };
        let tree = source.read(&reading, failures).await?;
        tree.skipped.iter().for_each(|skipped| context.output.note(&format!("skipped {skipped}")));
        if let Root::Prefix { prefix, .. } = source
            && tree.existing == 0
            && !options.delete
        {
            return Err(NotFound::under(prefix.trim_end_matches('/')).into());
        }
        Ok(tree)
    }

    /// Compares the source with what the target has.
    pub(crate) async fn of(
        context: &Context,
        job: &Job<'_>,
        tree: Tree,
        mut existing: Existing,
        failures: &mut Failures,
    ) -> Result<Self> {
        let visited = std::mem::take(&mut existing.unfinished);
        let mut plan = Self { is_compared: true, visited, ..Self::default() };
        if job.options.delete {
            let kept: BTreeSet<_> =
                tree.entries.iter().map(|entry| &entry.name).chain(&tree.left_out).collect();
            plan.remove(existing.not_in(&kept, &job.options.filter), existing.count);
            if let Root::Folder(folder) = &job.target {
                let in_target = kept.into_iter().filter_map(|name| linked_from(folder, name));
                let in_source = tree.entries.iter().filter_map(Entry::linked);
                plan.keep_what_links_lead_to(&in_target.chain(in_source).collect());
            }
        }
        plan.compare(context, job, tree, &mut existing, failures).await?;
        Ok(plan)
    }

    /// Removes no file that a link to keep, or one of the source, leads to.
    fn keep_what_links_lead_to(&mut self, kept: &BTreeSet<PathBuf>) {
        if !kept.is_empty() {
            self.removals.retain(|entry| match &entry.content {
                // A link itself is not what it leads to.
                Content::File(file) => !itself(file).is_ok_and(|file| kept.contains(&file)),
                Content::Object(_) => true,
            });
        }
    }

    fn remove(&mut self, removals: Vec<Entry>, existing: usize) {
        self.removes_all = removals.len() == existing;
        self.removals = removals;
    }

    /// Adds the entries of the source that the target does not have.
    async fn compare(
        &mut self,
        context: &Context,
        job: &Job<'_>,
        tree: Tree,
        existing: &mut Existing,
        failures: &mut Failures,
    ) -> Result<()> {
        let Job { target, options, .. } = job;
        let pairs = tree.entries.into_iter().map(|entry| {
            let other = existing.take(target, &entry.name);
            (Sameness::of(&entry, other.as_ref(), options), entry, other)
        });
        let pairs: Vec<_> = pairs.collect();
        let folders = match target {
            Root::Folder(_) => folders_of(pairs.iter().map(|(_, entry, _)| entry.name.as_str())),
            Root::Prefix { .. } => BTreeSet::new(),
        };
        let hashed =
            pairs.iter().map(|(sameness, entry, other)| sameness.hashed_bytes(entry, other.as_ref())).sum();
        let (mut digests, mut targets) = (Digests::new(context, hashed), Targets::default());
        let (clearing, mut blocked) = (Clearing::new(context, job, &self.removals), Vec::new());
        for (sameness, entry, other) in pairs {
            let item = entry.shown();
            let is_same = match &other {
                Some(other) => sameness.decide(&mut digests, (&job.source, &entry), (target, other)).await,
                None => Ok(false),
            };
            let added = match (target, path_of(&entry.name)) {
                (Root::Folder(folder), Ok(path)) => targets.add(&folder.join(path), &entry.name),
                _ => Ok(()),
            };
            let is_blocked = match &clearing {
                Some(clearing) if other.is_none() => clearing.blocks(&entry.name),
                _ => Ok(false),
            };
            let copy = match is_same {
                // A file that is there already stays one.
                _ if other.is_none() && folders.contains(&entry.name) => Err(with_help(
                    format!("{:?} would be both a file and a folder: there are keys in it", entry.name),
                    "read the object with: storage get KEY FILE",
                )),
                Ok(true) => {
                    self.unchanged += 1;
                    continue;
                }
                Ok(false) => added.and(is_blocked).and_then(|is_blocked| match target {
                    Root::Folder(folder) if is_blocked => {
                        blocked.push(Copy::to_file(
                            entry.content,
                            entry.size,
                            folder.join(path_of(&entry.name)?),
                        ));
                        Ok(None)
                    }
                    _ => Copy::new(entry, other.as_ref(), target, options).map(Some),
                }),
                Err(error) => Err(error),
            };
            match copy {
                Ok(copy) => self.copies.extend(copy),
                Err(error) if ends_all(&error) => return Err(error),
                Err(error) => failures.add(item, &error),
            }
        }
        if let Root::Folder(folder) = target {
            self.visited.extend(targets.folders_below(folder)?);
        }
        if !blocked.is_empty() {
            self.blocked = Some(Box::new(Self { copies: blocked, is_compared: true, ..Self::default() }));
        }
        self.keep_sources(failures);
        Ok(())
    }

    /// Refuses copies on this machine that would replace the source of another one.
    pub(crate) fn keep_sources(&mut self, failures: &mut Failures) {
        let blocked = self.blocked.as_ref().map_or(&[][..], |plan| &plan.copies);
        targets::keep_sources(&mut self.copies, blocked, failures);
    }

    /// Makes these copies last: they begin when all others are complete.
    pub(crate) fn make_last(&mut self, is_last: impl Fn(&Copy) -> bool) {
        self.copies.sort_by_key(&is_last);
        self.last = self.copies.iter().filter(|copy| is_last(copy)).count();
    }

    /// Returns the copies in groups, of which each begins when the one before it is complete.
    pub(super) fn stages(&self) -> [&[Copy]; 2] {
        let (first, last) = self.copies.split_at(self.copies.len().saturating_sub(self.last));
        [first, last]
    }

    /// Returns the copies that begin when the removals are complete.
    pub(super) fn blocked(&self) -> &[Copy] {
        self.blocked.as_ref().map_or(&[], |plan| &plan.copies)
    }

    /// Returns the number of bytes to copy.
    pub(crate) fn bytes(&self) -> u64 {
        self.copies.iter().chain(self.blocked()).map(Copy::size).sum()
    }
}

/// Returns the path of a file without links above it.
fn itself(file: &Path) -> io::Result<PathBuf> {
    let folder = resolve(folder_of(file))?;
    Ok(file.file_name().map_or(folder.clone(), |name| folder.join(name)))
}

/// Returns the folders that paths lead through.
fn folders_of<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    paths.flat_map(|path| path.match_indices('/').map(|(end, _)| path[..end].to_owned())).collect()
}

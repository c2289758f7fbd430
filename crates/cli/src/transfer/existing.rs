//! What the target of a job has.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use anyhow::{Result, bail};

use super::job::{Compare, Job};
use crate::{
    context::Context,
    failures::Failures,
    links::resolve,
    text,
    tree::{Entry, Filter, Reading, Root, path_of},
};

/// What the target has.
pub(crate) struct Existing {
    /// Entries by name. Of a folder, only if something may be removed: otherwise single files are looked up.
    pub(crate) entries: BTreeMap<String, Entry>,
    /// Files whose names no entry of a source can have.
    extras: Vec<Entry>,
    is_listed: bool,
    /// Number of entries that the patterns select.
    pub(super) count: usize,
    /// Folders with temporary files, without links.
    pub(super) unfinished: BTreeSet<PathBuf>,
}

impl Existing {
    /// Reads the target, as far as it is needed.
    pub(crate) async fn read(context: &Context, job: &Job<'_>, failures: &mut Failures) -> Result<Self> {
        let Job { target, options, .. } = job;
        if let Root::Folder(folder) = target
            && folder.exists()
            && !folder.is_dir()
        {
            bail!("cannot write to {}: it is not a folder", text::path(folder));
        }
        let is_needed = match target {
            Root::Folder(folder) => options.delete && folder.is_dir(),
            Root::Prefix { .. } => options.delete || options.if_absent || options.compare != Compare::Nothing,
        };
        if !is_needed {
            let (entries, extras, unfinished) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
            return Ok(Self { entries, extras, is_listed: false, count: 0, unfinished });
        }
        // In a store, an entry is compared also if only its counterpart is selected; a folder need not be walked for that.
        let all = Filter::default();
        let filter = match target {
            Root::Folder(_) => &options.filter.without_ages_and_sizes(),
            Root::Prefix { .. } => &all,
        };
        let kept = Some(&context.store_folders);
        let reading = Reading { filter, stores: &context.stores, kept, verifier: None };
        let tree = target.read(&reading, failures).await?;
        if options.delete {
            // What is in their place remains.
            tree.skipped.iter().for_each(|skipped| context.output.note(&format!("skipped {skipped}")));
        }
        let selected = tree.entries.iter().filter(|entry| options.filter.names(&entry.name));
        let count = selected.count() + tree.extras.len();
        let entries = tree.entries.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
        let unfinished = tree.unfinished.iter().filter_map(|folder| resolve(folder).ok()).collect();
        Ok(Self { entries, extras: tree.extras, is_listed: true, count, unfinished })
    }

    /// Returns the entries with other names than these, which the patterns select.
    pub(super) fn not_in(&self, names: &BTreeSet<&String>, filter: &Filter) -> Vec<Entry> {
        let others = self.entries.values().filter(|entry| !names.contains(&entry.name));
        others.filter(|entry| filter.names(&entry.name)).chain(&self.extras).cloned().collect()
    }

    /// Returns the entry with this name.
    pub(super) fn take(&mut self, target: &Root<'_>, name: &str) -> Option<Entry> {
        match target {
            Root::Folder(folder) => {
                let path = folder.join(path_of(name).ok()?);
                let metadata = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?;
                Some(Entry::of_file(name.to_owned(), &path, &metadata))
            }
            Root::Prefix { .. } if self.is_listed => self.entries.remove(name),
            Root::Prefix { .. } => None,
        }
    }
}

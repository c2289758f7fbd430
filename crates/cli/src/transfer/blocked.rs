//! Copies in whose place is something else that `--delete` removes: a folder where a file is to be, or the reverse.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Error, Result};
use walkdir::WalkDir;

use super::{copy::Copy, job::Job};
use crate::{
    context::Context,
    failure::with_help,
    text,
    tree::{Content, Entry, Filter, Root, path_of},
};

/// What removals leave in a folder.
pub(super) struct Clearing<'a> {
    context: &'a Context,
    folder: &'a Path,
    filter: &'a Filter,
    removed: HashSet<PathBuf>,
}

impl<'a> Clearing<'a> {
    /// Prepares looking up what is removed; `None` if nothing can be, or if the target has no folders.
    pub(super) fn new(context: &'a Context, job: &'a Job<'_>, removals: &[Entry]) -> Option<Self> {
        let Root::Folder(folder) = &job.target else { return None };
        let removed = removals.iter().filter_map(|entry| match &entry.content {
            Content::File(file) => Some(file.clone()),
            Content::Object(_) => None,
        });
        let removed = removed.collect();
        job.options.delete.then(|| Self { context, folder, filter: &job.options.filter, removed })
    }

    /// Returns whether a copy to a name must wait until something in its place is removed. Fails if that is a folder which is
    /// not removed as a whole. Whatever else is in its place is an error of the copy.
    pub(super) fn blocks(&self, name: &str) -> Result<bool> {
        let Ok(path) = path_of(name) else { return Ok(false) };
        let file = self.folder.join(&path);
        let is = |path: &Path, of: fn(&fs::Metadata) -> bool| path.symlink_metadata().is_ok_and(|it| of(&it));
        if is(&file, fs::Metadata::is_dir) {
            return self.check_folder(&file).map(|()| true);
        }
        let folders = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
        let mut in_place =
            folders.map(|above| self.folder.join(above)).filter(|above| is(above, |it| !it.is_dir()));
        Ok(in_place.any(|above| self.removed.contains(&above)))
    }

    /// Checks that nothing remains in a folder.
    fn check_folder(&self, folder: &Path) -> Result<()> {
        for entry in WalkDir::new(folder) {
            let is_removed = match &entry {
                Err(_) => false,
                Ok(entry) if entry.file_type().is_dir() => {
                    !is_excluded(self.folder, entry.path(), self.filter)
                        && !self.context.store_folders.contains(entry.path())
                }
                Ok(entry) => self.removed.contains(entry.path()),
            };
            if !is_removed {
                let rest = entry.ok().map_or_else(|| text::path(folder), |entry| text::path(entry.path()));
                return Err(with_help(
                    format!("cannot write {}: it is a folder, and {rest} is not removed", text::path(folder)),
                    "remove the folder, or --exclude the file",
                ));
            }
        }
        Ok(())
    }
}

fn is_excluded(root: &Path, folder: &Path, filter: &Filter) -> bool {
    folder.strip_prefix(root).is_ok_and(|relative| filter.excludes(&relative.to_string_lossy(), true))
}

/// Removes the empty folders in whose place copies are. One that is not empty remains, and is an error of its copy.
pub(super) fn remove_empty_folders(copies: &[Copy]) {
    for file in copies.iter().filter_map(Copy::file) {
        if file.symlink_metadata().is_ok_and(|it| it.is_dir()) {
            let folders = WalkDir::new(file).contents_first(true).into_iter().filter_map(Result::ok);
            // Only an empty folder is removed by this.
            let _ = folders.map(|folder| fs::remove_dir(folder.path())).find(Result::is_err);
        }
    }
}

/// Returns the folder that exists above a file once everything in its place is removed.
pub(super) fn folder_above(file: &Path) -> &Path {
    let mut above = file.ancestors().skip(1);
    let is_folder = |above: &&Path| above.symlink_metadata().is_ok_and(|it| it.is_dir());
    above.find(is_folder).unwrap_or(Path::new("."))
}

/// Returns the error of a copy in whose place something has remained.
pub(super) fn not_cleared(copy: &Copy) -> Error {
    let file = copy.file().map(text::path).unwrap_or_default();
    with_help(
        format!("cannot write {file}: what is in its place was not removed, because something else failed"),
        "run the command again when the other failures are resolved",
    )
}

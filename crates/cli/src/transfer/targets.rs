//! The files that a job writes, of which two can be one, or one that the job reads: through a link.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::copy::Copy;
use crate::{
    failure::with_help,
    failures::Failures,
    links::{folder_of, led_to, resolve},
    text,
};

/// Paths of files without links. Each folder is resolved once.
#[derive(Default)]
struct Paths {
    folders: HashMap<PathBuf, PathBuf>,
}

impl Paths {
    /// Returns the path of the file that is read or written under a path.
    fn of(&mut self, file: &Path) -> io::Result<PathBuf> {
        let folder = folder_of(file);
        if !self.folders.contains_key(folder) {
            self.folders.insert(folder.to_owned(), resolve(folder)?);
        }
        match (file.is_symlink(), file.file_name()) {
            (false, Some(last)) => Ok(self.folders[folder].join(last)),
            // A link may lead to a file that the job creates.
            _ => led_to(file),
        }
    }
}

/// Files by their paths without links, with the names that lead to them.
#[derive(Default)]
pub(super) struct Targets {
    paths: Paths,
    names: HashMap<PathBuf, String>,
}

impl Targets {
    /// Returns the folders of the files that are below this one, and those on the way to them, without links.
    pub(super) fn folders_below(&self, root: &Path) -> Result<BTreeSet<PathBuf>> {
        let root = resolve(root)?;
        let folders = self.paths.folders.values().flat_map(|folder| folder.ancestors());
        Ok(folders.filter(|folder| folder.starts_with(&root)).map(Path::to_owned).collect())
    }

    /// Adds a file. Fails if another name leads to it: the later copy would replace the earlier one.
    pub(super) fn add(&mut self, file: &Path, name: &str) -> Result<()> {
        let resolved = self.paths.of(file)?;
        match self.names.get(&resolved) {
            None => {
                self.names.insert(resolved, name.to_owned());
                Ok(())
            }
            Some(other) => Err(with_help(
                format!(
                    "{} leads to the same file as {other:?}: {}",
                    text::path(file),
                    text::path(&resolved)
                ),
                "remove the link from the target, or --exclude one of the two",
            )),
        }
    }
}

/// Removes copies on this machine that would replace the source of another one, which may not have been copied by then, and adds
/// them to the failures. `blocked` are copies that begin later.
pub(super) fn keep_sources(copies: &mut Vec<Copy>, blocked: &[Copy], failures: &mut Failures) {
    let mut paths = Paths::default();
    let sources: HashMap<_, _> = copies
        .iter()
        .chain(blocked)
        .filter_map(|copy| match copy {
            Copy::Local { from, .. } => Some((paths.of(from).ok()?, from.clone())),
            _ => None,
        })
        .collect();
    copies.retain(|copy| {
        let Copy::Local { from, to, .. } = copy else { return true };
        let Some(other) = paths.of(to).ok().and_then(|file| sources.get(&file)) else { return true };
        let what = format!("cannot write {}: {} leads to it", text::path(to), text::path(other));
        let help = "run the command again when that is copied, or leave one of the two out";
        failures.add(text::path(from), &with_help(what, help));
        false
    });
}

//! The files that a job writes, of which two can be one: through a link in the target.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::{
    failure::with_help,
    links::{folder_of, led_to, resolve},
    text,
};

/// Files by their paths without links, with the names that lead to them.
#[derive(Default)]
pub(super) struct Targets {
    folders: HashMap<PathBuf, PathBuf>,
    names: HashMap<PathBuf, String>,
}

impl Targets {
    /// Adds a file. Fails if another name leads to it: the later copy would replace the earlier one.
    pub(super) fn add(&mut self, file: &Path, name: &str) -> Result<()> {
        let folder = folder_of(file);
        if !self.folders.contains_key(folder) {
            self.folders.insert(folder.to_owned(), resolve(folder)?);
        }
        let resolved = match (file.is_symlink(), file.file_name()) {
            (false, Some(last)) => self.folders[folder].join(last),
            // A link may lead to a file that the job creates.
            _ => led_to(file)?,
        };
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

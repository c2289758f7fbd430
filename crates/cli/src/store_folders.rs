//! Folders of stores, into which a command writes nothing else.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use embedded_ic::EmbeddedIc;

use crate::{failure::with_help, text};

/// Files of which a store has at least one beside its state, however damaged it is.
const OTHER_FILES: [&str; 3] = ["heap.bin", "journal.bin", "LOCK"];

/// Finds the folders of stores, whether or not the settings name them. Asks once for each folder, so that a copy of
/// a store is not refused halfway because it has become one. Clones share the answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreFolders(Arc<Mutex<HashMap<PathBuf, bool>>>);

impl StoreFolders {
    /// Returns whether a folder is that of a store.
    pub(crate) fn contains(&self, folder: &Path) -> bool {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = answers.get(folder) {
            return *answer;
        }
        // In a folder without search permission, no file can be written or removed. The dot needs this permission.
        let answer = folder.join(".").is_dir() && is_store(folder);
        answers.insert(folder.to_owned(), answer);
        answer
    }

    /// Returns the folder of the store that a folder is in, or is. The path must be absolute and without links.
    pub(crate) fn around<'a>(&self, folder: &'a Path) -> Option<&'a Path> {
        folder.ancestors().find(|above| self.contains(above))
    }

    /// Checks that a folder is neither that of a store nor in one. The path must be absolute and without links.
    pub(crate) fn check_outside(&self, folder: &Path) -> Result<()> {
        match self.around(folder) {
            None => Ok(()),
            Some(store) => Err(with_help(
                format!("it is in the folder of the store {}", text::path(store)),
                "write to another folder",
            )),
        }
    }
}

/// Returns whether a folder has the files of a store. A file that only has the name of a state may be any.
fn is_store(folder: &Path) -> bool {
    EmbeddedIc::is_dir(folder) && OTHER_FILES.iter().any(|name| folder.join(name).exists())
}

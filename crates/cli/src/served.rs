//! The file in a store's folder that says at which URL the store is served.

use std::{
    fs::{self, File, TryLockError},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The name of the file in the folder. The process that serves the store keeps it locked.
const FILE: &str = "served.json";

/// Folder that this process serves.
pub(crate) struct Served {
    path: PathBuf,
    _lock: File,
}

/// URL and canister of a served folder.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct At {
    pub(crate) url: String,
    pub(crate) canister: String,
}

impl Served {
    /// Writes the file. It is removed when the value is dropped.
    pub(crate) fn announce(folder: &Path, url: &str, canister: &str) -> Result<Self> {
        let path = folder.join(FILE);
        let failed = || format!("cannot write {}", path.display());
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .with_context(failed)?;
        // On a file system without locks, other commands wait instead of reporting the URL.
        let _ = file.try_lock();
        let at = At { url: url.to_owned(), canister: canister.to_owned() };
        file.write_all(serde_json::to_string(&at)?.as_bytes()).with_context(failed)?;
        Ok(Self { path, _lock: file })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // A file that cannot be removed is not locked, and is ignored.
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns where a folder is served, if it is.
pub(crate) fn at(folder: &Path) -> Option<At> {
    let path = folder.join(FILE);
    let file = File::open(&path).ok()?;
    // A file that a killed process left is not locked.
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => serde_json::from_str(&fs::read_to_string(&path).ok()?).ok(),
        _ => None,
    }
}

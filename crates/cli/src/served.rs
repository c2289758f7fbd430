//! The file that tells other commands that a folder is served, and where.

use std::{
    fs::{self, File, TryLockError},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The name of the file in the folder. It is locked by the process that serves.
const FILE: &str = "served.json";

/// A folder that this process serves.
pub(crate) struct Served {
    path: PathBuf,
    _lock: File,
}

/// Where a folder is served.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct At {
    pub(crate) url: String,
    pub(crate) canister: String,
}

impl Served {
    /// Writes the file, until this is dropped.
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
        // A file system without locks does without: other commands wait then, and do not hear why.
        let _ = file.try_lock();
        let at = At { url: url.to_owned(), canister: canister.to_owned() };
        file.write_all(serde_json::to_string(&at)?.as_bytes()).with_context(failed)?;
        Ok(Self { path, _lock: file })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // A file that stays is not locked, and says nothing.
        let _ = fs::remove_file(&self.path);
    }
}

/// Where a folder is served, if it is.
pub(crate) fn at(folder: &Path) -> Option<At> {
    let path = folder.join(FILE);
    let file = File::open(&path).ok()?;
    // One that was left by a process that was killed is locked by nobody.
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => serde_json::from_str(&fs::read_to_string(&path).ok()?).ok(),
        _ => None,
    }
}

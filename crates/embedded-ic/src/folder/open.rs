//! Making and opening a state folder.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::journal::{Journal, Target};
use super::{Folder, HEAP, JOURNAL, LOCK, STABLE, STATE, TEMPORARY, module_file, state, sync_folder};
use crate::committed::Committed;
use crate::config::SyncPolicy;
use crate::error::HostError;
use crate::heap::HeapImage;
use crate::module::Prepared;
use crate::stable::{FileStore, StableMemory};

/// A folder that was opened, with all that is in it.
pub(crate) struct Opened {
    pub(crate) folder: Folder,
    pub(crate) committed: Committed,
    pub(crate) heap: HeapImage,
    pub(crate) stable: StableMemory,
    /// The installed module, as it was given.
    pub(crate) module: Option<Vec<u8>>,
}

impl Folder {
    /// Makes a folder with the given state, which has no module. The state file comes last: a folder without one was
    /// never finished, and may be made again.
    pub(crate) fn create(path: &Path, committed: &Committed) -> Result<(), HostError> {
        std::fs::create_dir_all(path).map_err(HostError::io(format!("make {}", path.display())))?;
        check_vacant(path)?;
        let _lock = lock(path)?;
        Journal::create(&path.join(JOURNAL))?;
        for name in [HEAP, STABLE] {
            let file = path.join(name);
            File::create(&file).map_err(HostError::io(format!("make {}", file.display())))?;
        }
        state::write(&path.join(STATE), 0, committed)?;
        sync_folder(path)
    }

    /// Opens a folder, and does again what its journal says.
    pub(crate) fn open(path: &Path, sync: SyncPolicy) -> Result<Opened, HostError> {
        if !path.join(STATE).exists() {
            return Err(HostError::NotAFolder { path: path.to_owned(), missing: STATE });
        }
        let lock = lock(path)?;
        let (next, committed) = state::read(&path.join(STATE))?;
        let mut heap = HeapImage::in_file(open_file(&path.join(HEAP))?);
        let mut store = Box::new(FileStore::new(open_file(&path.join(STABLE))?));
        let mut target = Target { heap: &mut heap, stable: &mut *store };
        let (journal, next, replayed) = Journal::open(&path.join(JOURNAL), next, &mut target)?;
        let committed = replayed.unwrap_or(committed);
        let module = read_module(path, &committed)?;
        remove_leftovers(path, &committed);
        Ok(Opened {
            stable: StableMemory::new(store, committed.stable_pages),
            folder: Self {
                path: path.to_owned(),
                journal,
                sync,
                next,
                old_modules: Vec::new(),
                module: committed.module,
                _lock: lock,
            },
            committed,
            heap,
            module,
        })
    }
}

/// Refuses a folder in which there is anything but what an interrupted [`Folder::create`] leaves.
fn check_vacant(path: &Path) -> Result<(), HostError> {
    let failed = || HostError::io(format!("look into {}", path.display()));
    let ours = [LOCK, HEAP, STABLE, JOURNAL];
    for entry in std::fs::read_dir(path).map_err(failed())? {
        let name = entry.map_err(failed())?.file_name();
        let name = name.to_string_lossy();
        if !ours.contains(&&*name) && !name.ends_with(TEMPORARY) {
            return Err(HostError::FolderExists { path: path.to_owned() });
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, HostError> {
    let name = path.join(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(HostError::io(format!("open {}", name.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(HostError::FolderInUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(HostError::io(format!("lock {}", name.display()))(error)),
    }
}

fn open_file(path: &Path) -> Result<File, HostError> {
    File::options()
        .read(true)
        .write(true)
        .open(path)
        .map_err(HostError::io(format!("open {}", path.display())))
}

fn read_module(path: &Path, committed: &Committed) -> Result<Option<Vec<u8>>, HostError> {
    let Some(hash) = committed.module else { return Ok(None) };
    let file = path.join(module_file(&hash));
    let wasm = std::fs::read(&file).map_err(HostError::io(format!("read {}", file.display())))?;
    if Prepared::hash(&wasm) != hash {
        return Err(HostError::Damaged {
            path: file,
            offset: 0,
            what: "its hash is not that of its name".into(),
        });
    }
    Ok(Some(wasm))
}

/// Removes files of modules that never were installed, or no longer are, and files that were not finished.
fn remove_leftovers(path: &Path, committed: &Committed) {
    let current = committed.module.map(|hash| module_file(&hash));
    let Ok(entries) = std::fs::read_dir(path) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_module = name.starts_with("module-") && name.ends_with(".wasm");
        if name.ends_with(TEMPORARY) || is_module && current.as_deref() != Some(&*name) {
            // A file that stays costs room and nothing else.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

//! A folder that keeps the state of one canister.
//!
//! | file | content |
//! |---|---|
//! | `LOCK` | empty; whoever has the folder open holds the operating system's lock on it |
//! | `state.bin` | the state at the last checkpoint, see [`state`] |
//! | `module-HASH.wasm` | the installed module, as it was given |
//! | `heap.bin`, `stable.bin` | pages of heap and stable memory, sparse |
//! | `journal.bin` | what was committed since the checkpoint, see [`journal`] |
//!
//! A message counts as committed once its record is in the journal. Only then are its pages written to `heap.bin` and
//! `stable.bin`, so that whatever a dying process leaves undone there is done again from the journal when the folder is
//! opened. A checkpoint forces the pages to the disk, then replaces `state.bin`, then empties the journal; records that
//! survive a death between the last two are known by their numbers and skipped.

mod codec;
mod journal;
mod open;
mod state;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(crate) use journal::Change;
pub(crate) use open::Opened;

use crate::committed::Committed;
use crate::config::SyncPolicy;
use crate::error::HostError;
use crate::module::ModuleHash;

use journal::Journal;

const LOCK: &str = "LOCK";
const STATE: &str = "state.bin";
const HEAP: &str = "heap.bin";
const STABLE: &str = "stable.bin";
const JOURNAL: &str = "journal.bin";
const TEMPORARY: &str = ".new";

/// Bytes of journal after which a checkpoint is due.
const JOURNAL_BYTES: u64 = 64 << 20;

/// An open state folder.
pub(crate) struct Folder {
    path: PathBuf,
    journal: Journal,
    sync: SyncPolicy,
    /// Number of the next record.
    next: u64,
    /// Module files that a checkpoint may remove: their modules were replaced.
    old_modules: Vec<ModuleHash>,
    module: Option<ModuleHash>,
    /// Holds the lock; dropped last.
    _lock: File,
}

impl Folder {
    /// Appends a change to the journal: from here on it survives the process.
    pub(crate) fn append(&mut self, change: &Change<'_>) -> Result<(), HostError> {
        self.journal.append(self.next, change, self.sync == SyncPolicy::EveryMessage)?;
        self.next += 1;
        if self.module != change.next.module {
            self.old_modules.extend(self.module);
            self.module = change.next.module;
        }
        Ok(())
    }

    /// Writes the file of a module that is about to be committed.
    pub(crate) fn keep_module(&mut self, hash: &ModuleHash, wasm: &[u8]) -> Result<(), HostError> {
        self.old_modules.retain(|old| old != hash);
        let path = self.path.join(module_file(hash));
        if path.exists() {
            return Ok(());
        }
        write_whole(&path, wasm)
    }

    pub(crate) fn checkpoint_is_due(&self) -> bool {
        self.journal.bytes() > JOURNAL_BYTES
    }

    /// Records the state, whose pages have been forced to the disk, and empties the journal.
    pub(crate) fn checkpoint(&mut self, committed: &Committed) -> Result<(), HostError> {
        state::write(&self.path.join(STATE), self.next, committed)?;
        self.journal.clear()?;
        for old in self.old_modules.drain(..) {
            if Some(old) != committed.module {
                // A file that stays costs room and nothing else.
                let _ = std::fs::remove_file(self.path.join(module_file(&old)));
            }
        }
        Ok(())
    }
}

fn module_file(hash: &ModuleHash) -> String {
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("module-{hex}.wasm")
}

/// Writes a file so that after a crash it is there whole, or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), HostError> {
    let failed = || HostError::io(format!("write {}", path.display()));
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY);
    let mut file = File::create(&temporary).map_err(failed())?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed())?;
    std::fs::rename(&temporary, path).map_err(failed())?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Forces the entries of a folder to the disk.
fn sync_folder(path: &Path) -> Result<(), HostError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(HostError::io(format!("force {} to the disk", path.display())))
}

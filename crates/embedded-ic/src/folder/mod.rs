//! Folder with the state of one canister.
//!
//! | file | content |
//! |---|---|
//! | `LOCK` | empty; locked by the process that has the folder open |
//! | `state.bin` | the state at the last checkpoint, see [`state`] |
//! | `module-HASH.wasm` | the installed module, as it was given |
//! | `heap.bin` | pages of the heap, sparse |
//! | `stable.bin`, or `stable-N.bin` after stable memory was replaced N times | its pages, sparse |
//! | `journal.bin` | what was committed since the checkpoint, see [`journal`] |
//! | `keys.bin`, once something was signed | the secret keys, see `signer::keys` |
//!
//! A message is committed once its record is in the journal. Pages of stable memory that had no content are written to its
//! file before the record, which names them, and forced to the disk together with it. Until a record or the checkpoint
//! names them, they count as zeros. If they are few, they are part of the record, like all other pages, and are then
//! written to `heap.bin` and the file of stable memory. If the process dies before that, the journal is replayed when the
//! folder is opened.
//! A checkpoint forces the pages to the disk, then replaces `state.bin`, then empties the journal. Records that survive a
//! crash between the last two steps are recognized by their numbers and skipped.
//!
//! Stable memory that is replaced as a whole, by an import or an install, is written to a separate file. The record that
//! names it is the single step by which this memory and its heap and module take effect.

mod codec;
mod journal;
mod names;
mod open;
mod state;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};

pub(crate) use journal::{Change, RESERVED};
pub(crate) use open::{Access, Opened};

use crate::committed::Committed;
use crate::config::SyncPolicy;
use crate::disk;
use crate::error::HostError;
use crate::heap::HeapImage;
use crate::module::ModuleHash;
use crate::notice::Notice;
use crate::space::disk_full;
use crate::stable::{FileStore, PageStore, Runs};

use journal::{AppendError, Journal};
pub(crate) use names::KEYS;
use names::{DAMAGED_JOURNAL, JOURNAL, STATE, TEMPORARY, module_file, stable_file};

/// Size of the journal at which a checkpoint is due.
const JOURNAL_BYTES: u64 = 64 << 20;

/// An open state folder.
pub(crate) struct Folder {
    path: PathBuf,
    /// `None` if the folder is read-only.
    journal: Option<Journal>,
    sync: SyncPolicy,
    /// Number of the next record.
    next: u64,
    /// Current generation of stable memory.
    generation: u64,
    /// Files that a checkpoint may remove, because their contents were replaced.
    old: Vec<PathBuf>,
    module: Option<ModuleHash>,
    notices: Vec<Notice>,
    /// Holds the lock; dropped last.
    _lock: Option<File>,
}

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns notices for the user who opened the folder.
    pub(crate) fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Returns an error if the folder is read-only.
    pub(crate) fn writable(&self) -> Result<(), HostError> {
        match self.journal {
            Some(_) => Ok(()),
            None => Err(HostError::ReadOnly { path: self.path.clone() }),
        }
    }

    /// Returns whether pages are forced to the disk before the record that names them.
    pub(crate) fn forces_messages(&self) -> bool {
        self.sync == SyncPolicy::EveryMessage
    }

    /// Returns the generation of stable memory after a change.
    pub(crate) fn generation_after(&self, is_replaced: bool) -> u64 {
        self.generation + u64::from(is_replaced)
    }

    /// Creates an empty store for stable memory that is to replace the current one.
    pub(crate) fn new_store(&self) -> Result<FileStore, HostError> {
        self.writable()?;
        let generation = self.generation_after(true);
        let path = self.path.join(stable_file(generation));
        let file = disk::create(&path).map_err(HostError::io(format!("make {}", path.display())))?;
        Ok(FileStore::replacing(file, generation))
    }

    /// Discards the store that was to replace the current one.
    pub(crate) fn forget_new_store(&self) {
        // Remains are removed when the folder is opened.
        let _ = disk::remove(&self.path.join(stable_file(self.generation_after(true))));
    }

    /// Appends a change to the journal. From then on it survives the process.
    pub(crate) fn append(&mut self, change: &Change<'_>) -> Result<(), HostError> {
        self.writable()?;
        if change.generation != self.generation {
            // The record names a file, which must not be missing after a power cut.
            self.sync_entries()?;
        }
        let sync = self.forces_messages();
        let Some(journal) = &mut self.journal else { return Ok(()) };
        journal.append(self.next, change, sync).map_err(|error| match error {
            AppendError::Broken => HostError::Poisoned(format!("{JOURNAL} could not be written")),
            AppendError::Io(error, bytes) => {
                failed(&self.path, &format!("write {}", self.path.join(JOURNAL).display()), error, bytes)
            }
        })?;
        self.next += 1;
        if self.generation != change.generation {
            self.old.push(self.path.join(stable_file(self.generation)));
            self.generation = change.generation;
        }
        if self.module != change.next.module {
            self.old.extend(self.module.map(|hash| self.path.join(module_file(&hash))));
            self.module = change.next.module;
        }
        Ok(())
    }

    /// Writes the file of a module that is about to be committed.
    pub(crate) fn keep_module(&mut self, hash: &ModuleHash, wasm: &[u8]) -> Result<(), HostError> {
        self.writable()?;
        let path = self.path.join(module_file(hash));
        self.old.retain(|old| *old != path);
        if path.exists() {
            return Ok(());
        }
        write_whole(&path, wasm).map_err(|error| self.explain(error, wasm.len() as u64))
    }

    /// Returns whether there are records that a checkpoint would remove.
    pub(crate) fn has_journal(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| !journal.is_empty())
    }

    pub(crate) fn checkpoint_is_due(&self) -> bool {
        let replaced = self.old.iter().any(|old| old.extension().is_some_and(|suffix| suffix == "bin"));
        replaced || self.journal.as_ref().is_some_and(|journal| journal.bytes() > JOURNAL_BYTES)
    }

    /// Writes the state, whose pages have been forced to the disk, and empties the journal.
    pub(crate) fn checkpoint(
        &mut self,
        committed: &Committed,
        heap: &HeapImage,
        stable: &dyn PageStore,
    ) -> Result<(), HostError> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let content = stable.in_file().map_or_else(Runs::default, |(_, content)| content.clone());
        let files = state::Files { generation: self.generation, content, heap_sums: heap.sums().to_vec() };
        let write = || state::write(&self.path.join(STATE), self.next, committed, &files);
        write().or_else(|error| {
            if !error.is_disk_full() {
                return Err(error);
            }
            // The space that was reserved for the journal is used for it.
            journal.release();
            write().inspect_err(|_| journal.reserve())
        })?;
        if !journal.is_empty() {
            journal.clear()?;
        }
        for old in self.old.drain(..) {
            // A file that stays only takes space, until the folder is opened.
            let _ = disk::remove(&old);
        }
        Ok(())
    }

    /// Adds the missing bytes to an error of a full disk.
    pub(crate) fn explain(&self, error: HostError, needed: u64) -> HostError {
        match error {
            HostError::Io { source, action } => failed(&self.path, &action, source, needed),
            other => other,
        }
    }

    fn sync_entries(&self) -> Result<(), HostError> {
        sync_folder(&self.path)
    }
}

/// Copies the journal of a folder that is about to be repaired.
pub(crate) fn keep_damaged_journal(path: &Path) -> Result<(), HostError> {
    let kept = path.join(DAMAGED_JOURNAL);
    let failed = || HostError::io(format!("write {}", kept.display()));
    let journal = File::open(path.join(JOURNAL));
    let mut journal = journal.map_err(HostError::io(format!("read {}", path.join(JOURNAL).display())))?;
    let mut copy = disk::create(&kept).map_err(failed())?;
    std::io::copy(&mut journal, &mut copy).map_err(failed())?;
    disk::sync(&copy).map_err(failed())
}

/// Returns the error of an action in a folder that needed `needed` bytes of its disk.
fn failed(folder: &Path, action: &str, error: std::io::Error, needed: u64) -> HostError {
    match disk::is_full(&error) {
        true => disk_full(folder, needed),
        false => HostError::io(action)(error),
    }
}

/// Writes a file so that after a crash it is complete or absent.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), HostError> {
    let failed = || HostError::io(format!("write {}", path.display()));
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(TEMPORARY);
    let temporary = PathBuf::from(temporary);
    let file = disk::create(&temporary).map_err(failed())?;
    disk::write_at(&file, bytes, 0).and_then(|()| disk::sync(&file)).map_err(|error| {
        // A partial file takes space, which may be what is missing.
        let _ = disk::remove(&temporary);
        failed()(error)
    })?;
    disk::rename(&temporary, path).map_err(failed())?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Forces the entries of a folder to the disk.
fn sync_folder(path: &Path) -> Result<(), HostError> {
    disk::sync_folder(path).map_err(HostError::io(format!("force {} to the disk", path.display())))
}

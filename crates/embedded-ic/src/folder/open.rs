//! Creating and opening a state folder.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::iter;
use std::ops::RangeInclusive;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::journal::{Journal, Replayed, Target, replay};
use super::names::{HEAP, JOURNAL, LOCK, Own, STATE, module_file, own, stable_file};
use super::state::{self, Files};
use super::{Folder, sync_folder};
use crate::committed::Committed;
use crate::config::SyncPolicy;
use crate::disk;
use crate::error::HostError;
use crate::heap::HeapImage;
use crate::module::Prepared;
use crate::notice::{Finding, Notice};
use crate::space;
use crate::stable::{FileStore, PAGE, Runs, StableMemory};

/// Purpose for which a folder is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reading and writing; only reading if that is all that is permitted.
    Write,
    /// Reading.
    Read,
    /// Inspection, also of a corrupt folder.
    Inspect,
    /// Repair of a corrupt folder.
    Repair,
}

impl Access {
    fn is_lenient(self) -> bool {
        matches!(self, Self::Inspect | Self::Repair)
    }
}

/// Folder that was opened, with its contents.
pub(crate) struct Opened {
    pub(crate) folder: Folder,
    pub(crate) committed: Committed,
    pub(crate) heap: HeapImage,
    pub(crate) stable: StableMemory,
    /// The installed module, as it was given.
    pub(crate) module: Option<Vec<u8>>,
    /// Corruption. Only a lenient access finds more than an incomplete end of the journal.
    pub(crate) findings: Vec<Finding>,
}

impl Folder {
    /// Returns whether there is a folder at a path; also if that cannot be determined.
    pub(crate) fn is_at(path: &Path) -> bool {
        !matches!(look(path), Err(HostError::NotAFolder { .. }))
    }

    /// Creates a folder with the given state, without a module. The state file is written last: a folder without one was
    /// never completed, and can be created again.
    pub(crate) fn create(path: &Path, committed: &Committed) -> Result<(), HostError> {
        make_folder(path).map_err(HostError::io(format!("make {}", path.display())))?;
        check_vacant(path)?;
        let _lock = lock_to_write(path)?;
        Journal::create(&path.join(JOURNAL))?;
        for name in [HEAP, &stable_file(0)] {
            let file = path.join(name);
            disk::create(&file).map_err(HostError::io(format!("make {}", file.display())))?;
        }
        state::write(&path.join(STATE), 0, committed, &Files::default())?;
        sync_folder(path)
    }

    /// Opens a folder, and replays its journal.
    pub(crate) fn open(path: &Path, sync: SyncPolicy, access: Access) -> Result<Opened, HostError> {
        look(path)?;
        let Handles { lock, heap, journal, why } = Handles::open(path, access)?;
        let is_read_only = why.is_some();
        let (next, committed, files) = state::read(&path.join(STATE))?;
        let open_stable = |generation| open_stable(path, generation, Runs::default(), is_read_only);
        let mut heap = open_heap(heap, &files, is_read_only)
            .map_err(HostError::io(format!("read {}", path.join(HEAP).display())))?;
        let mut findings = Vec::new();
        let mut store = match &files {
            Some(files) => {
                open_stable(files.generation).map(|store| store.with_content(files.content.clone()))
            }
            None => open_old_stable(path, is_read_only),
        }?;
        check_length(path, &store, access, &mut findings)?;
        let journal_path = path.join(JOURNAL);
        let mut target = Target { heap: &mut heap, stable: &mut store, open: &open_stable };
        let replayed = replay(&journal_path, &journal, next, access.is_lenient(), &mut target)?;
        check_length(path, &store, access, &mut findings)?;
        findings.dedup();
        check_heap(path, &heap, access, &mut findings)?;
        describe(&journal_path, &replayed, &mut findings);
        let mut notices = notices(path, &replayed, why, &heap, &store);
        notices.dedup();
        let committed = replayed.state.unwrap_or(committed);
        let module = read_module(path, &committed)?;
        let generation = store.generation();
        // A process that dies before the next checkpoint starts again with the memory of the last one.
        let generations = files.map_or(0, |files| files.generation)..generation;
        let journal = match is_read_only {
            true => None,
            false => {
                remove_leftovers(path, &committed, generations.start..=generation);
                if replayed.is_old {
                    Journal::create(&journal_path)?;
                    Some(Journal::new(&journal_path, open_file(&journal_path, false)?, replayed.end)?)
                } else {
                    Some(Journal::new(&journal_path, journal, replayed.end)?)
                }
            }
        };
        Ok(Opened {
            stable: StableMemory::new(Box::new(store), committed.stable_pages),
            folder: Self {
                path: path.to_owned(),
                journal,
                sync,
                next: replayed.next,
                generation,
                old: generations.map(|old| path.join(stable_file(old))).collect(),
                module: committed.module,
                notices,
                _lock: lock,
            },
            committed,
            heap,
            module,
            findings,
        })
    }
}

/// Creates a folder that only its owner can read, and its parents.
fn make_folder(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        result => result,
    }
}

/// Returns an error for a path without a state folder; a folder without permission has a different error.
fn look(path: &Path) -> Result<(), HostError> {
    match std::fs::metadata(path.join(STATE)) {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(HostError::NotAFolder { path: path.to_owned(), missing: STATE })
        }
        Err(error) => Err(HostError::io(format!("look into {}", path.display()))(error)),
    }
}

/// Returns an error for a folder with anything except the remains of an interrupted [`Folder::create`].
fn check_vacant(path: &Path) -> Result<(), HostError> {
    let failed = || HostError::io(format!("look into {}", path.display()));
    for entry in std::fs::read_dir(path).map_err(failed())? {
        let name = entry.map_err(failed())?.file_name();
        let ours = own(&name.to_string_lossy());
        if name == STATE || !matches!(ours, Some(Own::Always | Own::Stable | Own::Temporary)) {
            return Err(HostError::FolderExists { path: path.to_owned() });
        }
    }
    Ok(())
}

/// Files of a folder that are open while it is.
struct Handles {
    lock: Option<File>,
    heap: File,
    journal: File,
    /// Reason why they are open read-only.
    why: Option<String>,
}

impl Handles {
    fn open(path: &Path, access: Access) -> Result<Self, HostError> {
        match access {
            Access::Read => Self::to_read(path, "as requested".into()),
            Access::Inspect => Self::to_read(path, "it is inspected".into()),
            Access::Write | Access::Repair => match Self::to_write(path) {
                Err(HostError::Io { source, action }) if is_forbidden(&source) => {
                    let why = format!("cannot {action}: {source}");
                    if access == Access::Repair {
                        return Err(HostError::Io { source, action });
                    }
                    Self::to_read(path, why)
                }
                result => result,
            },
        }
    }

    fn to_write(path: &Path) -> Result<Self, HostError> {
        rustix::fs::access(path, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
            .map_err(|error| HostError::io(format!("write to {}", path.display()))(error.into()))?;
        let lock = lock_to_write(path)?;
        let heap = open_file(&path.join(HEAP), false)?;
        let journal = open_file(&path.join(JOURNAL), false)?;
        Ok(Self { lock: Some(lock), heap, journal, why: None })
    }

    fn to_read(path: &Path, why: String) -> Result<Self, HostError> {
        let lock = lock_to_read(path)?;
        let heap = open_file(&path.join(HEAP), true)?;
        let journal = open_file(&path.join(JOURNAL), true)?;
        Ok(Self { lock, heap, journal, why: Some(why) })
    }
}

fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

fn lock_to_write(path: &Path) -> Result<File, HostError> {
    let name = path.join(LOCK);
    let file = disk::open_lock(&name).map_err(HostError::io(format!("open {}", name.display())))?;
    locked(path, file.try_lock())?;
    Ok(file)
}

/// Locks out writers while the folder is read. A folder without the lock file was copied, and has no writer.
fn lock_to_read(path: &Path) -> Result<Option<File>, HostError> {
    let name = path.join(LOCK);
    match File::open(&name) {
        Ok(file) => {
            locked(path, file.try_lock_shared())?;
            Ok(Some(file))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(HostError::io(format!("open {}", name.display()))(error)),
    }
}

fn locked(path: &Path, lock: Result<(), TryLockError>) -> Result<(), HostError> {
    match lock {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(HostError::FolderInUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(HostError::io(format!("lock {}", path.display()))(error)),
    }
}

fn open_file(path: &Path, is_read_only: bool) -> Result<File, HostError> {
    File::options()
        .read(true)
        .write(!is_read_only)
        .open(path)
        .map_err(HostError::io(format!("open {}", path.display())))
}

fn open_stable(
    path: &Path,
    generation: u64,
    content: Runs,
    is_read_only: bool,
) -> Result<FileStore, HostError> {
    let file = open_file(&path.join(stable_file(generation)), is_read_only)?;
    let store = FileStore::new(file, generation, content);
    Ok(if is_read_only { store.read_only() } else { store })
}

/// Opens stable memory of a folder whose checkpoint has version 1: the whole file counts.
fn open_old_stable(path: &Path, is_read_only: bool) -> Result<FileStore, HostError> {
    let store = open_stable(path, 0, Runs::default(), is_read_only)?;
    let bytes = store.file_bytes().map_err(HostError::io(format!("read {}", path.display())))?;
    Ok(store.with_content(iter::once(0..bytes.div_ceil(PAGE as u64)).collect()))
}

fn open_heap(file: File, files: &Option<Files>, is_read_only: bool) -> io::Result<HeapImage> {
    let mut heap = HeapImage::in_file(file, Vec::new());
    if is_read_only {
        heap.detach()?;
    }
    match files {
        Some(files) => heap.set_sums(files.heap_sums.clone()),
        None => heap.sum_up()?,
    }
    Ok(heap)
}

/// Checks that the file of stable memory is long enough for its content.
fn check_length(
    path: &Path,
    store: &FileStore,
    access: Access,
    findings: &mut Vec<Finding>,
) -> Result<(), HostError> {
    let path = path.join(stable_file(store.generation()));
    let bytes = store.file_bytes().map_err(HostError::io(format!("read {}", path.display())))?;
    let expected = store.least_file_bytes();
    if bytes >= expected {
        return Ok(());
    }
    if access.is_lenient() {
        findings.push(Finding::ShortStableMemory { path, bytes, expected });
        return Ok(());
    }
    let what = format!("the file ends here, expected at least {expected} bytes");
    Err(HostError::Damaged { path, offset: bytes, what })
}

fn check_heap(
    path: &Path,
    heap: &HeapImage,
    access: Access,
    findings: &mut Vec<Finding>,
) -> Result<(), HostError> {
    let path = path.join(HEAP);
    let damaged = heap.damaged_page().map_err(HostError::io(format!("read {}", path.display())))?;
    let Some(offset) = damaged.map(|page| page * PAGE as u64) else { return Ok(()) };
    if access.is_lenient() {
        findings.push(Finding::DamagedHeap { path, offset });
        return Ok(());
    }
    Err(HostError::Damaged { path, offset, what: "the checksum of the page does not match".into() })
}

/// Converts the results of a lenient replay to findings.
fn describe(path: &Path, replayed: &Replayed, findings: &mut Vec<Finding>) {
    let path = path.to_owned();
    findings.extend(replayed.damage.iter().map(|damage| Finding::DamagedRecord {
        path: path.clone(),
        offset: damage.offset,
        what: damage.what.clone(),
        lost_pages: damage.lost_pages,
    }));
    if replayed.unfinished > 0 {
        findings.push(Finding::Unfinished { path, offset: replayed.end, bytes: replayed.unfinished });
    }
}

fn notices(
    path: &Path,
    replayed: &Replayed,
    why: Option<String>,
    heap: &HeapImage,
    store: &FileStore,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    if replayed.unfinished > 0 {
        notices.push(Notice::Unfinished { path: path.join(JOURNAL), bytes: replayed.unfinished });
    }
    let waiting =
        store.waiting_bytes() + if heap.is_copy() { heap.sums().len() as u64 * PAGE as u64 } else { 0 };
    match why {
        Some(why) => notices.push(Notice::ReadOnly { path: path.to_owned(), why }),
        None if waiting > 0 => {
            if let HostError::DiskFull { folder, disk, missing, .. } = space::disk_full(path, waiting) {
                notices.push(Notice::DiskFull { folder, disk, missing });
            }
        }
        None => {}
    }
    notices
}

fn read_module(path: &Path, committed: &Committed) -> Result<Option<Vec<u8>>, HostError> {
    let Some(hash) = committed.module else { return Ok(None) };
    let file = path.join(module_file(&hash));
    let wasm = std::fs::read(&file).map_err(HostError::io(format!("read {}", file.display())))?;
    if Prepared::hash(&wasm) != hash {
        return Err(HostError::Damaged {
            path: file,
            offset: 0,
            what: "its hash differs from its name".into(),
        });
    }
    Ok(Some(wasm))
}

/// Removes our files of modules and memories that were never used or are no longer used, and incomplete files.
fn remove_leftovers(path: &Path, committed: &Committed, generations: RangeInclusive<u64>) {
    let module = committed.module.map(|hash| module_file(&hash));
    let stable: Vec<String> = generations.map(stable_file).collect();
    let Ok(entries) = std::fs::read_dir(path) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_left = match own(&name) {
            Some(Own::Temporary) => true,
            Some(Own::Module) => module.as_deref() != Some(&*name),
            Some(Own::Stable) => !stable.iter().any(|stable| *stable == name),
            Some(Own::Always | Own::Kept) | None => false,
        };
        if is_left {
            // A file that stays only takes space.
            let _ = disk::remove(&entry.path());
        }
    }
}

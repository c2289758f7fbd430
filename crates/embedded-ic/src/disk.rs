//! All changes of files in a folder. They are made only here, so that a test can stop a host at each step or limit its
//! disk.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::stable::Page;

/// Files of a folder are readable only by their owner.
const PRIVATE: u32 = 0o600;
/// Slices in a single write; Linux accepts 1,024.
const SLICES: usize = 512;

/// Creates an empty file that only its owner can read, and replaces an existing one.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    step()?;
    OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(PRIVATE).open(path)
}

/// Creates an empty file that only its owner can read; fails if one exists.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    step()?;
    OpenOptions::new().read(true).write(true).create_new(true).mode(PRIVATE).open(path)
}

/// Opens a file for its lock, and creates it if it does not exist.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(PRIVATE).open(path)
}

/// Writes all bytes at an offset.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    #[cfg(test)]
    faults::before_write(file, bytes, offset)?;
    file.write_all_at(bytes, offset)
}

/// Writes consecutive pages, the first at an offset, without copying them into one buffer.
pub(crate) fn write_pages_at(file: &File, pages: &[&Page], mut offset: u64) -> io::Result<()> {
    for part in pages.chunks(SLICES) {
        #[cfg(test)]
        faults::before_write(
            file,
            &part.iter().flat_map(|page| page.iter().copied()).collect::<Vec<_>>(),
            offset,
        )?;
        let mut slices: Vec<IoSlice<'_>> = part.iter().map(|page| IoSlice::new(&page[..])).collect();
        let mut slices = &mut slices[..];
        while !slices.is_empty() {
            match rustix::io::pwritev(file, slices, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    IoSlice::advance_slices(&mut slices, written);
                    offset += written as u64;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Forces the content of a file to the disk.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    step()?;
    #[cfg(test)]
    faults::count_sync();
    file.sync_data()
}

/// Forces the contents of one or two files to the disk, two of them concurrently, because waiting for the disk takes the
/// time.
pub(crate) fn sync_both(file: &File, other: Option<&File>) -> io::Result<()> {
    let Some(other) = other else { return sync(file) };
    // Tests count here, on this thread.
    step()?;
    step()?;
    #[cfg(test)]
    faults::count_sync();
    std::thread::scope(|scope| {
        match std::thread::Builder::new().spawn_scoped(scope, || other.sync_data()) {
            Ok(thread) => {
                let done = file.sync_data();
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).and(done)
            }
            // Without a thread, for example at the system's limit, they are forced in sequence.
            Err(_) => other.sync_data().and_then(|()| file.sync_data()),
        }
    })
}

/// Forces the entries of a folder to the disk.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    step()?;
    File::open(path)?.sync_all()
}

/// Truncates a file, or extends it with a hole.
pub(crate) fn set_len(file: &File, len: u64) -> io::Result<()> {
    step()?;
    #[cfg(test)]
    faults::cut(file, len)?;
    file.set_len(len)
}

pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    step()?;
    #[cfg(test)]
    faults::before_removal(to);
    std::fs::rename(from, to)
}

pub(crate) fn remove(path: &Path) -> io::Result<()> {
    step()?;
    #[cfg(test)]
    faults::before_removal(path);
    std::fs::remove_file(path)
}

/// Allocates disk space for a range of a file, so that a later write cannot fail for lack of space. Does not change the
/// file's length. Does nothing on file systems that cannot allocate.
pub(crate) fn reserve(file: &File, range: Range<u64>) -> io::Result<()> {
    #[cfg(test)]
    faults::before_reserve(file, &range)?;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::FallocateFlags;
        let len = range.end.saturating_sub(range.start);
        if len == 0 {
            return Ok(());
        }
        match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, range.start, len) {
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (file, range);
        Ok(())
    }
}

/// Deallocates a range of a file, if the file system can. The bytes of the range must be unused.
pub(crate) fn release(file: &File, range: Range<u64>) {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::FallocateFlags;
        let len = range.end.saturating_sub(range.start);
        // A range that stays allocated only takes space.
        if len > 0 && step().is_ok() {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = rustix::fs::fallocate(file, flags, range.start, len);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, range);
}

/// Returns whether an error means that the disk, or the user's quota, is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Step at which a test can stop.
fn step() -> io::Result<()> {
    #[cfg(test)]
    faults::before_step()?;
    Ok(())
}

/// Faults of this thread's hosts, in tests.
#[cfg(test)]
pub(crate) mod faults {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::SeekFrom;

    use super::*;

    thread_local! {
        /// Remaining steps before the simulated process dies.
        static STEPS: Cell<Option<u64>> = const { Cell::new(None) };
        static TAKEN: Cell<u64> = const { Cell::new(0) };
        /// Number of syncs.
        static SYNCS: Cell<u64> = const { Cell::new(0) };
        /// Remaining bytes of the simulated disk.
        static ROOM: Cell<Option<u64>> = const { Cell::new(None) };
        /// Allocated length of files, by inode.
        static RESERVED: RefCell<BTreeMap<u64, u64>> = const { RefCell::new(BTreeMap::new()) };
    }

    /// Runs a function in which the first `steps` changes of files succeed, the next is half done, and later ones fail. Also
    /// returns whether it got that far.
    pub(crate) fn dying_after<R>(steps: u64, run: impl FnOnce() -> R) -> (R, bool) {
        STEPS.set(Some(steps));
        TAKEN.set(0);
        let result = run();
        STEPS.set(None);
        (result, TAKEN.get() > steps)
    }

    /// Runs a function on a disk with `bytes` bytes left.
    pub(crate) fn with_room<R>(bytes: u64, run: impl FnOnce() -> R) -> R {
        ROOM.set(Some(bytes));
        let result = run();
        ROOM.set(None);
        RESERVED.take();
        result
    }

    /// Runs a function, and counts the syncs.
    pub(crate) fn counting_syncs<R>(run: impl FnOnce() -> R) -> (R, u64) {
        let before = SYNCS.get();
        let result = run();
        (result, SYNCS.get() - before)
    }

    pub(super) fn count_sync() {
        SYNCS.set(SYNCS.get() + 1);
    }

    pub(super) fn before_step() -> io::Result<()> {
        let Some(steps) = STEPS.get() else { return Ok(()) };
        TAKEN.set(TAKEN.get() + 1);
        if TAKEN.get() > steps { Err(io::Error::other("the process is dead")) } else { Ok(()) }
    }

    pub(super) fn before_write(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Err(dead) = before_step() {
            if STEPS.get().is_some_and(|steps| TAKEN.get() == steps + 1) {
                file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            }
            return Err(dead);
        }
        take(new_bytes(file, &(offset..offset + bytes.len() as u64))?)
    }

    pub(super) fn before_reserve(file: &File, range: &Range<u64>) -> io::Result<()> {
        before_step()?;
        if ROOM.get().is_none() {
            return Ok(());
        }
        take(new_bytes(file, range)?)?;
        let inode = file.metadata()?.ino();
        RESERVED.with_borrow_mut(|reserved| {
            let end = reserved.entry(inode).or_default();
            *end = (*end).max(range.end);
        });
        Ok(())
    }

    pub(super) fn cut(file: &File, len: u64) -> io::Result<()> {
        let Some(room) = ROOM.get() else { return Ok(()) };
        let metadata = file.metadata()?;
        let reserved = RESERVED.with_borrow_mut(|reserved| reserved.remove(&metadata.ino())).unwrap_or(0);
        ROOM.set(Some(room + metadata.len().max(reserved).saturating_sub(len)));
        Ok(())
    }

    /// Frees the space of a file that is about to be removed.
    pub(super) fn before_removal(path: &Path) {
        let Some(room) = ROOM.get() else { return };
        let metadata = std::fs::metadata(path);
        let taken = metadata.map_or(0, |metadata| metadata.len().min(metadata.blocks() * 512));
        ROOM.set(Some(room + taken));
    }

    fn take(bytes: u64) -> io::Result<()> {
        let Some(room) = ROOM.get() else { return Ok(()) };
        let Some(left) = room.checked_sub(bytes) else {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error()));
        };
        ROOM.set(Some(left));
        Ok(())
    }

    /// Returns the number of bytes of a range that are not allocated.
    fn new_bytes(file: &File, range: &Range<u64>) -> io::Result<u64> {
        if ROOM.get().is_none() {
            return Ok(0);
        }
        let metadata = file.metadata()?;
        let reserved = RESERVED.with_borrow(|all| all.get(&metadata.ino()).copied().unwrap_or(0));
        let mut at = range.start.max(reserved);
        let mut new = 0;
        while at < range.end {
            let data =
                if at < metadata.len() { rustix::fs::seek(file, SeekFrom::Data(at)).ok() } else { None };
            let Some(data) = data.filter(|&data| data < range.end) else {
                new += range.end - at;
                break;
            };
            new += data - at;
            at = rustix::fs::seek(file, SeekFrom::Hole(data)).unwrap_or(range.end);
        }
        Ok(new)
    }
}

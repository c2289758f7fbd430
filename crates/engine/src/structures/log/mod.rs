//! The append-only log, in the bytes of Motoko's StableLog.
//!
//! # Layout v1
//!
//! ```text
//! memory 2, the log
//! offset  bytes  field
//!      0      8  magic "IC-LOG", then the version 1 and a zero
//!      8     56  reserved, zero
//!     64         entries, one after the other: the payload, then its length as u32
//!   then     24  mark: how many entries there are (8); its own offset, which is where the entries end (8); a check of both,
//!                whose highest bit is set (8)
//!   then         zeroes
//!
//! memory 3, the log's index: u64 end offset of entry 63, of entry 127, and so on
//! page 0, where the store was sealed: the mark, at the offset of layout.rs
//! ```
//!
//! All numbers are little-endian. From offset 64 on, the bytes are those that the StableLog of the Motoko manual writes
//! from offset 0 on, and its `base` is our end offset less 64. An entry ends in its length, so the log is read backwards
//! from its end; the index gives every 64th entry an end to start from, for 8 bytes per 64 entries.
//!
//! An append overwrites the mark by its first entry, and ends in a new mark, so a short entry costs one page of 4 KiB and
//! two writes. There is no head that every append has to write. `pre_upgrade` writes the mark to page 0, too, so that opening a
//! sealed store knows where to look. Without the seal the mark is found by looking for the last byte that is not zero: at most a bucket is
//! read, whatever the log holds, and no entry that was acknowledged is lost.

mod append;
mod check;
mod head;
mod read;
#[cfg(test)]
mod tests;
mod writer;

use ic_stable_structures::Memory;
use stable_storage_api::LogInfo;

use crate::base::layout::PAGE_BYTES;
use crate::base::open::OpenError;
pub use append::check_entries;
use head::Head;
pub(crate) use head::MARK_BYTES;

/// Where the entries start, in bytes from the start of the log's memory.
pub const LOG_START: u64 = 64;

/// Width of the length after each payload, in bytes.
const TRAILER_BYTES: u64 = 4;

/// Every so many entries, the index has an end offset.
const INDEX_INTERVAL: u64 = 64;

/// Width of an end offset in the index, in bytes.
const INDEX_ENTRY_BYTES: u64 = 8;

/// Bytes of the index of a log of so many entries.
fn index_bytes(length: u64) -> u64 {
    length / INDEX_INTERVAL * INDEX_ENTRY_BYTES
}

/// Pages by which the memories of a log grow that is opened by itself.
const GROWTH_PAGES: u64 = 16;

/// An append-only log of entries of any bytes, in two memories that hold nothing else: one for the entries, in the bytes of
/// Motoko's StableLog, and one for their index.
///
/// ```
/// use ic_stable_structures::memory_manager::{MemoryId, MemoryManager};
/// use storage_engine::{Log, VectorMemory};
///
/// let manager = MemoryManager::init(VectorMemory::default());
/// let mut log = Log::open(manager.get(MemoryId::new(0)), manager.get(MemoryId::new(1)))?;
/// log.append(&["first", "second"])?;
/// assert_eq!(log.read_last(1)?, [b"second"]);
///
/// // Another heap, the same memories: this is what an upgrade is.
/// let log = Log::open(manager.get(MemoryId::new(0)), manager.get(MemoryId::new(1)))?;
/// assert_eq!(log.info().length, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Log<M: Memory> {
    entries: M,
    index: M,
    head: Head,
    /// The memories grow by multiples of this many pages.
    growth_pages: u64,
}

impl<M: Memory> Log<M> {
    /// Opens the log in these memories; empty ones are an empty log. Its end is found by reading at most 1 MiB.
    ///
    /// # Errors
    ///
    /// [`OpenError::Damaged`] for memories that hold something else, or a log without an end.
    pub fn open(entries: M, index: M) -> Result<Self, OpenError> {
        Self::open_at(entries, index, None, GROWTH_PAGES)
    }

    /// The same for a log whose memories grow by multiples of so many pages. `sealed` is its mark as the seal of the store has
    /// it, if there is a seal.
    pub(crate) fn open_at(
        entries: M,
        index: M,
        sealed: Option<[u8; MARK_BYTES]>,
        growth_pages: u64,
    ) -> Result<Self, OpenError> {
        let head = if entries.size() == 0 { Head::EMPTY } else { Head::find(&entries, sealed)? };
        if index.size() * PAGE_BYTES < index_bytes(head.length) {
            return Err(OpenError::damaged("the log's index is shorter than the log demands", 0));
        }
        Ok(Self { entries, index, head, growth_pages })
    }

    /// The mark at its end.
    pub(crate) fn mark(&self) -> [u8; MARK_BYTES] {
        self.head.encode()
    }

    /// How many entries there are, and their bytes with the four of each one's length.
    #[must_use]
    pub fn info(&self) -> LogInfo {
        LogInfo { length: self.head.length, bytes: self.head.end - LOG_START }
    }
}

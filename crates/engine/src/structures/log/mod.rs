//! The append-only log, in the format of Motoko's StableLog.
//!
//! # Layout v1
//!
//! ```text
//! memory 2, the log
//! offset  bytes  field
//!      0      8  magic "IC-LOG", then the version 1 and a zero
//!      8     56  reserved, zero
//!     64         entries: each is the payload, then its length as u32
//!   then     24  mark: number of entries (8); its own offset, which is the end of the entries (8); a check of both,
//!                whose highest bit is set (8)
//!   then         zeroes
//!
//! memory 3, the log's index: u64 end offset of entry 63, of entry 127, and so on
//! page 0, after a clean shutdown: a copy of the mark, at the offset in layout.rs
//! ```
//!
//! All numbers are little-endian. The bytes from offset 64 on equal those that the StableLog of the Motoko
//! manual writes from offset 0 on; its `base` is our end offset less 64. An entry ends with its length, so
//! the log can be read backwards from its end. The index has the end of every 64th entry, for 8 bytes per 64
//! entries.
//!
//! An append overwrites the mark with its first entry, and ends with a new mark, so a short entry costs one
//! page of 4 KiB and two writes. There is no header that every append must write. `pre_upgrade` also writes
//! the mark to page 0, so opening after a clean shutdown finds the end directly. Otherwise opening searches
//! for the last byte that is not zero. The search reads at most a bucket, regardless of the log's size, and
//! no acknowledged entry is lost.

mod append;
mod check;
mod mark;
mod read;
#[cfg(test)]
mod tests;
mod writer;

use ic_stable_structures::Memory;
use stable_storage_api::LogInfo;

use crate::base::layout::PAGE_BYTES;
use crate::base::open::OpenError;
pub(crate) use append::Plan;
pub use append::check_entries;
use mark::LogState;
pub(crate) use mark::MARK_BYTES;

/// Offset of the first entry from the start of the log's memory, in bytes.
pub const LOG_START: u64 = 64;

/// Size of the length after each payload, in bytes.
const TRAILER_BYTES: u64 = 4;

/// Number of entries per end offset in the index.
const INDEX_INTERVAL: u64 = 64;

/// Size of an end offset in the index, in bytes.
const INDEX_ENTRY_BYTES: u64 = 8;

/// Returns the size of the index for a log of `length` entries, in bytes.
fn index_bytes(length: u64) -> u64 {
    length / INDEX_INTERVAL * INDEX_ENTRY_BYTES
}

/// Number of pages by which the memories of a stand-alone log grow.
const GROWTH_PAGES: u64 = 16;

/// Append-only log of entries of any bytes. It uses two memories exclusively: one for the entries, in the
/// format of Motoko's StableLog, and one for their index.
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
/// // A new heap over the same memories: this is what an upgrade does.
/// let log = Log::open(manager.get(MemoryId::new(0)), manager.get(MemoryId::new(1)))?;
/// assert_eq!(log.info().length, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Log<M: Memory> {
    entries: M,
    index: M,
    state: LogState,
    /// The memories grow by multiples of this many pages.
    growth_pages: u64,
}

impl<M: Memory> Log<M> {
    /// Opens the log in these memories; empty memories are an empty log. Reads at most 1 MiB to find its end.
    ///
    /// # Errors
    ///
    /// [`OpenError::Damaged`] for memories with other contents, or a log without a mark at its end.
    pub fn open(entries: M, index: M) -> Result<Self, OpenError> {
        Self::open_at(entries, index, None, GROWTH_PAGES)
    }

    /// Opens a log whose memories grow by multiples of `growth_pages`. `sealed` is the mark that a clean
    /// shutdown stored, if any.
    pub(crate) fn open_at(
        entries: M,
        index: M,
        sealed: Option<[u8; MARK_BYTES]>,
        growth_pages: u64,
    ) -> Result<Self, OpenError> {
        let state = if entries.size() == 0 { LogState::EMPTY } else { LogState::find(&entries, sealed)? };
        if index.size() * PAGE_BYTES < index_bytes(state.length) {
            return Err(OpenError::damaged("the log's index is too short for the log", 0));
        }
        Ok(Self { entries, index, state, growth_pages })
    }

    /// Returns the mark at the end of the log.
    pub(crate) fn mark(&self) -> [u8; MARK_BYTES] {
        self.state.encode()
    }

    /// Returns the number of entries, and their bytes including the four bytes of each length.
    #[must_use]
    pub fn info(&self) -> LogInfo {
        LogInfo { length: self.state.length, bytes: self.state.end - LOG_START }
    }
}

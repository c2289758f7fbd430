//! The append-only log, in the bytes of Motoko's StableLog.
//!
//! # Layout v1
//!
//! ```text
//! memory 2, the log
//! offset  bytes  field
//!      0      8  magic "IC-LOG", then the version 1 and a zero
//!      8      8  how many entries
//!     16      8  end offset: the first byte after the last entry
//!     24      4  CRC-32 of bytes 0 to 23
//!     28     36  reserved, zero
//!     64         entries, one after the other: the payload, then its length as u32
//!
//! memory 3, the log's index: u64 end offset of entry 63, of entry 127, and so on
//! ```
//!
//! All numbers are little-endian. From offset 64 on, the bytes are those that the StableLog of the Motoko manual writes
//! from offset 0 on, and its `base` is our end offset less 64. An entry ends in its length, so the log is read backwards
//! from its end; the index gives every 64th entry an end to start from, for 8 bytes per 64 entries.
//!
//! An append writes payloads, trailers and the index first and the head last. The head decides what is there.

mod append;
mod check;
mod head;
mod read;
#[cfg(test)]
mod tests;

use ic_stable_structures::Memory;
use storage_api::LogInfo;

use crate::layout::PAGE_BYTES;
use crate::open::OpenError;
pub use append::check_entries;
use head::Head;

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

/// The log. Generic over the memories that hold nothing but its entries and its index.
pub(crate) struct Log<M: Memory> {
    entries: M,
    index: M,
    head: Head,
}

impl<M: Memory> Log<M> {
    pub(crate) fn open(entries: M, index: M) -> Result<Self, OpenError> {
        let head = if entries.size() == 0 { Head::EMPTY } else { Head::read(&entries)? };
        if index.size() * PAGE_BYTES < index_bytes(head.length) {
            return Err(OpenError::damaged("the log's index is shorter than the log demands", 0));
        }
        Ok(Self { entries, index, head })
    }

    pub(crate) fn info(&self) -> LogInfo {
        LogInfo { length: self.head.length, bytes: self.head.end - LOG_START }
    }
}

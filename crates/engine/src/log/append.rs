//! Appending.

use ic_stable_structures::Memory;
use stable_storage_api::limits::{MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES};
use stable_storage_api::{Appended, Error};

use super::head::{Head, START};
use super::writer::Writer;
use super::{INDEX_ENTRY_BYTES, INDEX_INTERVAL, Log, MARK_BYTES, TRAILER_BYTES, index_bytes};
use crate::header::Header;
use crate::layout::{BUCKET_PAGES, PAGE_BYTES};
use crate::space::Demand;
use crate::store::Store;

impl<M: Memory + Clone> Store<M> {
    /// Appends up to 1,000 entries of 0 to 2,031,616 bytes each, all of them or none.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`] for more than 1,000 entries, [`Error::TooLarge`] for an entry that is too long, and
    /// [`Error::OutOfMemory`]. Nothing has changed then.
    pub fn append<E: AsRef<[u8]>>(&mut self, entries: &[E]) -> Result<Appended, Error> {
        check_entries(entries)?;
        let first = self.log.head.length;
        // An empty append must not grow the log, because a memory that is not empty has a mark.
        if entries.is_empty() {
            return Ok(Appended { first, next: first });
        }
        let after = self.log.head_after(entries);
        self.make_room(after)?;
        if self.core.header().sealed {
            // The seal says where the log ends, which is about to change.
            self.core.set_header(Header { sealed: false, ..self.core.header() });
        }
        self.log.write(entries, after);
        Ok(Appended { first, next: after.length })
    }

    /// Grows the memories of the log where they are too small for it to have this head, which is seldom: they grow by
    /// whole buckets.
    fn make_room(&self, after: Head) -> Result<(), Error> {
        let entries = pages_short(&self.log.entries, after.end + MARK_BYTES as u64);
        // Most appends do not reach the next entry of the index, and so need not look at its memory.
        let index = match index_bytes(after.length) {
            bytes if bytes == index_bytes(self.log.head.length) => 0,
            bytes => pages_short(&self.log.index, bytes),
        };
        if entries == 0 && index == 0 {
            return Ok(());
        }
        let demands = [
            Demand { memory: &self.log.entries, pages: entries },
            Demand { memory: &self.log.index, pages: index },
        ];
        self.core.reserve_for(&demands)?;
        for Demand { memory, pages } in demands {
            if pages > 0 {
                assert!(memory.grow(pages) >= 0, "the pages were made sure of");
            }
        }
        Ok(())
    }
}

/// Checks what can be checked without a store: how many entries there are, and how long they are.
///
/// # Errors
///
/// [`Error::LimitExceeded`] and [`Error::TooLarge`].
pub fn check_entries<E: AsRef<[u8]>>(entries: &[E]) -> Result<(), Error> {
    if entries.len() as u64 > MAX_BATCH_ITEMS {
        return Err(Error::LimitExceeded { what: "entries in one append".into(), limit: MAX_BATCH_ITEMS });
    }
    match entries.iter().map(|entry| entry.as_ref().len() as u64).find(|size| *size > MAX_PAYLOAD_BYTES) {
        Some(size) => Err(Error::TooLarge { size, limit: MAX_PAYLOAD_BYTES }),
        None => Ok(()),
    }
}

impl<M: Memory> Log<M> {
    fn head_after<E: AsRef<[u8]>>(&self, entries: &[E]) -> Head {
        let bytes: u64 = entries.iter().map(|entry| entry.as_ref().len() as u64 + TRAILER_BYTES).sum();
        Head { length: self.head.length + entries.len() as u64, end: self.head.end + bytes }
    }

    /// Writes entries and the mark after them. The memories are large enough.
    fn write<E: AsRef<[u8]>>(&mut self, entries: &[E], after: Head) {
        if self.head == Head::EMPTY {
            self.entries.write(0, &START);
        }
        match entries {
            [entry] => self.write_one(entry.as_ref(), after),
            _ => self.write_batch(entries, after),
        }
        self.head = after;
    }

    /// Writes an entry, and then its length and the mark in one piece.
    fn write_one(&self, entry: &[u8], after: Head) {
        self.entries.write(self.head.end, entry);
        let mut tail = [0; TRAILER_BYTES as usize + MARK_BYTES];
        tail[..TRAILER_BYTES as usize].copy_from_slice(&trailer_of(entry));
        tail[TRAILER_BYTES as usize..].copy_from_slice(&after.encode());
        self.entries.write(self.head.end + entry.len() as u64, &tail);
        self.write_index(after.length, after.end);
    }

    /// Writes entries in pieces of several.
    fn write_batch<E: AsRef<[u8]>>(&self, entries: &[E], after: Head) {
        let Head { mut length, mut end } = self.head;
        let mut writer = Writer::new(&self.entries, end, after.end - end);
        for entry in entries.iter().map(AsRef::as_ref) {
            writer.write(entry, trailer_of(entry));
            length += 1;
            end += entry.len() as u64 + TRAILER_BYTES;
            self.write_index(length, end);
        }
        writer.flush();
        self.entries.write(after.end, &after.encode());
        assert_eq!(Head { length, end }, after, "what was written is what was planned");
    }

    /// Writes the end of an entry to the index, if the index has that of this one.
    fn write_index(&self, length: u64, end: u64) {
        if length.is_multiple_of(INDEX_INTERVAL) {
            let at = (length / INDEX_INTERVAL - 1) * INDEX_ENTRY_BYTES;
            self.index.write(at, &end.to_le_bytes());
        }
    }
}

/// The length of an entry, as it is after its bytes.
fn trailer_of(entry: &[u8]) -> [u8; TRAILER_BYTES as usize] {
    u32::try_from(entry.len()).expect("a payload has at most 31 pages").to_le_bytes()
}

/// How many pages a memory lacks to hold so many bytes, in whole buckets, which is what memories take from the platform
/// anyway.
fn pages_short(memory: &impl Memory, bytes: u64) -> u64 {
    if bytes <= memory.size() * PAGE_BYTES {
        return 0;
    }
    let needed = bytes.div_ceil(PAGE_BYTES).next_multiple_of(BUCKET_PAGES);
    needed.saturating_sub(memory.size())
}

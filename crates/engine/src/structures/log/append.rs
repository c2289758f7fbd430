//! Appending.

use ic_stable_structures::Memory;
use stable_storage_api::limits::{MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES};
use stable_storage_api::{Appended, Error};

use super::mark::{LogState, START};
use super::writer::Writer;
use super::{INDEX_ENTRY_BYTES, INDEX_INTERVAL, Log, MARK_BYTES, TRAILER_BYTES, index_bytes};
use crate::base::growth::Growth;
use crate::base::layout::PAGE_BYTES;

impl<M: Memory> Log<M> {
    /// Appends up to 1,000 entries of 0 to 2,031,616 bytes each: all of them or none. Grows the memories if
    /// needed.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`] for more than 1,000 entries, [`Error::TooLarge`] for an entry that is too
    /// long, and [`Error::OutOfMemory`] if a memory refuses to grow. The log has not changed in these cases.
    pub fn append<E: AsRef<[u8]>>(&mut self, entries: &[E]) -> Result<Appended, Error> {
        let plan = self.plan(entries)?;
        // The memory of the entries grows last: once it has pages, it must have a mark.
        let [entries_growth, index_growth] = self.growths(&plan);
        for Growth { memory, pages } in [index_growth, entries_growth] {
            if pages > 0 && memory.grow(pages) < 0 {
                return Err(Error::OutOfMemory { requested: pages * PAGE_BYTES, available: 0 });
            }
        }
        Ok(self.commit(entries, &plan))
    }

    /// Checks entries, and computes the end of the log after they are appended.
    pub(crate) fn plan<E: AsRef<[u8]>>(&self, entries: &[E]) -> Result<Plan, Error> {
        check_entries(entries)?;
        let bytes: u64 = entries.iter().map(|entry| entry.as_ref().len() as u64 + TRAILER_BYTES).sum();
        let LogState { length, end } = self.state;
        Ok(Plan { after: LogState { length: length + entries.len() as u64, end: end + bytes } })
    }

    /// Returns the growth of the memories of the entries and of the index, which is rare: they grow by many
    /// pages.
    #[inline]
    pub(crate) fn growths(&self, plan: &Plan) -> [Growth<'_, M>; 2] {
        let after = plan.after;
        // An empty append must not grow the log, because a memory that is not empty must have a mark.
        let entries = match after == self.state {
            true => 0,
            false => pages_short(&self.entries, after.end + MARK_BYTES as u64, self.growth_pages),
        };
        // Most appends do not reach the next entry of the index, so they need not access its memory.
        let index = match index_bytes(after.length) {
            bytes if bytes == index_bytes(self.state.length) => 0,
            bytes => pages_short(&self.index, bytes, self.growth_pages),
        };
        [Growth { memory: &self.entries, pages: entries }, Growth { memory: &self.index, pages: index }]
    }

    /// Writes planned entries. The memories must have grown before.
    pub(crate) fn commit<E: AsRef<[u8]>>(&mut self, entries: &[E], plan: &Plan) -> Appended {
        let first = self.state.length;
        if !entries.is_empty() {
            self.write(entries, plan.after);
        }
        Appended { first, next: plan.after.length }
    }
}

/// The state of the log after an append.
pub(crate) struct Plan {
    after: LogState,
}

impl Plan {
    /// Returns whether the plan changes the log.
    pub(crate) fn changes<M: Memory>(&self, log: &Log<M>) -> bool {
        self.after != log.state
    }
}

/// Checks the number and lengths of entries. Needs no store.
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
    /// Writes entries and the mark after them. The memories are large enough.
    fn write<E: AsRef<[u8]>>(&mut self, entries: &[E], after: LogState) {
        if self.state == LogState::EMPTY {
            self.entries.write(0, &START);
        }
        match entries {
            [entry] => self.write_one(entry.as_ref(), after),
            _ => self.write_batch(entries, after),
        }
        self.state = after;
    }

    /// Writes an entry, and then its length and the mark in one write.
    fn write_one(&self, entry: &[u8], after: LogState) {
        self.entries.write(self.state.end, entry);
        let mut tail = [0; TRAILER_BYTES as usize + MARK_BYTES];
        tail[..TRAILER_BYTES as usize].copy_from_slice(&trailer_of(entry));
        tail[TRAILER_BYTES as usize..].copy_from_slice(&after.encode());
        self.entries.write(self.state.end + entry.len() as u64, &tail);
        self.write_index(after.length, after.end);
    }

    /// Writes several entries per write.
    fn write_batch<E: AsRef<[u8]>>(&self, entries: &[E], after: LogState) {
        let LogState { mut length, mut end } = self.state;
        let mut writer = Writer::new(&self.entries, end, after.end - end);
        for entry in entries.iter().map(AsRef::as_ref) {
            writer.write(entry, trailer_of(entry));
            length += 1;
            end += entry.len() as u64 + TRAILER_BYTES;
            self.write_index(length, end);
        }
        writer.flush();
        self.entries.write(after.end, &after.encode());
        assert_eq!(LogState { length, end }, after, "the written end equals the planned end");
    }

    /// Writes the end of an entry to the index, if the index includes this entry.
    fn write_index(&self, length: u64, end: u64) {
        if length.is_multiple_of(INDEX_INTERVAL) {
            let offset = (length / INDEX_INTERVAL - 1) * INDEX_ENTRY_BYTES;
            self.index.write(offset, &end.to_le_bytes());
        }
    }
}

/// Returns the length of an entry, as stored after its bytes.
fn trailer_of(entry: &[u8]) -> [u8; TRAILER_BYTES as usize] {
    u32::try_from(entry.len()).expect("a payload has at most 31 pages").to_le_bytes()
}

/// Returns the number of pages that a memory lacks for `bytes` bytes, in multiples of `growth_pages`.
fn pages_short(memory: &impl Memory, bytes: u64, growth_pages: u64) -> u64 {
    if bytes <= memory.size() * PAGE_BYTES {
        return 0;
    }
    let needed = bytes.div_ceil(PAGE_BYTES).next_multiple_of(growth_pages);
    needed.saturating_sub(memory.size())
}

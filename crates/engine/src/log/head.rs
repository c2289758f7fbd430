//! The head of the log: what says how much of it there is.

use ic_stable_structures::Memory;

use super::{LOG_START, TRAILER_BYTES};
use crate::checksum::{CRC_BYTES, is_sealed, seal, u64_at};
use crate::layout::PAGE_BYTES;
use crate::open::OpenError;

const MAGIC: [u8; 8] = *b"IC-LOG\x01\x00";
const LENGTH_AT: usize = MAGIC.len();
const END_AT: usize = LENGTH_AT + 8;
const CRC_AT: usize = END_AT + 8;
const HEAD_BYTES: usize = CRC_AT + CRC_BYTES;

const _: () = assert!(HEAD_BYTES as u64 <= LOG_START);

/// A head whose checksum has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// How many entries there are.
    pub(super) length: u64,
    /// The first byte after the last entry.
    pub(super) end: u64,
}

impl Head {
    /// The head of a log that nothing was ever appended to.
    pub(super) const EMPTY: Self = Self { length: 0, end: LOG_START };

    pub(super) fn encode(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..LENGTH_AT].copy_from_slice(&MAGIC);
        bytes[LENGTH_AT..END_AT].copy_from_slice(&self.length.to_le_bytes());
        bytes[END_AT..CRC_AT].copy_from_slice(&self.end.to_le_bytes());
        seal(&mut bytes);
        bytes
    }

    pub(super) fn read(memory: &impl Memory) -> Result<Self, OpenError> {
        let mut bytes = [0; HEAD_BYTES];
        memory.read(0, &mut bytes);
        let head = Self { length: u64_at(&bytes, LENGTH_AT), end: u64_at(&bytes, END_AT) };
        let entries_fit =
            head.length.checked_mul(TRAILER_BYTES).and_then(|bytes| bytes.checked_add(LOG_START));
        let good = bytes[..LENGTH_AT] == MAGIC
            && is_sealed(&bytes)
            && head.end <= memory.size() * PAGE_BYTES
            && entries_fit.is_some_and(|least| least <= head.end);
        if good { Ok(head) } else { Err(OpenError::damaged("the memory of the log holds no log", 0)) }
    }

    pub(super) fn write(self, memory: &impl Memory) {
        memory.write(0, &self.encode());
    }
}

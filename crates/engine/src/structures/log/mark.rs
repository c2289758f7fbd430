//! The mark after the last entry of the log, which has its length and end.

use ic_stable_structures::Memory;

use super::{LOG_START, TRAILER_BYTES};
use crate::base::checksum::{mix, u64_at};
use crate::base::layout::PAGE_BYTES;
use crate::base::open::OpenError;

/// Contents of the memory of the log before the first entry.
pub(super) const START: [u8; LOG_START as usize] = {
    let mut bytes = [0; LOG_START as usize];
    let magic = *b"IC-LOG\x01\x00";
    let mut offset = 0;
    while offset < magic.len() {
        bytes[offset] = magic[offset];
        offset += 1;
    }
    bytes
};

/// Size of a mark, in bytes.
pub(crate) const MARK_BYTES: usize = 3 * 8;

/// Bit that is set in the check of every mark, so that the last byte of a mark is never zero.
const LAST_BIT: u64 = 1 << 63;

/// Number of bytes per read in the search for the mark.
const SCAN_BYTES: u64 = PAGE_BYTES;

/// The length and end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LogState {
    /// Number of entries.
    pub(super) length: u64,
    /// Offset after the last entry, which is the offset of the mark.
    pub(super) end: u64,
}

impl LogState {
    /// The state of an empty log.
    pub(super) const EMPTY: Self = Self { length: 0, end: LOG_START };

    /// Encodes the mark.
    pub(super) fn encode(self) -> [u8; MARK_BYTES] {
        let mut bytes = [0; MARK_BYTES];
        bytes[..8].copy_from_slice(&self.length.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.end.to_le_bytes());
        let check = mix(&bytes[..16]) | LAST_BIT;
        bytes[16..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Decodes a mark. Returns `None` for bytes that are not the mark of a log in a memory of this size.
    pub(super) fn decode(bytes: &[u8; MARK_BYTES], memory_bytes: u64) -> Option<Self> {
        let state = Self { length: u64_at(bytes, 0), end: u64_at(bytes, 8) };
        let is_inside = state.end.checked_add(MARK_BYTES as u64).is_some_and(|end| end <= memory_bytes);
        let least = state.length.checked_mul(TRAILER_BYTES).and_then(|bytes| bytes.checked_add(LOG_START));
        let is_mark = state.encode() == *bytes && is_inside && least.is_some_and(|least| least <= state.end);
        is_mark.then_some(state)
    }

    /// Returns the state of the log in a memory. `sealed` is the mark stored by a clean shutdown, if it is
    /// still valid.
    pub(super) fn find(memory: &impl Memory, sealed: Option<[u8; MARK_BYTES]>) -> Result<Self, OpenError> {
        let bytes = memory.size() * PAGE_BYTES;
        let mut start = [1; LOG_START as usize];
        memory.read(0, &mut start);
        if start != START {
            return Err(OpenError::damaged("the memory of the log does not contain a log", 0));
        }
        let known = sealed.and_then(|mark| Self::decode(&mark, bytes)).map(|state| state.end);
        let offset = match known {
            Some(end) => end,
            None => Self::last_byte(memory)
                .and_then(|last| (last + 1).checked_sub(MARK_BYTES as u64))
                .filter(|offset| *offset >= LOG_START)
                .ok_or_else(|| OpenError::damaged("the log has no mark at its end", LOG_START))?,
        };
        let mut mark = [0; MARK_BYTES];
        memory.read(offset, &mut mark);
        Self::decode(&mark, bytes)
            .filter(|state| state.end == offset)
            .ok_or_else(|| OpenError::damaged("the mark at the end of the log is corrupt", offset))
    }

    /// Returns the offset of the last byte of a memory that is not zero. The bytes after the mark were never
    /// written, and a memory grows by one bucket, so this reads at most a bucket and a page.
    fn last_byte(memory: &impl Memory) -> Option<u64> {
        let mut bytes = vec![0; SCAN_BYTES as usize];
        for page in (0..memory.size()).rev() {
            memory.read(page * SCAN_BYTES, &mut bytes);
            let (words, _) = bytes.as_chunks::<8>();
            if let Some(word) = words.iter().rposition(|word| u64::from_le_bytes(*word) != 0) {
                let byte = words[word].iter().rposition(|byte| *byte != 0)?;
                return Some(page * SCAN_BYTES + (word * 8 + byte) as u64);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_log_begins_with_its_name_and_version() {
        assert_eq!(START.split_at(8), (&b"IC-LOG\x01\0"[..], &[0; LOG_START as usize - 8][..]));
    }

    /// Whatever the check is: the last byte that is not zero is the end of the mark.
    #[test]
    fn the_last_byte_of_a_mark_is_never_zero() {
        for length in 0..2_000 {
            let mark = LogState { length, end: LOG_START + 9 * length }.encode();
            assert!(mark[MARK_BYTES - 1] >= 0x80, "{length} entries");
        }
    }
}

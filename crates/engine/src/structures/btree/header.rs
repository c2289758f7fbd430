//! The header of a tree.
//!
//! # Layout v1
//!
//! ```text
//! offset  bytes  field
//!      0      4  magic "IC-T"
//!      4      1  version, 1
//!      5      1  number of levels: 0 for an empty tree, 1 for one leaf
//!      6      2  reserved, zero
//!      8      4  root page, or 0
//!     12      4  number of pages, including the one of this header
//!     16      4  first free page, or 0
//!     20      4  number of free pages
//!     24      8  number of entries
//!     32      8  check: see [`mix`](crate::base::checksum::mix)
//! ```
//!
//! It is at the start of the tree's memory, or at an offset that the owner of the tree chooses.

use super::page::{PAGE, PageNumber};
use crate::base::checksum::{mix, u32_at, u64_at};

/// Size of a header, in bytes.
pub(crate) const HEADER_BYTES: usize = 40;

/// Largest number of levels.
pub(super) const MAX_LEVELS: usize = 24;

const MAGIC: [u8; 5] = *b"IC-T\x01";
const LEVELS_AT: usize = MAGIC.len();
const RESERVED_AT: usize = LEVELS_AT + 1;
const ROOT_AT: usize = RESERVED_AT + 2;
const PAGES_AT: usize = ROOT_AT + 4;
const FREE_AT: usize = PAGES_AT + 4;
const FREE_COUNT_AT: usize = FREE_AT + 4;
const ENTRIES_AT: usize = FREE_COUNT_AT + 4;
const CHECK_AT: usize = ENTRIES_AT + 8;

const _: () = assert!(CHECK_AT + 8 == HEADER_BYTES);

/// The header of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TreeHeader {
    pub(super) root: PageNumber,
    /// Number of levels from the root to the leaves.
    pub(super) levels: u8,
    /// Number of pages, including the one of the header.
    pub(super) pages: u32,
    /// The first free page.
    pub(super) free: PageNumber,
    pub(super) free_count: u32,
    pub(super) entries: u64,
}

impl TreeHeader {
    /// The header of an empty tree.
    pub(crate) const NEW: Self = Self {
        root: PageNumber::NONE,
        levels: 0,
        pages: 1,
        free: PageNumber::NONE,
        free_count: 0,
        entries: 0,
    };

    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..LEVELS_AT].copy_from_slice(&MAGIC);
        bytes[LEVELS_AT] = self.levels;
        let fields = [
            (ROOT_AT, self.root.0),
            (PAGES_AT, self.pages),
            (FREE_AT, self.free.0),
            (FREE_COUNT_AT, self.free_count),
        ];
        for (offset, field) in fields {
            bytes[offset..offset + 4].copy_from_slice(&field.to_le_bytes());
        }
        bytes[ENTRIES_AT..CHECK_AT].copy_from_slice(&self.entries.to_le_bytes());
        let check = mix(&bytes[..CHECK_AT]);
        bytes[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Decodes a header. Returns `None` for bytes that are not the header of a tree in a memory of this size.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES], memory_bytes: u64) -> Option<Self> {
        let header = Self {
            root: PageNumber(u32_at(bytes, ROOT_AT)),
            levels: bytes[LEVELS_AT],
            pages: u32_at(bytes, PAGES_AT),
            free: PageNumber(u32_at(bytes, FREE_AT)),
            free_count: u32_at(bytes, FREE_COUNT_AT),
            entries: u64_at(bytes, ENTRIES_AT),
        };
        let is_sound = bytes[..LEVELS_AT] == MAGIC
            && u64_at(bytes, CHECK_AT) == mix(&bytes[..CHECK_AT])
            && bytes[RESERVED_AT..ROOT_AT] == [0, 0];
        (is_sound && header.is_possible(memory_bytes)).then_some(header)
    }

    /// Returns whether the numbers are consistent with each other and with the memory.
    fn is_possible(&self, memory_bytes: u64) -> bool {
        let is_empty = self.root.is_none();
        let fits = self.pages == 1 || u64::from(self.pages) * PAGE as u64 <= memory_bytes;
        fits && self.pages >= 1
            && self.root.0 < self.pages
            && self.free.0 < self.pages
            && self.free_count < self.pages
            && self.free.is_none() == (self.free_count == 0)
            && usize::from(self.levels) <= MAX_LEVELS
            && is_empty == (self.levels == 0)
            && is_empty == (self.entries == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_round_trip_and_every_flipped_bit_is_detected() {
        let header = TreeHeader {
            root: PageNumber(0x0102),
            levels: 3,
            pages: 0x0203_0405,
            free: PageNumber(0x1112),
            free_count: 0x13,
            entries: 0x0102_0304_0506_0708,
        };
        let bytes = header.encode();
        assert_eq!(bytes[..8], *b"IC-T\x01\x03\0\0");
        assert_eq!(bytes[8..24], [2, 1, 0, 0, 5, 4, 3, 2, 0x12, 0x11, 0, 0, 0x13, 0, 0, 0]);
        assert_eq!(bytes[24..32], [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(TreeHeader::decode(&bytes, 1 << 40), Some(header));
        assert_eq!(TreeHeader::decode(&bytes, 1 << 20), None, "the memory has fewer pages");
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(TreeHeader::decode(&damaged, 1 << 40), None, "bit {bit}");
        }
        assert_eq!(TreeHeader::decode(&TreeHeader::NEW.encode(), 0), Some(TreeHeader::NEW));
    }

    #[test]
    fn impossible_numbers_are_refused_despite_a_valid_check() {
        let header = TreeHeader {
            root: PageNumber(9),
            levels: MAX_LEVELS as u8,
            pages: 10,
            free: PageNumber(9),
            free_count: 9,
            entries: 1,
        };
        let full = 10 * PAGE as u64;
        let is_decoded =
            |header: TreeHeader, bytes| TreeHeader::decode(&header.encode(), bytes) == Some(header);
        assert!(is_decoded(header, full));
        assert!(!is_decoded(header, full - 1));
        for bad in [
            TreeHeader { root: PageNumber(10), ..header },
            TreeHeader { levels: MAX_LEVELS as u8 + 1, ..header },
            TreeHeader { free: PageNumber(10), ..header },
            TreeHeader { free_count: 10, ..header },
            // One field of a pair without the other.
            TreeHeader { free: PageNumber::NONE, ..header },
            TreeHeader { free_count: 0, ..header },
            TreeHeader { root: PageNumber::NONE, ..header },
            TreeHeader { levels: 0, ..header },
            TreeHeader { entries: 0, ..header },
            TreeHeader { pages: 0, ..TreeHeader::NEW },
            TreeHeader { pages: 2, ..TreeHeader::NEW },
        ] {
            assert!(!is_decoded(bad, if bad.root.is_none() { PAGE as u64 } else { full }), "{bad:?}");
        }
        // An emptied tree has free pages.
        let emptied = TreeHeader { root: PageNumber::NONE, levels: 0, entries: 0, ..header };
        assert!(is_decoded(emptied, full));
    }
}

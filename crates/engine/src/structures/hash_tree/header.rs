//! The header of a hash tree.
//!
//! # Layout v1
//!
//! ```text
//! offset  bytes  field
//!      0      4  magic "IC-H"
//!      4      1  version, 1
//!      5      3  reserved, zero
//!      8      4  slot of the root, or 0
//!     12      4  number of slots, including slot 0
//!     16      4  first free slot, or 0
//!     20      4  reserved, zero
//!     24     32  digest of the whole tree
//!     56      8  check: see [`mix`](crate::base::checksum::mix)
//! ```
//!
//! It is at an offset that the owner of the tree chooses. A memory without slots and a header of zeroes are an empty tree.

use super::hash::{Digest, EMPTY};
use super::slot::{SLOT, SlotNumber};
use crate::base::checksum::{mix, u32_at, u64_at};

/// Size of a header, in bytes.
pub(crate) const HEADER_BYTES: usize = 64;

const MAGIC: [u8; 8] = *b"IC-H\x01\0\0\0";
const ROOT_AT: usize = MAGIC.len();
const SLOTS_AT: usize = ROOT_AT + 4;
const FREE_AT: usize = SLOTS_AT + 4;
const RESERVED_AT: usize = FREE_AT + 4;
const DIGEST_AT: usize = RESERVED_AT + 4;
const CHECK_AT: usize = DIGEST_AT + 32;

const _: () = assert!(CHECK_AT + 8 == HEADER_BYTES);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) root: SlotNumber,
    /// Number of slots, including slot 0.
    pub(super) slots: u32,
    /// The first free slot.
    pub(super) free: SlotNumber,
    /// Digest of the whole tree.
    pub(super) digest: Digest,
}

impl Header {
    /// The header of an empty tree.
    pub(super) const NEW: Self =
        Self { root: SlotNumber::NONE, slots: 1, free: SlotNumber::NONE, digest: EMPTY };

    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..ROOT_AT].copy_from_slice(&MAGIC);
        for (offset, field) in [(ROOT_AT, self.root.0), (SLOTS_AT, self.slots), (FREE_AT, self.free.0)] {
            bytes[offset..offset + 4].copy_from_slice(&field.to_le_bytes());
        }
        bytes[DIGEST_AT..CHECK_AT].copy_from_slice(&self.digest);
        let check = mix(&bytes[..CHECK_AT]);
        bytes[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Decodes a header. Returns `None` for bytes that are not the header of a tree in a memory of this size.
    pub(super) fn decode(bytes: &[u8; HEADER_BYTES], memory_bytes: u64) -> Option<Self> {
        if *bytes == [0; HEADER_BYTES] && memory_bytes == 0 {
            return Some(Self::NEW);
        }
        let header = Self {
            root: SlotNumber(u32_at(bytes, ROOT_AT)),
            slots: u32_at(bytes, SLOTS_AT),
            free: SlotNumber(u32_at(bytes, FREE_AT)),
            digest: bytes[DIGEST_AT..CHECK_AT].try_into().expect("the range has 32 bytes"),
        };
        let is_sound = bytes[..ROOT_AT] == MAGIC
            && bytes[RESERVED_AT..DIGEST_AT] == [0; 4]
            && u64_at(bytes, CHECK_AT) == mix(&bytes[..CHECK_AT]);
        (is_sound && header.is_possible(memory_bytes)).then_some(header)
    }

    /// Returns whether the numbers are consistent with each other and with the memory.
    fn is_possible(&self, memory_bytes: u64) -> bool {
        let fits = self.slots == 1 || u64::from(self.slots) * SLOT as u64 <= memory_bytes;
        fits && self.slots >= 1
            && self.root.0 < self.slots
            && self.free.0 < self.slots
            && self.root.is_none() == (self.digest == EMPTY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header =
        Header { root: SlotNumber(0x0102), slots: 0x0203_0405, free: SlotNumber(0x1112), digest: [7; 32] };

    #[test]
    fn headers_round_trip_and_every_flipped_bit_is_detected() {
        let bytes = HEADER.encode();
        assert_eq!(bytes[..20], *b"IC-H\x01\0\0\0\x02\x01\0\0\x05\x04\x03\x02\x12\x11\0\0");
        assert_eq!(bytes[20..56], [[0; 4].as_slice(), &[7; 32]].concat());
        assert_eq!(Header::decode(&bytes, 1 << 40), Some(HEADER));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&damaged, 1 << 40), None, "bit {bit}");
        }
        assert_eq!(Header::decode(&[0; HEADER_BYTES], 0), Some(Header::NEW));
        assert_eq!(Header::decode(&[0; HEADER_BYTES], 1), None, "a memory with contents has a header");
    }

    #[test]
    fn impossible_numbers_are_refused_despite_a_valid_check() {
        let full = u64::from(HEADER.slots) * SLOT as u64;
        let is_decoded = |header: Header, bytes| Header::decode(&header.encode(), bytes) == Some(header);
        assert!(is_decoded(HEADER, full));
        assert!(!is_decoded(HEADER, full - 1));
        for bad in [
            Header { root: SlotNumber(HEADER.slots), ..HEADER },
            Header { free: SlotNumber(HEADER.slots), ..HEADER },
            Header { root: SlotNumber::NONE, ..HEADER },
            Header { digest: EMPTY, ..HEADER },
            Header { slots: 0, ..Header::NEW },
        ] {
            assert!(!is_decoded(bad, full), "{bad:?}");
        }
        for constant in [0, 4, RESERVED_AT] {
            let mut bytes = HEADER.encode();
            bytes[constant] ^= 1;
            let check = mix(&bytes[..CHECK_AT]);
            bytes[CHECK_AT..].copy_from_slice(&check.to_le_bytes());
            assert_eq!(Header::decode(&bytes, full), None, "offset {constant}");
        }
        assert!(
            is_decoded(Header { root: SlotNumber::NONE, digest: EMPTY, ..HEADER }, full),
            "an emptied tree"
        );
    }
}

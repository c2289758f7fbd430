//! The tag at the start of every block, and the footer at the end of a free one.
//!
//! # Layout v1
//!
//! One little-endian word:
//!
//! ```text
//! bit 63          48 47                              5 4      2        1             0
//!     | check       | size in bytes, a multiple of 32 | zero  | previous is free | free |
//! ```
//!
//! The check is computed from the other bits and the offset of the word. Any single flipped bit changes it. A
//! word at an offset without a tag passes the check once in 65,536 times.

use stable_storage_api::Error;

/// Alignment of block offsets and sizes, in bytes. It is also the smallest free block: a tag, two links and a
/// footer of eight bytes each.
pub(super) const ALIGNMENT: u64 = 32;

/// Size of the tag before the payload, in bytes.
pub(super) const TAG_BYTES: u64 = 8;

/// Size of the footer of a free block, in bytes: a copy of its tag, from which the next block finds its
/// start.
pub(super) const FOOTER_BYTES: u64 = 8;

const FREE: u64 = 1;
const PREVIOUS_FREE: u64 = 2;
const CHECK_SHIFT: u32 = 48;
const BODY_MASK: u64 = (1 << CHECK_SHIFT) - 1;
const SIZE_MASK: u64 = BODY_MASK - (ALIGNMENT - 1);

/// The decoded tag of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// Size of the whole block, including the tag, in bytes; 0 only in the sentinel.
    pub(super) size: u64,
    /// Whether the block is in a free list.
    pub(super) free: bool,
    /// Whether the previous block is free, with its footer just before this tag.
    pub(super) previous_free: bool,
}

impl Tag {
    /// Tag that ends the arena: always used, so that no block coalesces past it.
    pub(super) const SENTINEL: Self = Self::used(0);

    /// Creates the tag of a used block whose previous block is used.
    pub(super) const fn used(size: u64) -> Self {
        Self { size, free: false, previous_free: false }
    }

    /// Creates the tag and footer of a free block. Free blocks are never adjacent, so the previous one is
    /// used.
    pub(super) const fn free(size: u64) -> Self {
        Self { size, free: true, previous_free: false }
    }

    /// Encodes the tag for an offset from the start of the memory.
    pub(super) const fn encode(self, offset: u64) -> u64 {
        debug_assert!(self.size & !SIZE_MASK == 0);
        let body =
            self.size | if self.free { FREE } else { 0 } | if self.previous_free { PREVIOUS_FREE } else { 0 };
        body | check(body, offset) << CHECK_SHIFT
    }

    /// Decodes the tag that was read from an offset.
    pub(super) fn decode(word: u64, offset: u64) -> Result<Self, Error> {
        let body = word & BODY_MASK;
        let tag =
            Self { size: body & SIZE_MASK, free: body & FREE != 0, previous_free: body & PREVIOUS_FREE != 0 };
        if tag.encode(offset) != word {
            return Err(Error::corrupted("the tag of an arena block fails its check", offset));
        }
        if tag.free && tag.previous_free {
            return Err(Error::corrupted("two adjacent arena blocks are free", offset));
        }
        Ok(tag)
    }
}

/// Returns sixteen bits that depend on every bit of a tag and on its offset.
///
/// The top bits of a product depend on all lower bits of the factor. The multipliers are odd and have no run
/// of sixteen equal bits, so a single flipped bit always changes the result.
const fn check(body: u64, offset: u64) -> u64 {
    (body ^ offset.wrapping_mul(0xD6E8_FEB8_6659_FD93)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> CHECK_SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: Tag = Tag { size: 0x0000_0012_3456_7880, free: false, previous_free: true };

    #[test]
    fn golden() {
        let bytes = |tag: Tag, offset| tag.encode(offset).to_le_bytes();
        assert_eq!(bytes(EXAMPLE, 4_096), [0x82, 0x78, 0x56, 0x34, 0x12, 0x00, 0xE6, 0xA3]);
        assert_eq!(bytes(Tag::free(32), 4_096), [0x21, 0x00, 0x00, 0x00, 0x00, 0x00, 0xE2, 0x07]);
        assert_eq!(bytes(Tag::SENTINEL, (16 << 20) - 32), [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xF0, 0x1C]);
    }

    #[test]
    fn a_tag_reads_back() {
        for tag in [EXAMPLE, Tag::free(32), Tag::used((1 << 39) - 32), Tag::SENTINEL] {
            assert_eq!(Tag::decode(tag.encode(8_192), 8_192), Ok(tag));
        }
    }

    #[test]
    fn a_flipped_bit_is_found() {
        for (tag, offset) in [(EXAMPLE, 4_096), (Tag::free(64), 1 << 38), (Tag::used(2_080), 12_345 * 32)] {
            for bit in 0..64 {
                assert!(Tag::decode(tag.encode(offset) ^ 1 << bit, offset).is_err(), "bit {bit} of {tag:?}");
            }
        }
    }

    /// A tag that was copied to another offset fails the check there.
    #[test]
    fn a_tag_belongs_to_its_place() {
        let word = EXAMPLE.encode(1 << 30);
        let passing = (1..65_536).filter(|n| Tag::decode(word, (1 << 30) + n * 32).is_ok()).count();
        assert!(passing <= 4, "{passing} of 65,535");
    }

    #[test]
    fn adjacent_free_blocks_are_corruption() {
        let word = Tag { size: 64, free: true, previous_free: true }.encode(4_096);
        assert!(Tag::decode(word, 4_096).is_err());
    }
}

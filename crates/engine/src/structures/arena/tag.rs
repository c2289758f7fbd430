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
//! The check is computed from the other bits and from where the word lies. Any single flipped bit changes it, and a word
//! that is read where no tag is passes once in 65,536 times.

use stable_storage_api::Error;

/// Block sizes and offsets are multiples of this many bytes. It is the least that a free block needs: a tag, two links
/// and a footer of eight bytes each.
pub(super) const GRAIN_BYTES: u64 = 32;

/// What a block has before its payload, in bytes.
pub(super) const TAG_BYTES: u64 = 8;

/// What a free block ends with, in bytes: its tag once more, so that the block after it finds its start.
pub(super) const FOOTER_BYTES: u64 = 8;

const FREE: u64 = 1;
const PREVIOUS_FREE: u64 = 2;
const CHECK_SHIFT: u32 = 48;
const BODY_MASK: u64 = (1 << CHECK_SHIFT) - 1;
const SIZE_MASK: u64 = BODY_MASK - (GRAIN_BYTES - 1);

/// The decoded tag of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// The bytes of the whole block, tag included; 0 in the sentinel only.
    pub(super) size: u64,
    /// The block is in a free list.
    pub(super) free: bool,
    /// The block before is free, and its footer lies before this tag.
    pub(super) previous_free: bool,
}

impl Tag {
    /// The tag that ends the arena: in use for ever, so that nothing coalesces past it.
    pub(super) const SENTINEL: Self = Self::used(0);

    /// The tag of a block in use whose previous block is in use.
    pub(super) const fn used(size: u64) -> Self {
        Self { size, free: false, previous_free: false }
    }

    /// The tag, and the footer, of a free block. Free blocks are never adjacent, so the previous one is in use.
    pub(super) const fn free(size: u64) -> Self {
        Self { size, free: true, previous_free: false }
    }

    /// The word to store at `at`, in bytes from the start of the memory.
    pub(super) const fn encode(self, at: u64) -> u64 {
        debug_assert!(self.size & !SIZE_MASK == 0);
        let body =
            self.size | if self.free { FREE } else { 0 } | if self.previous_free { PREVIOUS_FREE } else { 0 };
        body | check(body, at) << CHECK_SHIFT
    }

    /// The tag that `word`, read from `at`, holds.
    pub(super) fn decode(word: u64, at: u64) -> Result<Self, Error> {
        let body = word & BODY_MASK;
        let tag =
            Self { size: body & SIZE_MASK, free: body & FREE != 0, previous_free: body & PREVIOUS_FREE != 0 };
        if tag.encode(at) != word {
            return Err(Error::corrupted("the tag of an arena block fails its check", at));
        }
        if tag.free && tag.previous_free {
            return Err(Error::corrupted("two adjacent arena blocks are free", at));
        }
        Ok(tag)
    }
}

/// Sixteen bits that depend on every bit of a tag and on its place.
///
/// The top bits of a product depend on all lower bits of the factor. The multipliers are odd and have no run of sixteen
/// equal bits, which is why a single flipped bit always shows.
const fn check(body: u64, at: u64) -> u64 {
    (body ^ at.wrapping_mul(0xD6E8_FEB8_6659_FD93)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> CHECK_SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: Tag = Tag { size: 0x0000_0012_3456_7880, free: false, previous_free: true };

    #[test]
    fn golden() {
        let bytes = |tag: Tag, at| tag.encode(at).to_le_bytes();
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
        for (tag, at) in [(EXAMPLE, 4_096), (Tag::free(64), 1 << 38), (Tag::used(2_080), 12_345 * 32)] {
            for bit in 0..64 {
                assert!(Tag::decode(tag.encode(at) ^ 1 << bit, at).is_err(), "bit {bit} of {tag:?}");
            }
        }
    }

    /// A tag that was copied to, or is read from, another place does not pass for one there.
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

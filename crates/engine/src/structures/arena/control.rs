//! The control page: the header of the arena and the heads of its free lists.

use stable_storage_api::Error;

use super::class::{CLASSES, CLASSES_PER_LEVEL, Class, LEVELS};
use super::tag::ALIGNMENT;
use super::{MAX_ARENA_BYTES, SLOT_BYTES};

// Words of the header, numbered consecutively.
const MAGIC: usize = 0;
const END: usize = MAGIC + 1;
const USED_BYTES: usize = END + 1;
const USED_BLOCKS: usize = USED_BYTES + 1;
const FIRST_LEVEL: usize = USED_BLOCKS + 1;
const SECOND_LEVEL: usize = FIRST_LEVEL + 1;
const SLOTS: usize = SECOND_LEVEL + SECOND_LEVEL_WORDS;
const RESERVED: usize = SLOTS + 1;
const HEADER_WORDS: usize = 16;

/// Words of the second-level bitmap: one bit for each class, 16 bits for each level.
const SECOND_LEVEL_WORDS: usize = CLASSES.div_ceil(64);

const WORD_BYTES: usize = 8;

/// Size of the header at the start of the memory, in bytes.
pub(super) const HEADER_BYTES: usize = HEADER_WORDS * WORD_BYTES;

/// Size of the control page, in bytes: the header, and a list head for each class.
pub(super) const CONTROL_BYTES: u64 = (HEADER_BYTES + CLASSES * WORD_BYTES) as u64;

const _: () = assert!(RESERVED == 14 && RESERVED <= HEADER_WORDS);
const _: () = assert!(CONTROL_BYTES == 4_096);
const _: () = assert!(CONTROL_BYTES.is_multiple_of(ALIGNMENT));

/// Magic: six bytes that identify the structure, and two with the version of the layout.
const MAGIC_V1: u64 = u64::from_le_bytes(*b"ARENA\0\x01\0");
const NAME_MASK: u64 = (1 << 48) - 1;

/// Offset of the first block from the start of the memory, in bytes.
pub(super) const FIRST_BLOCK: u64 = CONTROL_BYTES;

/// Size of the sentinel at the end of the memory, in bytes: its tag, and zeroes that keep blocks aligned.
pub(super) const SENTINEL_BYTES: u64 = ALIGNMENT;

/// Returns the offset of the list head of `class` from the start of the memory, in bytes.
pub(super) const fn list_head(class: Class) -> u64 {
    (HEADER_BYTES + class.index() * WORD_BYTES) as u64
}

/// Words of the header. All zero represents an arena in which nothing was ever allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ArenaHeader([u64; HEADER_WORDS]);

impl ArenaHeader {
    /// The header of an arena in a memory of no pages.
    pub(super) const EMPTY: Self = Self([0; HEADER_WORDS]);

    /// Decodes the header of an arena in a memory of `memory_bytes` that grows by `bucket_bytes`. Checks only
    /// what reading needs: the magic, the version, and the end of the blocks.
    pub(super) fn decode(
        bytes: &[u8; HEADER_BYTES],
        memory_bytes: u64,
        bucket_bytes: u64,
    ) -> Result<Self, Error> {
        let (words, _) = bytes.as_chunks::<WORD_BYTES>();
        let header = Self(std::array::from_fn(|i| u64::from_le_bytes(words[i])));
        if header.0[MAGIC] & NAME_MASK != MAGIC_V1 & NAME_MASK {
            return Err(corrupted("the memory does not contain an arena", MAGIC));
        }
        if header.0[MAGIC] != MAGIC_V1 {
            return Err(corrupted("the layout version of the arena is unknown", MAGIC));
        }
        let ends_a_bucket = |total: u64| total.is_multiple_of(bucket_bytes);
        let most = memory_bytes.min(MAX_ARENA_BYTES);
        match header.end().checked_add(SENTINEL_BYTES) {
            Some(total) if ends_a_bucket(total) && total <= most => Ok(header),
            _ => Err(corrupted("the end of the arena is impossible", END)),
        }
    }

    /// Checks that the counters are possible, the two bitmaps agree, and the reserved words are zero.
    pub(super) fn verify(&self) -> Result<(), Error> {
        let (used, room) = (self.used_bytes(), self.end().saturating_sub(FIRST_BLOCK));
        if !used.is_multiple_of(ALIGNMENT) || used > room {
            return Err(corrupted("the arena's count of used bytes is impossible", USED_BYTES));
        }
        if self.used_blocks() > used / ALIGNMENT || (self.used_blocks() == 0) != (used == 0) {
            return Err(corrupted("the arena's count of used blocks is impossible", USED_BLOCKS));
        }
        let second = &self.0[SECOND_LEVEL..SLOTS];
        let levels = second.iter().rev().fold(0, |levels, &word| levels << 4 | non_zero_lanes(word));
        if levels != self.0[FIRST_LEVEL] || levels >> LEVELS != 0 {
            return Err(corrupted("the arena's bitmaps contradict each other", FIRST_LEVEL));
        }
        if self.slots() > room.saturating_sub(used) / SLOT_BYTES {
            return Err(corrupted("the arena's count of slots is impossible", SLOTS));
        }
        if self.0[RESERVED..].iter().any(|&word| word != 0) {
            return Err(corrupted("a reserved word of the arena is not zero", RESERVED));
        }
        Ok(())
    }

    /// Turns an empty header into that of an arena, or moves the end of an arena.
    pub(super) fn set_end(&mut self, end: u64) {
        self.0[MAGIC] = MAGIC_V1;
        self.0[END] = end;
    }

    /// Returns whether nothing was ever allocated: there is neither a block nor a sentinel.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// Returns the offset of the sentinel from the start of the memory, in bytes; 0 in an empty arena.
    pub(super) fn end(&self) -> u64 {
        self.0[END]
    }

    /// Returns the size of the arena, including the control page and the sentinel, in bytes.
    pub(super) fn total_bytes(&self) -> u64 {
        if self.is_empty() { 0 } else { self.end() + SENTINEL_BYTES }
    }

    /// Returns the bytes of all used blocks, including tags.
    pub(super) fn used_bytes(&self) -> u64 {
        self.0[USED_BYTES]
    }

    /// Returns the number of used blocks.
    pub(super) fn used_blocks(&self) -> u64 {
        self.0[USED_BLOCKS]
    }

    /// Counts a block of `size` bytes as used.
    pub(super) fn count_used(&mut self, size: u64) {
        self.0[USED_BYTES] += size;
        self.0[USED_BLOCKS] += 1;
    }

    /// Counts a block of `size` bytes as free again.
    pub(super) fn count_freed(&mut self, size: u64) -> Result<(), Error> {
        let counted = (self.0[USED_BYTES].checked_sub(size), self.0[USED_BLOCKS].checked_sub(1));
        let (Some(bytes), Some(blocks)) = counted else {
            return Err(corrupted("the arena's count of used blocks is too small", USED_BYTES));
        };
        (self.0[USED_BYTES], self.0[USED_BLOCKS]) = (bytes, blocks);
        Ok(())
    }

    /// Returns the number of blocks of [`SLOT_BYTES`] that the free blocks can supply.
    pub(super) fn slots(&self) -> u64 {
        self.0[SLOTS]
    }

    /// Counts the slots of a block of `size` bytes that becomes free.
    pub(super) fn count_slots(&mut self, size: u64) {
        self.0[SLOTS] += size / SLOT_BYTES;
    }

    /// Subtracts the slots of a free block of `size` bytes that becomes used.
    pub(super) fn uncount_slots(&mut self, size: u64) -> Result<(), Error> {
        let left = self.0[SLOTS].checked_sub(size / SLOT_BYTES);
        self.0[SLOTS] = left.ok_or_else(|| corrupted("the arena's count of slots is too small", SLOTS))?;
        Ok(())
    }

    /// Returns whether the bitmaps mark a free block in `class`.
    pub(super) fn has(&self, class: Class) -> bool {
        self.0[SECOND_LEVEL + class.index() / 64] >> (class.index() % 64) & 1 == 1
    }

    /// Marks that `class` has a free block.
    pub(super) fn mark(&mut self, class: Class) {
        self.0[SECOND_LEVEL + class.index() / 64] |= 1 << (class.index() % 64);
        self.0[FIRST_LEVEL] |= 1 << class.level();
    }

    /// Marks that `class` has no free block.
    pub(super) fn clear(&mut self, class: Class) {
        self.0[SECOND_LEVEL + class.index() / 64] &= !(1 << (class.index() % 64));
        if self.classes_of(class.level()) == 0 {
            self.0[FIRST_LEVEL] &= !(1 << class.level());
        }
    }

    /// Returns the first class with free blocks, from `class` on.
    pub(super) fn first_from(&self, class: Class) -> Option<Class> {
        let index = class.index() % CLASSES_PER_LEVEL;
        let here = self.classes_of(class.level()) & u64::MAX << index;
        if here != 0 {
            return Some(in_level(class.level(), here.trailing_zeros()));
        }
        let above = self.0[FIRST_LEVEL] & u64::MAX << (class.level() + 1);
        (above != 0).then(|| {
            let level = above.trailing_zeros() as usize;
            in_level(level, self.classes_of(level).trailing_zeros())
        })
    }

    /// Returns the highest class with free blocks.
    pub(super) fn highest(&self) -> Option<Class> {
        let level = self.0[FIRST_LEVEL].checked_ilog2()? as usize;
        Some(in_level(level, self.classes_of(level).ilog2()))
    }

    /// Returns the 16 bits of the second-level bitmap for `level`.
    fn classes_of(&self, level: usize) -> u64 {
        self.0[SECOND_LEVEL + level / 4] >> (level % 4 * CLASSES_PER_LEVEL) & 0xFFFF
    }

    /// Returns the bytes from the first word that differs from `stored` to the last, and their offset in the
    /// memory.
    pub(super) fn changes(&self, stored: &Self) -> Option<(u64, Vec<u8>)> {
        let differs = |i: &usize| self.0[*i] != stored.0[*i];
        let first = (0..HEADER_WORDS).find(differs)?;
        let last = (0..HEADER_WORDS).rfind(differs)?;
        let bytes = self.0[first..=last].iter().flat_map(|word| word.to_le_bytes()).collect();
        Some(((first * WORD_BYTES) as u64, bytes))
    }
}

fn in_level(level: usize, index: u32) -> Class {
    Class::of_index(level * CLASSES_PER_LEVEL + index as usize)
}

/// Returns as four bits which of the four 16-bit lanes of `word` are not zero.
fn non_zero_lanes(word: u64) -> u64 {
    const LOW: u64 = 0x7FFF_7FFF_7FFF_7FFF;
    // Adding 0x7FFF carries into the top bit of a lane exactly if a lower bit is set, and never past the
    // lane.
    let tops = (((word & LOW) + LOW) | word) & !LOW;
    (tops >> 15 & 1) | (tops >> 30 & 2) | (tops >> 45 & 4) | (tops >> 60 & 8)
}

/// Returns an error for a corrupt word of the header.
fn corrupted(what: &str, word: usize) -> Error {
    Error::corrupted(what, (word * WORD_BYTES) as u64)
}

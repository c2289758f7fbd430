//! Size classes: the free list of a block follows from its size.
//!
//! There are 31 levels of 16 classes. Level 0 has one class for each size below 512 bytes. Level `k`, from 1
//! on, divides the sizes from 2^(8+k) to 2^(9+k) into 16 equal parts. A search starts at the first class
//! whose every block is large enough.

use super::MAX_ARENA_BYTES;
use super::tag::ALIGNMENT;

/// Number of levels.
pub(super) const LEVELS: usize = 31;

/// Number of classes in a level.
pub(super) const CLASSES_PER_LEVEL: usize = 16;

/// Number of classes.
pub(super) const CLASSES: usize = LEVELS * CLASSES_PER_LEVEL;

/// Sizes below this one are in level 0, in bytes.
const LINEAR_BYTES: u64 = CLASSES_PER_LEVEL as u64 * ALIGNMENT;

const _: () = assert!(LINEAR_BYTES == 512);
const _: () =
    assert!(MAX_ARENA_BYTES <= LINEAR_BYTES << (LEVELS - 1), "the highest level reaches the largest block");

/// A size class, as its number: sixteen times the level, plus the index within the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Class(usize);

impl Class {
    /// Returns the class with this number, which must be below [`CLASSES`].
    pub(super) const fn of_index(index: usize) -> Self {
        assert!(index < CLASSES, "the number of a class is below CLASSES");
        Self(index)
    }

    /// Returns the class of a block of `size` bytes.
    pub(super) const fn holding(size: u64) -> Self {
        debug_assert!(size >= ALIGNMENT);
        let (level, shift) = level_and_shift(size);
        Self::of_index(level * CLASSES_PER_LEVEL + (size >> shift) as usize % CLASSES_PER_LEVEL)
    }

    /// Returns the first class in which every block has at least `size` bytes.
    pub(super) const fn fitting(size: u64) -> Self {
        let (_, shift) = level_and_shift(size);
        Self::holding(size + (1 << shift) - ALIGNMENT)
    }

    /// Returns the number of the class.
    pub(super) const fn index(self) -> usize {
        self.0
    }

    /// Returns the level of the class.
    pub(super) const fn level(self) -> usize {
        self.0 / CLASSES_PER_LEVEL
    }
}

/// Returns the level of `size`, and the binary logarithm of the width of its classes in bytes.
const fn level_and_shift(size: u64) -> (usize, u32) {
    if size < LINEAR_BYTES {
        return (0, ALIGNMENT.ilog2());
    }
    let level = (size.ilog2() - LINEAR_BYTES.ilog2() + 1) as usize;
    (level, size.ilog2() - CLASSES_PER_LEVEL.ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_0_has_a_class_for_each_size() {
        for grains in 1..16 {
            assert_eq!(Class::holding(grains * 32), Class(grains as usize));
            assert_eq!(Class::fitting(grains * 32), Class(grains as usize));
        }
    }

    #[test]
    fn every_level_starts_at_its_power_of_two() {
        for level in 1..LEVELS {
            let start = 1u64 << (8 + level);
            let width = start / 16;
            for part in 0..16 {
                let class = Class(level * 16 + part as usize);
                assert_eq!(Class::holding(start + part * width), class);
                assert_eq!(Class::holding(start + (part + 1) * width - 32), class);
                assert_eq!(
                    Class::fitting(start + part * width),
                    class,
                    "the smallest size of a class fits in it"
                );
            }
        }
    }

    #[test]
    fn the_largest_block_has_a_class() {
        assert_eq!(Class::holding(MAX_ARENA_BYTES).level(), LEVELS - 1);
    }

    /// Every block of the first class of a search is large enough, and some block of the class before is not.
    #[test]
    fn a_search_starts_at_the_first_class_that_always_fits() {
        for size in (1..4_096u64).map(|grains| grains * 32).chain([(16 << 20) + 32, (1 << 30) + 64]) {
            let found = Class::fitting(size);
            let smallest = (1..).map(|n| n * 32).find(|&s| Class::holding(s) == found);
            assert!(smallest.is_none_or(|s| s >= size), "{size}");
            assert!(Class::holding(size) == found || Class::holding(size).index() + 1 == found.index());
        }
    }
}

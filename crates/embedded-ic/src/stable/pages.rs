//! Pages of 4 KiB, and collections of them by page number.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::limits::OS_PAGE_BYTES;

/// Bytes of a page.
pub(crate) const PAGE: usize = OS_PAGE_BYTES as usize;
/// The content of a page.
pub(crate) type Page = [u8; PAGE];
/// Pages by number.
pub(crate) type PageMap<V = Box<Page>> = HashMap<u64, V, BuildHasherDefault<PageHasher>>;

/// Hashes page numbers, which cannot be chosen to collide: a multiplication is enough and much faster than SipHash.
#[derive(Default)]
pub(crate) struct PageHasher(u64);

impl Hasher for PageHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The odd constant spreads adjacent numbers over the high bits; the rotation moves these to the low bits.
        self.0 = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    }
}

/// Set of page numbers, 64 adjacent ones per word.
#[derive(Default)]
pub(crate) struct PageSet {
    words: PageMap<u64>,
    len: u64,
}

impl PageSet {
    /// Returns the number of pages in the set.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Returns how many of the pages `first..=last` are not in the set.
    pub(crate) fn missing(&self, first: u64, last: u64) -> u64 {
        each_word(first, last)
            .map(|(word, mask)| u64::from((mask & !self.words.get(&word).copied().unwrap_or(0)).count_ones()))
            .sum()
    }

    /// Adds the pages `first..=last`.
    pub(crate) fn insert(&mut self, first: u64, last: u64) {
        for (word, mask) in each_word(first, last) {
            let bits = self.words.entry(word).or_insert(0);
            self.len += u64::from((mask & !*bits).count_ones());
            *bits |= mask;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.words.clear();
        self.len = 0;
    }
}

/// Returns the words of the pages `first..=last`, with their bits.
fn each_word(first: u64, last: u64) -> impl Iterator<Item = (u64, u64)> {
    (first / 64..=last / 64).map(move |word| {
        let low = first.saturating_sub(word * 64);
        let high = (last - word * 64).min(63);
        (word, (u64::MAX >> (63 - high)) & (u64::MAX << low))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_set_agrees_with_a_set_of_numbers() {
        let mut model = BTreeSet::new();
        let mut set = PageSet::default();
        for (first, last) in [(0, 0), (63, 64), (5, 200), (1_000, 1_000), (960, 1_100), (64, 127), (7, 7)] {
            let missing = (first..=last).filter(|p| !model.contains(p)).count() as u64;
            assert_eq!(set.missing(first, last), missing, "{first}..={last}");
            model.extend(first..=last);
            set.insert(first, last);
            assert_eq!(set.len(), model.len() as u64);
            assert_eq!(set.missing(first, last), 0);
        }
        set.clear();
        assert_eq!((set.len(), set.missing(0, 99)), (0, 100));
    }

    #[test]
    fn neighbours_spread_over_the_low_bits() {
        let slots: BTreeSet<u64> = (0..64)
            .map(|n| {
                let mut hasher = PageHasher::default();
                hasher.write_u64(n);
                hasher.finish() % 64
            })
            .collect();
        assert!(slots.len() > 24, "only {} of 64 slots are used", slots.len());
    }
}

//! The pages that a change has loaded.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::loaded::Loaded;
use super::page::PageNumber;

/// Number of pages up to which a lookup is a linear search.
const FEW: usize = 8;

/// Capacity that is kept for the next change.
const MOST_KEPT: usize = 64;

/// Pages in the order in which they were added, with an index by number.
#[derive(Default)]
pub(super) struct PageSet {
    pages: Vec<Loaded>,
    /// The position of each page, once there are many.
    index: HashMap<PageNumber, usize, BuildHasherDefault<PageHasher>>,
}

impl PageSet {
    /// Returns the position of a page, if it is in the set.
    #[inline]
    pub(super) fn position(&self, number: PageNumber) -> Option<usize> {
        if self.pages.len() <= FEW {
            // Removed pages have no number.
            return self.pages.iter().position(|page| page.number == number).filter(|_| !number.is_none());
        }
        self.index.get(&number).copied()
    }

    /// Adds a page that is not in the set, and returns its position.
    pub(super) fn add(&mut self, page: Loaded) -> usize {
        if self.pages.len() == FEW {
            let pages = self.pages.iter().enumerate();
            self.index.extend(
                pages.filter(|(_, page)| !page.number.is_none()).map(|(index, page)| (page.number, index)),
            );
        }
        if self.pages.len() >= FEW {
            self.index.insert(page.number, self.pages.len());
        }
        self.pages.push(page);
        self.pages.len() - 1
    }

    /// Removes a page. The positions of the others do not change.
    pub(super) fn remove(&mut self, number: PageNumber) {
        if let Some(position) = self.position(number) {
            self.pages[position].number = PageNumber::NONE;
            self.pages[position].version += 1;
            self.index.remove(&number);
        }
    }

    /// Iterates over the pages that were not removed.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Loaded> {
        self.pages.iter().filter(|page| !page.number.is_none())
    }

    /// Removes all pages, including those that were removed before.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Loaded> + '_ {
        self.index.clear();
        self.pages.drain(..)
    }

    /// Returns the set for another change, without its large allocations.
    pub(super) fn for_reuse(self) -> Self {
        if self.pages.capacity() > MOST_KEPT { Self::default() } else { self }
    }
}

/// Hasher for page numbers, which neither are secret nor chosen by a caller.
#[derive(Default)]
struct PageHasher(u64);

impl Hasher for PageHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        let product = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}

impl std::ops::Index<usize> for PageSet {
    type Output = Loaded;

    fn index(&self, position: usize) -> &Loaded {
        &self.pages[position]
    }
}

impl std::ops::IndexMut<usize> for PageSet {
    fn index_mut(&mut self, position: usize) -> &mut Loaded {
        &mut self.pages[position]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structures::btree::page::{Frame, PAGE};

    /// Returns a set of the first pages.
    fn set_of(count: u32) -> PageSet {
        let mut set = PageSet::default();
        for number in 1..=count {
            assert_eq!(set.add(page(number)), number as usize - 1);
        }
        set
    }

    fn page(number: u32) -> Loaded {
        Loaded::whole(PageNumber(number), Box::new(Frame([0; PAGE])))
    }

    const COUNTS: [u32; 5] = [3, FEW as u32 - 1, FEW as u32, FEW as u32 + 1, 40];

    #[test]
    fn pages_are_found_by_number_in_sets_of_any_size() {
        for count in COUNTS {
            let set = set_of(count);
            for number in 1..=count + 1 {
                let expected = (number <= count).then_some(number as usize - 1);
                assert_eq!(set.position(PageNumber(number)), expected, "{number} of {count}");
            }
            assert_eq!(set.position(PageNumber::NONE), None);
        }
    }

    /// A stale position must be detected; otherwise a change would modify a page that is not in the tree.
    #[test]
    fn a_removed_page_has_a_new_version_and_is_not_found() {
        for count in COUNTS {
            let mut set = set_of(count);
            let version = set[2].version;
            set.remove(PageNumber(3));
            set.remove(PageNumber(count + 1));
            assert_ne!(set[2].version, version);
            assert_eq!((set.position(PageNumber(3)), set.position(PageNumber::NONE)), (None, None));
            assert!(set.iter().map(|page| page.number.0).eq((1..=count).filter(|number| *number != 3)));
            assert_eq!(set.add(page(3)), count as usize);
            assert_eq!(set.position(PageNumber(3)), Some(count as usize));
            assert_eq!(set.position(PageNumber(2)), Some(1));
            assert_eq!(set.drain().count(), count as usize + 1);
            assert_eq!((set.position(PageNumber(1)), set.add(page(7))), (None, 0));
        }
    }
}

//! The pages that a change has looked at.

use std::collections::BTreeMap;

use super::loaded::Loaded;
use super::page::PageNumber;

/// Up to so many pages are looked through one by one.
const FEW: usize = 8;

/// Pages by the order in which they came and by their numbers.
#[derive(Default)]
pub(super) struct PageSet {
    pages: Vec<Loaded>,
    /// Where each page is, once there are many.
    index: BTreeMap<PageNumber, usize>,
}

impl PageSet {
    /// Where a page is, if it is there.
    #[inline]
    pub(super) fn position(&self, number: PageNumber) -> Option<usize> {
        if self.pages.len() <= FEW {
            // Pages that were taken out have no number.
            return self.pages.iter().position(|page| page.number == number).filter(|_| !number.is_none());
        }
        self.index.get(&number).copied()
    }

    /// Adds a page that is not there, and returns where it is.
    pub(super) fn add(&mut self, page: Loaded) -> usize {
        if self.pages.len() == FEW {
            let pages = self.pages.iter().enumerate();
            self.index = pages
                .filter(|(_, page)| !page.number.is_none())
                .map(|(at, page)| (page.number, at))
                .collect();
        }
        if self.pages.len() >= FEW {
            self.index.insert(page.number, self.pages.len());
        }
        self.pages.push(page);
        self.pages.len() - 1
    }

    /// Takes a page out. The positions of the others stay.
    pub(super) fn remove(&mut self, number: PageNumber) {
        if let Some(position) = self.position(number) {
            self.pages[position].number = PageNumber::NONE;
            self.index.remove(&number);
        }
    }

    /// The pages, without those that were taken out.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Loaded> {
        self.pages.iter().filter(|page| !page.number.is_none())
    }

    pub(super) fn into_pages(self) -> Vec<Loaded> {
        self.pages
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

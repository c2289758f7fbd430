//! Long values, which are stored in chains of pages.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::change::Change;
use super::loaded::Loaded;
use super::page::{LINK, LONG, LONG_CONTENT, NewValue, PageNumber, link, read_link};

impl<M: Memory> Change<'_, M> {
    /// Stores a value that is too long for a leaf in separate pages.
    pub(super) fn store_long<'v>(&mut self, value: &[u8]) -> Result<NewValue<'v>, Error> {
        let mut next = PageNumber::NONE;
        // From the last page to the first, so that each links to the next one.
        for part in value.chunks(LONG_CONTENT).rev() {
            let number = self.allocate_page()?;
            let mut page = Loaded::whole(number, self.tree.frame());
            page.change(&self.tree.memory, 0, LINK + part.len(), |frame| {
                frame[..LINK].copy_from_slice(&link(LONG, next));
                frame[LINK..LINK + part.len()].copy_from_slice(part);
            });
            self.pages.add(page);
            next = number;
        }
        Ok(NewValue::Long { length: value.len(), first: next })
    }

    /// Returns the bytes of a long value, which this change may have written.
    pub(super) fn read_long(&self, length: usize, first: PageNumber) -> Result<Vec<u8>, Error> {
        self.tree.check_long(length, self.header.pages, first)?;
        let mut bytes = vec![0; length];
        let mut next = first;
        for part in bytes.chunks_mut(LONG_CONTENT) {
            let number = next;
            next = self.next_in_chain(LONG, number)?;
            match self.pages.position(number) {
                Some(position) => {
                    part.copy_from_slice(&self.pages[position].bytes()[LINK..LINK + part.len()]);
                }
                None => self.tree.memory.read(number.offset() + LINK as u64, part),
            }
        }
        Ok(bytes)
    }

    pub(super) fn next_in_chain(&self, kind: u8, number: PageNumber) -> Result<PageNumber, Error> {
        let Some(position) = self.pages.position(number) else {
            return self.tree.next_in_chain(kind, number, self.stored.pages);
        };
        let start = self.pages[position].bytes().first_chunk().expect("a page has more bytes than a link");
        read_link(kind, start).ok_or_else(|| self.tree.damaged_page(number))
    }
}

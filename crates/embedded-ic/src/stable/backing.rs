//! Stores of committed pages of stable memory.

use std::fs::File;
use std::io;
use std::ops::Range;

use super::pages::{PAGE, Page, PageMap};
use super::runs::Runs;

/// Sparse array of pages. Unwritten pages read as zeros and take no space.
pub(crate) trait PageStore: Send + Sync {
    /// Fills `dst` with the bytes from `offset` on. The range may cross pages and include unwritten ones.
    fn read(&self, offset: u64, dst: &mut [u8]) -> io::Result<()>;

    /// Writes pages that had no content before, and returns them: no reader sees them until [`Self::write`] makes them part of
    /// the store, so the journal need not contain them. The store may leave out some or all of them; their disk space is
    /// allocated then. `are_forced` states that the caller will force the written pages to the disk.
    fn write_ahead(&self, pages: &PageMap, are_forced: bool) -> io::Result<Runs>;

    /// Frees the space of pages that were written ahead and will not be part of the store.
    fn forget_ahead(&self, ahead: &Runs);

    /// Makes the pages part of the store; those in `ahead` are already written. The store may take pages out of the map.
    fn write(&mut self, pages: &mut PageMap, ahead: &Runs) -> io::Result<()>;

    /// Writes whole pages of a store that is not in use yet.
    fn fill(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Returns the bytes that the store takes, in memory or on the disk.
    fn resident_bytes(&self) -> io::Result<u64>;

    /// Writes pages that could not be written before, for lack of space.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Forces everything written to the disk.
    fn sync(&self) -> io::Result<()>;

    /// Returns the next range of bytes at or after `from` that may contain nonzero bytes.
    fn next_data(&self, from: u64) -> io::Result<Option<Range<u64>>>;

    /// Returns the generation of this memory, and the pages that have content.
    fn in_file(&self) -> Option<(u64, &Runs)> {
        None
    }

    /// Returns the file of the pages.
    fn file(&self) -> Option<&File> {
        None
    }
}

/// Pages in the memory of the process.
#[derive(Default)]
pub(crate) struct MemoryStore {
    pages: PageMap,
}

impl PageStore for MemoryStore {
    fn read(&self, offset: u64, mut dst: &mut [u8]) -> io::Result<()> {
        let mut page = offset / PAGE as u64;
        let mut start = (offset % PAGE as u64) as usize;
        while !dst.is_empty() {
            let (part, rest) = dst.split_at_mut(dst.len().min(PAGE - start));
            match self.pages.get(&page) {
                Some(content) => part.copy_from_slice(&content[start..start + part.len()]),
                None => part.fill(0),
            }
            (dst, page, start) = (rest, page + 1, 0);
        }
        Ok(())
    }

    fn write_ahead(&self, _pages: &PageMap, _are_forced: bool) -> io::Result<Runs> {
        Ok(Runs::default())
    }

    fn forget_ahead(&self, _ahead: &Runs) {}

    fn write(&mut self, pages: &mut PageMap, _ahead: &Runs) -> io::Result<()> {
        // The boxes move: committing costs no copy.
        self.pages.extend(pages.drain());
        Ok(())
    }

    fn fill(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        for (page, number) in bytes.as_chunks::<PAGE>().0.iter().zip(offset / PAGE as u64..) {
            self.pages.insert(number, Box::new(*page));
        }
        Ok(())
    }

    fn resident_bytes(&self) -> io::Result<u64> {
        Ok(self.pages.len() as u64 * size_of::<Page>() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn next_data(&self, from: u64) -> io::Result<Option<Range<u64>>> {
        let first = from / PAGE as u64;
        let page = self.pages.keys().copied().filter(|&page| page >= first).min();
        Ok(page.map(|page| {
            let mut end = page + 1;
            while self.pages.contains_key(&end) {
                end += 1;
            }
            page * PAGE as u64..end * PAGE as u64
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stable::FileStore;

    fn stores() -> [Box<dyn PageStore>; 2] {
        let file = tempfile::tempfile().unwrap();
        [Box::new(MemoryStore::default()), Box::new(FileStore::new(file, 0, Runs::default()))]
    }

    fn page(byte: u8) -> Box<Page> {
        Box::new([byte; PAGE])
    }

    #[test]
    fn both_stores_are_sparse_and_read_back_what_was_written() {
        const FAR: u64 = 100_000_000;
        for mut store in stores() {
            let mut pages = PageMap::default();
            pages.insert(1, page(1));
            pages.insert(2, page(2));
            pages.insert(FAR, page(3));
            store.write(&mut pages, &Runs::default()).unwrap();

            let mut bytes = vec![9; 3 * PAGE];
            store.read(PAGE as u64 / 2, &mut bytes).unwrap();
            let half = PAGE / 2;
            assert_eq!(bytes[..half], vec![0; half]);
            assert_eq!(bytes[half..half + PAGE], vec![1; PAGE]);
            assert_eq!(bytes[half + PAGE..half + 2 * PAGE], vec![2; PAGE]);
            assert_eq!(bytes[half + 2 * PAGE..], vec![0; half]);

            let mut far = [0; 4];
            store.read(FAR * PAGE as u64 + 10, &mut far).unwrap();
            assert_eq!(far, [3; 4]);
            assert!(store.resident_bytes().unwrap() < 1 << 20);
        }
    }

    #[test]
    fn both_stores_find_their_data() {
        for mut store in stores() {
            let mut pages = PageMap::default();
            for number in [16, 17, 4_000] {
                pages.insert(number, page(7));
            }
            store.write(&mut pages, &Runs::default()).unwrap();
            let (mut found, mut from) = (Vec::new(), 0);
            while let Some(range) = store.next_data(from).unwrap() {
                from = range.end;
                found.extend(range.start / PAGE as u64..range.end / PAGE as u64);
            }
            for number in [16, 17, 4_000] {
                assert!(found.contains(&number), "{found:?}");
            }
            assert!(found.len() < 100, "{} pages of data were found for 3", found.len());
        }
    }
}

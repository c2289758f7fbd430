//! Stable memory as seen by the running message.

use std::io;
use std::sync::Arc;

use super::backing::PageStore;
use super::pages::{PAGE, Page, PageMap, PageSet};
use super::runs::Runs;
use super::versions::{Current, Snapshot, Snapshots, Versions};
use crate::limits::{OS_PAGE_BYTES, WASM_PAGE_BYTES};

/// Number of pages that are kept for later messages instead of freed.
const SPARE_PAGES: usize = 1_024;

/// Most 4 KiB pages that a message may write and access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageLimits {
    pub(crate) write: u64,
    pub(crate) access: u64,
}

/// Reason why an access to stable memory is rejected.
#[derive(Debug)]
pub(crate) enum StableFault {
    OutOfBounds,
    TooManyWritten,
    TooManyAccessed,
    Io(io::Error),
}

impl From<io::Error> for StableFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Committed pages, and an overlay with the writes of the running message. Dropping the overlay is the rollback.
pub(crate) struct StableMemory {
    store: Arc<Versions>,
    /// State that a query sees; `None` for the current one.
    snapshot: Option<Snapshot>,
    /// Store that replaces the current one at the commit, and that the running message sees.
    replacement: Option<Arc<Versions>>,
    committed_pages: u64,
    pages: u64,
    dirty: PageMap,
    /// Pages of the overlay that are already written to the store.
    ahead: Runs,
    spare: Vec<Box<Page>>,
    /// Pages that the running execution has written; `dirty` also has those of an earlier pre_upgrade.
    written: PageSet,
    touched: PageSet,
}

impl StableMemory {
    /// Creates stable memory of `pages` wasm pages whose content is in `store`.
    pub(crate) fn new(store: Box<dyn PageStore>, pages: u64) -> Self {
        Self::over(Arc::new(Versions::new(store)), None, pages)
    }

    /// Creates the stable memory of a query: a snapshot of the committed one.
    pub(crate) fn of_query(store: Arc<Versions>, snapshot: Snapshot, pages: u64) -> Self {
        Self::over(store, Some(snapshot), pages)
    }

    fn over(store: Arc<Versions>, snapshot: Option<Snapshot>, pages: u64) -> Self {
        Self {
            store,
            snapshot,
            replacement: None,
            committed_pages: pages,
            pages,
            dirty: PageMap::default(),
            ahead: Runs::default(),
            spare: Vec::new(),
            written: PageSet::default(),
            touched: PageSet::default(),
        }
    }

    /// Returns the size in wasm pages, as seen by the running message.
    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }

    /// Returns the size in bytes, as seen by the running message.
    pub(crate) fn bytes(&self) -> u64 {
        self.pages * WASM_PAGE_BYTES
    }

    /// Returns how many pages the running execution has written.
    pub(crate) fn pages_written(&self) -> u64 {
        self.written.len()
    }

    /// Returns the pages that the running message has written.
    pub(crate) fn dirty(&self) -> &PageMap {
        &self.dirty
    }

    /// Returns the numbers of the overlay's pages that must be in the journal, in ascending order.
    pub(crate) fn for_journal(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> =
            self.dirty.keys().copied().filter(|&number| !self.ahead.contains(number)).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Returns the pages that [`Self::write_ahead`] has written.
    pub(crate) fn ahead(&self) -> &Runs {
        &self.ahead
    }

    /// Returns whether pages that [`Self::write_ahead`] has written have not been forced to the disk yet. A replacing memory
    /// has been.
    pub(crate) fn is_to_be_forced(&self) -> bool {
        !self.is_replaced() && self.ahead.count() > 0
    }

    /// Returns the checksums of the pages that [`Self::write_ahead`] has written. All of them are in the overlay.
    pub(crate) fn ahead_sums(&self) -> Vec<u32> {
        self.ahead.iter().flatten().map(|number| crc32fast::hash(&self.dirty[&number][..])).collect()
    }

    /// Returns the store as the running message leaves it, without the overlay.
    pub(crate) fn store(&self) -> Current<'_> {
        self.versions().current()
    }

    /// Returns the store of [`Self::store`], to share it.
    pub(crate) fn versions(&self) -> &Arc<Versions> {
        self.replacement.as_ref().unwrap_or(&self.store)
    }

    /// Grows by `by` wasm pages if the result is at most `limit`, and returns the old size.
    pub(crate) fn grow(&mut self, by: u64, limit: u64) -> Option<u64> {
        let old = self.pages;
        let new = old.checked_add(by).filter(|&new| new <= limit)?;
        self.pages = new;
        Some(old)
    }

    /// Checks that a message may write `len` bytes at `offset`, and returns how many pages it would write first.
    pub(crate) fn new_pages(&self, offset: u64, len: u64, limits: PageLimits) -> Result<u64, StableFault> {
        let Some((first, last)) = self.range(offset, len)? else { return Ok(0) };
        let new = self.written.missing(first, last);
        if self.written.len() + new > limits.write {
            return Err(StableFault::TooManyWritten);
        }
        self.check_access(first, last, limits)?;
        Ok(new)
    }

    /// Writes bytes. The caller has called [`Self::new_pages`] before.
    pub(crate) fn write(&mut self, offset: u64, mut src: &[u8]) -> Result<(), StableFault> {
        let Some((first, last)) = self.range(offset, src.len() as u64)? else { return Ok(()) };
        self.touched.insert(first, last);
        self.written.insert(first, last);
        let mut start = (offset % OS_PAGE_BYTES) as usize;
        for number in first..=last {
            let (part, rest) = src.split_at(src.len().min(PAGE - start));
            self.page_mut(number, part.len() == PAGE)?[start..start + part.len()].copy_from_slice(part);
            (src, start) = (rest, 0);
        }
        Ok(())
    }

    /// Returns a page of the overlay, read from the store first unless it is overwritten completely.
    fn page_mut(&mut self, number: u64, overwritten: bool) -> Result<&mut Page, StableFault> {
        if !self.dirty.contains_key(&number) {
            let mut page = self.spare.pop().unwrap_or_else(|| Box::new([0; PAGE]));
            if !overwritten {
                self.read_store(number * OS_PAGE_BYTES, &mut page[..])?;
            }
            self.dirty.insert(number, page);
        }
        Ok(self.dirty.get_mut(&number).expect("the page was just put there"))
    }

    /// Checks that a message may read `len` bytes at `offset`.
    pub(crate) fn check_read(&self, offset: u64, len: u64, limits: PageLimits) -> Result<(), StableFault> {
        match self.range(offset, len)? {
            Some((first, last)) => self.check_access(first, last, limits),
            None => Ok(()),
        }
    }

    /// Reads bytes for the running message, and counts the pages as touched.
    pub(crate) fn read(&mut self, offset: u64, dst: &mut [u8]) -> Result<(), StableFault> {
        let Some((first, last)) = self.range(offset, dst.len() as u64)? else { return Ok(()) };
        self.touched.insert(first, last);
        self.peek(offset, dst)
    }

    /// Reads bytes without counting.
    pub(crate) fn peek(&self, offset: u64, dst: &mut [u8]) -> Result<(), StableFault> {
        let Some((first, last)) = self.range(offset, dst.len() as u64)? else { return Ok(()) };
        if self.dirty.is_empty() {
            return self.read_store(offset, dst);
        }
        // Consecutive pages that are all in the overlay, or all not, are read together.
        let mut page = first;
        while page <= last {
            let dirty = self.dirty.get(&page);
            let mut end = page + 1;
            while dirty.is_none() && end <= last && !self.dirty.contains_key(&end) {
                end += 1;
            }
            let from = (page * OS_PAGE_BYTES).max(offset);
            let to = (end * OS_PAGE_BYTES).min(offset + dst.len() as u64);
            let part = &mut dst[(from - offset) as usize..(to - offset) as usize];
            match dirty {
                Some(content) => {
                    let start = (from % OS_PAGE_BYTES) as usize;
                    part.copy_from_slice(&content[start..start + part.len()]);
                }
                None => self.read_store(from, part)?,
            }
            page = end;
        }
        Ok(())
    }

    fn read_store(&self, offset: u64, dst: &mut [u8]) -> Result<(), StableFault> {
        Ok(self.versions().read(self.snapshot, offset, dst)?)
    }

    /// Returns the pages of a range: `None` if it is empty, a fault if it exceeds stable memory.
    fn range(&self, offset: u64, len: u64) -> Result<Option<(u64, u64)>, StableFault> {
        let end =
            offset.checked_add(len).filter(|&end| end <= self.bytes()).ok_or(StableFault::OutOfBounds)?;
        Ok((len > 0).then(|| (offset / OS_PAGE_BYTES, (end - 1) / OS_PAGE_BYTES)))
    }

    fn check_access(&self, first: u64, last: u64, limits: PageLimits) -> Result<(), StableFault> {
        if self.touched.len() + self.touched.missing(first, last) > limits.access {
            return Err(StableFault::TooManyAccessed);
        }
        Ok(())
    }

    /// Resets the page counts for the next execution.
    pub(crate) fn begin(&mut self) {
        self.touched.clear();
        self.written.clear();
    }

    /// Replaces stable memory for the running message. A rollback restores the old one.
    pub(crate) fn replace(&mut self, store: Box<dyn PageStore>, pages: u64) {
        self.dirty.clear();
        self.pages = pages;
        self.replacement = Some(Arc::new(Versions::new(store)));
    }

    /// Returns whether a commit would replace stable memory.
    pub(crate) fn is_replaced(&self) -> bool {
        self.replacement.is_some()
    }

    /// Writes the pages of the overlay that had no content before, so that the journal need not contain them. They are not
    /// visible before the commit. The caller forces them to the disk if needed.
    pub(crate) fn write_ahead(&mut self, are_forced: bool) -> io::Result<()> {
        let ahead = self.store().write_ahead(&self.dirty, are_forced)?;
        self.ahead = ahead;
        Ok(())
    }

    /// Forces the replacing store to the disk.
    pub(crate) fn sync_replacement(&self) -> io::Result<()> {
        self.replacement.as_ref().map_or(Ok(()), |replacement| replacement.sync())
    }

    /// Commits the writes of the message. Queries keep seeing their snapshots.
    pub(crate) fn commit(&mut self, snapshots: &Snapshots) -> io::Result<()> {
        if let Some(replacement) = self.replacement.take() {
            self.store = replacement;
        }
        let ahead = std::mem::take(&mut self.ahead);
        self.store.write(&mut self.dirty, &ahead, snapshots)?;
        self.recycle();
        self.committed_pages = self.pages;
        Ok(())
    }

    /// Drops the writes of the message.
    pub(crate) fn rollback(&mut self) {
        let ahead = std::mem::take(&mut self.ahead);
        if self.replacement.take().is_none() {
            self.store.current().forget_ahead(&ahead);
        }
        self.recycle();
        self.pages = self.committed_pages;
    }

    /// Empties the overlay and keeps some of its pages: freeing and allocating memory costs more than a message's copies.
    fn recycle(&mut self) {
        for (_, page) in self.dirty.drain() {
            if self.spare.len() < SPARE_PAGES {
                self.spare.push(page);
            }
        }
        // One huge message must not make all later ones iterate over a huge table.
        self.dirty.shrink_to(SPARE_PAGES);
    }

    /// Forces everything to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.store.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stable::MemoryStore;

    const LIMITS: PageLimits = PageLimits { write: 3, access: 4 };

    fn memory(pages: u64) -> StableMemory {
        StableMemory::new(Box::new(MemoryStore::default()), pages)
    }

    fn bytes(memory: &StableMemory, offset: u64, len: usize) -> Vec<u8> {
        let mut dst = vec![0xEE; len];
        memory.peek(offset, &mut dst).unwrap();
        dst
    }

    #[test]
    fn a_rollback_restores_content_and_size() {
        let mut memory = memory(1);
        memory.write(4_000, &[1; 200]).unwrap();
        memory.commit(&Snapshots::default()).unwrap();
        assert_eq!(memory.grow(1, 10), Some(1));
        memory.write(4_090, &[2; 10]).unwrap();
        memory.write(65_536, &[3; 10]).unwrap();
        assert_eq!(memory.pages_written(), 3);
        assert_eq!(bytes(&memory, 4_089, 12), [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]);
        memory.rollback();
        assert_eq!((memory.pages(), memory.dirty().len()), (1, 0));
        assert_eq!(bytes(&memory, 3_999, 202)[..2], [0, 1]);
        assert_eq!(bytes(&memory, 4_000, 200), [1; 200]);
        assert!(matches!(memory.peek(65_536, &mut [0]), Err(StableFault::OutOfBounds)));
    }

    #[test]
    fn a_fresh_memory_hides_the_old_one_until_it_is_rolled_back() {
        let mut memory = memory(2);
        memory.write(0, b"old").unwrap();
        memory.commit(&Snapshots::default()).unwrap();
        memory.replace(Box::new(MemoryStore::default()), 0);
        assert_eq!(memory.pages(), 0);
        memory.grow(1, 10).unwrap();
        assert_eq!(bytes(&memory, 0, 3), [0; 3]);
        memory.write(1, b"x").unwrap();
        assert_eq!(bytes(&memory, 0, 3), [0, b'x', 0]);
        memory.rollback();
        assert_eq!((memory.pages(), bytes(&memory, 0, 3)), (2, b"old".to_vec()));
        memory.replace(Box::new(MemoryStore::default()), 0);
        memory.grow(1, 10).unwrap();
        memory.commit(&Snapshots::default()).unwrap();
        assert_eq!((memory.pages(), bytes(&memory, 0, 3)), (1, vec![0; 3]));
    }

    #[test]
    fn growing_stops_at_the_limit() {
        let mut memory = memory(1);
        assert_eq!(memory.grow(0, 3), Some(1));
        assert_eq!(memory.grow(3, 3), None);
        assert_eq!(memory.grow(2, 3), Some(1));
        assert_eq!(memory.grow(u64::MAX, 3), None);
        assert_eq!(memory.pages(), 3);
    }

    #[test]
    fn the_edge_of_stable_memory_is_exact() {
        let mut memory = memory(1);
        memory.write(65_535, &[1]).unwrap();
        assert!(matches!(memory.write(65_536, &[1]), Err(StableFault::OutOfBounds)));
        memory.write(65_536, &[]).unwrap();
        assert!(matches!(memory.write(65_537, &[]), Err(StableFault::OutOfBounds)));
        assert!(matches!(memory.new_pages(u64::MAX, 2, LIMITS), Err(StableFault::OutOfBounds)));
    }

    #[test]
    fn pages_are_counted_once_and_limited_on_both_sides_of_the_edge() {
        let mut memory = memory(10);
        assert_eq!(memory.new_pages(4_095, 2, LIMITS).unwrap(), 2);
        memory.write(4_095, &[1, 2]).unwrap();
        assert_eq!(memory.new_pages(0, 8_192, LIMITS).unwrap(), 0);
        assert_eq!(memory.new_pages(8_192, 4_096, LIMITS).unwrap(), 1);
        assert!(matches!(memory.new_pages(8_192, 4_097, LIMITS), Err(StableFault::TooManyWritten)));
        memory.check_read(0, 4 * 4_096, LIMITS).unwrap();
        assert!(matches!(memory.check_read(0, 4 * 4_096 + 1, LIMITS), Err(StableFault::TooManyAccessed)));
        memory.read(9 * 4_096, &mut [0; 8_192]).unwrap();
        assert!(matches!(memory.check_read(8 * 4_096, 1, LIMITS), Err(StableFault::TooManyAccessed)));
        memory.begin();
        memory.check_read(8 * 4_096, 1, LIMITS).unwrap();
    }

    #[test]
    fn reads_join_overlay_and_store() {
        let mut memory = memory(1);
        memory.write(0, &[1; 5 * 4_096]).unwrap();
        memory.commit(&Snapshots::default()).unwrap();
        memory.write(2 * 4_096, &[2; 4_096]).unwrap();
        let mut expected = vec![1; 5 * 4_096];
        expected[2 * 4_096..3 * 4_096].fill(2);
        assert_eq!(bytes(&memory, 0, 5 * 4_096), expected);
        assert_eq!(bytes(&memory, 4_000, 10_000), expected[4_000..14_000]);
    }
}

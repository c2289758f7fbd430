//! Committed pages in a sparse file.
//!
//! The file alone does not define stable memory: only the pages in `content` count, and all others are zeros, whatever the
//! file contains there. So a page that had no content can be written before the message that writes it is committed. If it
//! never is, the page is not visible.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};

use rustix::fs::SeekFrom;

use super::backing::PageStore;
use super::pages::{PAGE, Page, PageMap};
use super::runs::Runs;
use crate::disk;

/// Size of a block as counted by `stat` on every file system.
const STAT_BLOCK_BYTES: u64 = 512;
const PAGE_BYTES: u64 = PAGE as u64;
/// Up to this many pages without content go through the journal if messages are forced to the disk: writing them twice
/// takes less time than forcing a second file.
const PAGES_FOR_JOURNAL: usize = 16;

/// Sparse file with page `n` at `n * 4096`.
pub(crate) struct FileStore {
    file: File,
    /// Generation of the memory.
    generation: u64,
    /// Pages that have content.
    content: Runs,
    /// Pages of `content` that could not be written to the file yet. They are in the journal.
    waiting: PageMap,
    is_writable: bool,
    /// Whether it has never been committed.
    is_new: bool,
}

impl FileStore {
    /// Creates a store whose pages with content are in a file.
    pub(crate) fn new(file: File, generation: u64, content: Runs) -> Self {
        Self { file, generation, content, waiting: PageMap::default(), is_writable: true, is_new: false }
    }

    /// Creates an empty store that is to replace another one.
    pub(crate) fn replacing(file: File, generation: u64) -> Self {
        Self { is_new: true, ..Self::new(file, generation, Runs::default()) }
    }

    /// Makes the store read-only: what is committed stays in this process.
    pub(crate) fn read_only(mut self) -> Self {
        self.is_writable = false;
        self
    }

    /// Sets the pages that have content.
    pub(crate) fn with_content(mut self, content: Runs) -> Self {
        self.content = content;
        self
    }

    /// Returns the generation of the memory.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the minimum length of the file, if it was not truncated.
    pub(crate) fn least_file_bytes(&self) -> u64 {
        if self.waiting.is_empty() { self.content.end() * PAGE_BYTES } else { 0 }
    }

    /// Returns whether pages of the file have these checksums.
    pub(crate) fn holds(&self, pages: &Runs, sums: &[u32]) -> io::Result<bool> {
        let mut page = [0; PAGE];
        for (number, sum) in pages.iter().flatten().zip(sums) {
            Self::read_zero_filled(&self.file, number * PAGE_BYTES, &mut page)?;
            if crc32fast::hash(&page) != *sum {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes pages that were written ahead part of the store.
    pub(crate) fn adopt(&mut self, ahead: &Runs) {
        ahead.iter().for_each(|run| self.content.insert(run));
    }

    /// Returns the length of the file.
    pub(crate) fn file_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Returns the bytes of the pages that the disk has no space for.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        self.waiting.len() as u64 * PAGE_BYTES
    }

    /// Reads bytes of a file; beyond its end there are zeros.
    pub(crate) fn read_zero_filled(file: &File, mut offset: u64, mut dst: &mut [u8]) -> io::Result<()> {
        while !dst.is_empty() {
            match file.read_at(dst, offset)? {
                0 => {
                    dst.fill(0);
                    break;
                }
                n => {
                    dst = &mut dst[n..];
                    offset += n as u64;
                }
            }
        }
        Ok(())
    }

    /// Writes pages to the file, with ascending `numbers`; adjacent ones in one call.
    fn write_to_file(&self, pages: &PageMap, numbers: &[u64]) -> io::Result<()> {
        for neighbours in numbers.chunk_by(|a, b| a + 1 == *b) {
            let run: Vec<&Page> = neighbours.iter().map(|number| &*pages[number]).collect();
            disk::write_pages_at(&self.file, &run, neighbours[0] * PAGE_BYTES)?;
        }
        Ok(())
    }

    /// Allocates space for pages that are about to get content, with ascending `numbers`.
    fn reserve(&self, numbers: &[u64]) -> io::Result<()> {
        let reserve =
            |run: Range<u64>| disk::reserve(&self.file, run.start * PAGE_BYTES..run.end * PAGE_BYTES);
        runs_of(numbers).try_for_each(reserve).inspect_err(|_| {
            runs_of(numbers)
                .for_each(|run| disk::release(&self.file, run.start * PAGE_BYTES..run.end * PAGE_BYTES));
        })
    }
}

impl PageStore for FileStore {
    fn read(&self, offset: u64, dst: &mut [u8]) -> io::Result<()> {
        let end = offset + dst.len() as u64;
        let pages = offset / PAGE_BYTES..end.div_ceil(PAGE_BYTES);
        for (part, has_content) in self.content.parts(pages.clone()) {
            let (from, to) = ((part.start * PAGE_BYTES).max(offset), (part.end * PAGE_BYTES).min(end));
            let dst = &mut dst[(from - offset) as usize..(to - offset) as usize];
            if has_content {
                Self::read_zero_filled(&self.file, from, dst)?;
            } else {
                dst.fill(0);
            }
        }
        if self.waiting.is_empty() {
            return Ok(());
        }
        for number in pages {
            let Some(page) = self.waiting.get(&number) else { continue };
            let (from, to) = ((number * PAGE_BYTES).max(offset), ((number + 1) * PAGE_BYTES).min(end));
            let start = (from % PAGE_BYTES) as usize;
            let dst = &mut dst[(from - offset) as usize..(to - offset) as usize];
            dst.copy_from_slice(&page[start..start + dst.len()]);
        }
        Ok(())
    }

    fn write_ahead(&self, pages: &PageMap, are_forced: bool) -> io::Result<Runs> {
        // A store that is to replace another one is not visible yet.
        let fresh = in_order(pages, |number| self.is_new || !self.content.contains(number));
        let mut ahead = if self.is_new { self.content.clone() } else { Runs::default() };
        runs_of(&fresh).for_each(|run| ahead.insert(run));
        if fresh.is_empty() && self.is_new {
            return Ok(ahead);
        }
        if fresh.is_empty() || !self.is_writable {
            return Ok(Runs::default());
        }
        if are_forced && !self.is_new && fresh.len() <= PAGES_FOR_JOURNAL && self.waiting.is_empty() {
            self.reserve(&fresh)?;
            return Ok(Runs::default());
        }
        match self.write_to_file(pages, &fresh) {
            Ok(()) => Ok(ahead),
            Err(error) => {
                self.forget_ahead(&ahead);
                Err(error)
            }
        }
    }

    fn forget_ahead(&self, ahead: &Runs) {
        for run in ahead.iter() {
            disk::release(&self.file, run.start * PAGE_BYTES..run.end * PAGE_BYTES);
        }
    }

    fn write(&mut self, pages: &mut PageMap, ahead: &Runs) -> io::Result<()> {
        let numbers = in_order(pages, |number| !ahead.contains(number));
        let written = match self.is_writable && self.waiting.is_empty() {
            true => self.write_to_file(pages, &numbers),
            false => Err(io::ErrorKind::StorageFull.into()),
        };
        match written {
            Ok(()) => {}
            // They are in the journal, and wait in memory until there is space.
            Err(error) if disk::is_full(&error) => {
                self.waiting.extend(numbers.iter().filter_map(|number| pages.remove_entry(number)));
            }
            Err(error) => return Err(error),
        }
        runs_of(&numbers).for_each(|run| self.content.insert(run));
        self.adopt(ahead);
        self.is_new = false;
        Ok(())
    }

    fn fill(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        disk::write_at(&self.file, bytes, offset)?;
        self.content.insert(offset / PAGE_BYTES..(offset + bytes.len() as u64) / PAGE_BYTES);
        Ok(())
    }

    fn resident_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.blocks() * STAT_BLOCK_BYTES)
    }

    fn settle(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() && self.is_writable {
            self.write_to_file(&self.waiting, &in_order(&self.waiting, |_| true))?;
            self.waiting = PageMap::default();
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        disk::sync(&self.file)
    }

    fn next_data(&self, from: u64) -> io::Result<Option<Range<u64>>> {
        let mut from = from;
        while let Some(run) = self.content.next(from / PAGE_BYTES) {
            let run = (run.start * PAGE_BYTES).max(from)..run.end * PAGE_BYTES;
            if !self.waiting.is_empty() {
                return Ok(Some(run));
            }
            let Some(data) = next_data(&self.file, run.start)? else { return Ok(None) };
            if data.start < run.end {
                return Ok(Some(data.start..data.end.min(run.end)));
            }
            from = data.start;
        }
        Ok(None)
    }

    fn in_file(&self) -> Option<(u64, &Runs)> {
        Some((self.generation, &self.content))
    }

    fn file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

/// Returns the numbers of the selected pages, in ascending order.
fn in_order(pages: &PageMap, wanted: impl Fn(u64) -> bool) -> Vec<u64> {
    let mut numbers: Vec<u64> = pages.keys().copied().filter(|&number| wanted(number)).collect();
    numbers.sort_unstable();
    numbers
}

/// Returns the runs of ascending numbers.
fn runs_of(numbers: &[u64]) -> impl Iterator<Item = Range<u64>> {
    numbers.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[run.len() - 1] + 1)
}

/// Returns the next range of a file at or after `from` that is not a hole.
pub(crate) fn next_data(file: &File, from: u64) -> io::Result<Option<Range<u64>>> {
    if from >= file.metadata()?.len() {
        return Ok(None);
    }
    match rustix::fs::seek(file, SeekFrom::Data(from)) {
        Ok(start) => Ok(Some(start..rustix::fs::seek(file, SeekFrom::Hole(start))?)),
        // The operating system returns "no such device or address" if only a hole follows.
        Err(rustix::io::Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(numbers: &[u64], byte: u8) -> PageMap {
        numbers.iter().map(|&number| (number, Box::new([byte; PAGE]))).collect()
    }

    fn read(store: &FileStore, page: u64) -> u8 {
        let mut byte = [9];
        store.read(page * PAGE_BYTES + 7, &mut byte).unwrap();
        byte[0]
    }

    #[test]
    fn pages_written_ahead_are_invisible_before_the_commit() {
        let mut store = FileStore::new(tempfile::tempfile().unwrap(), 0, Runs::default());
        store.write(&mut pages(&[1, 50], 1), &Runs::default()).unwrap();
        let most = PAGES_FOR_JOURNAL as u64;
        let mut second = pages(&(1..most + 3).collect::<Vec<_>>(), 2);
        let ahead = store.write_ahead(&second, true).unwrap();
        assert_eq!(ahead, std::iter::once(2..most + 3).collect());
        assert_eq!([0, 1, 2, 3, 50].map(|page| read(&store, page)), [0, 1, 0, 0, 1]);
        assert_eq!(store.next_data(0).unwrap(), Some(4_096..8_192));
        store.write(&mut second, &ahead).unwrap();
        assert_eq!([0, 1, 2, most + 2, most + 3, 50].map(|page| read(&store, page)), [0, 2, 2, 2, 0, 1]);
        assert_eq!(store.next_data(0).unwrap(), Some(4_096..(most + 3) * PAGE_BYTES));
    }

    /// A few pages that are only in the journal save one write and one wait.
    #[test]
    fn few_new_pages_are_not_written_ahead_if_each_message_is_synced() {
        let most = (1..=PAGES_FOR_JOURNAL as u64).collect::<Vec<_>>();
        for (are_forced, is_ahead) in [(true, false), (false, true)] {
            let mut store = FileStore::new(tempfile::tempfile().unwrap(), 0, Runs::default());
            let mut few = pages(&most, 3);
            let ahead = store.write_ahead(&few, are_forced).unwrap();
            assert_eq!(ahead.iter().next().is_some(), is_ahead);
            store.write(&mut few, &ahead).unwrap();
            assert_eq!(read(&store, PAGES_FOR_JOURNAL as u64), 3);
        }
    }

    #[test]
    fn replacing_store_is_written_ahead_completely() {
        let mut store = FileStore::replacing(tempfile::tempfile().unwrap(), 1);
        store.fill(PAGE_BYTES, &[1; 2 * PAGE]).unwrap();
        let mut changed = pages(&[2, 9], 2);
        let ahead = store.write_ahead(&changed, true).unwrap();
        assert_eq!(ahead.iter().collect::<Vec<_>>(), [1..3, 9..10]);
        store.write(&mut changed, &ahead).unwrap();
        assert_eq!([0, 1, 2, 9].map(|page| read(&store, page)), [0, 1, 2, 2]);
        assert!(store.write_ahead(&pages(&[2], 3), true).unwrap().iter().next().is_none());
    }

    #[test]
    fn forgotten_pages_free_their_space() {
        let store = FileStore::new(tempfile::tempfile().unwrap(), 0, Runs::default());
        let ahead = store.write_ahead(&pages(&(10..500).collect::<Vec<_>>(), 3), true).unwrap();
        store.forget_ahead(&ahead);
        assert!(store.resident_bytes().unwrap() < 100_000, "{}", store.resident_bytes().unwrap());
        assert_eq!(read(&store, 20), 0);
    }

    #[test]
    fn pages_without_disk_space_wait_in_memory() {
        let mut store = FileStore::new(tempfile::tempfile().unwrap(), 0, Runs::default());
        store.write(&mut pages(&[0, 1], 1), &Runs::default()).unwrap();
        disk::faults::with_room(PAGE_BYTES, || {
            store.write(&mut pages(&[1, 2, 3], 2), &Runs::default()).unwrap();
            assert_eq!([0, 1, 2, 3, 4].map(|page| read(&store, page)), [1, 2, 2, 2, 0]);
            assert_eq!(store.waiting_bytes(), 3 * PAGE_BYTES);
            let mut bytes = vec![9; 3 * PAGE];
            store.read(PAGE_BYTES / 2, &mut bytes).unwrap();
            assert_eq!((bytes[0], bytes[PAGE / 2 - 1], bytes[PAGE / 2], bytes[3 * PAGE - 1]), (1, 1, 2, 2));
            assert!(disk::is_full(&store.settle().unwrap_err()));
        });
        store.settle().unwrap();
        store.sync().unwrap();
        assert_eq!(store.waiting_bytes(), 0);
        assert_eq!([0, 1, 2, 3, 4].map(|page| read(&store, page)), [1, 2, 2, 2, 0]);
    }

    #[test]
    fn read_only_store_keeps_commits_in_memory() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[1; PAGE], 0).unwrap();
        let mut store = FileStore::new(file, 0, std::iter::once(0..1).collect()).read_only();
        let mut changed = pages(&[0, 3], 2);
        let ahead = store.write_ahead(&changed, true).unwrap();
        store.write(&mut changed, &ahead).unwrap();
        assert_eq!([0, 1, 3].map(|page| read(&store, page)), [2, 0, 2]);
        let mut byte = [0];
        store.file.read_exact_at(&mut byte, 0).unwrap();
        assert_eq!(byte, [1]);
    }
}

//! The committed copy of the heap.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::HeapView;
use crate::disk;
use crate::stable::{FileStore, PAGE, Runs, next_data};

/// Bytes read in one step.
const CHUNK: usize = 1 << 20;

/// Returns the CRC-32 of a page of zeros.
fn zero_page_sum() -> u32 {
    crc32fast::hash(&[0; PAGE])
}

/// Sparse file with the committed content of the heap.
pub(crate) struct HeapImage {
    view: HeapView,
    /// Checksums of the pages, if the file is in a folder.
    sums: Option<Vec<u32>>,
    /// Pages that are allocated on the disk.
    reserved: Runs,
    /// Whether the file is a copy in memory, because the one in the folder cannot be written.
    is_copy: bool,
}

impl HeapImage {
    /// Creates a heap in memory.
    pub(crate) fn in_memory() -> io::Result<Self> {
        Ok(Self::over(anonymous_file()?, None))
    }

    /// Creates a heap in a file of a folder, with the checksums of its pages. The file has the committed content.
    pub(crate) fn in_file(file: File, sums: Vec<u32>) -> Self {
        Self::over(file, Some(sums))
    }

    fn over(file: File, sums: Option<Vec<u32>>) -> Self {
        Self { view: HeapView::new(file), sums, reserved: Runs::default(), is_copy: false }
    }

    /// Continues with a copy of the file in memory. No memory may be mapped to the image.
    pub(crate) fn detach(&mut self) -> io::Result<()> {
        let copy = anonymous_file()?;
        let len = self.view.file.metadata()?.len();
        copy.set_len(len)?;
        let mut buffer = vec![0; CHUNK];
        let mut at = 0;
        while let Some(range) = next_data(&self.view.file, at)? {
            at = range.start;
            while at < range.end {
                let part = &mut buffer[..(range.end - at).min(CHUNK as u64) as usize];
                FileStore::read_zero_filled(&self.view.file, at, part)?;
                copy.write_all_at(part, at)?;
                at += part.len() as u64;
            }
        }
        self.view.replace_file(copy);
        self.is_copy = true;
        Ok(())
    }

    /// Returns what maps the committed content into memories.
    pub(crate) fn view(&self) -> &HeapView {
        &self.view
    }

    /// Returns whether the committed content is only in memory and in the journal.
    pub(crate) fn is_copy(&self) -> bool {
        self.is_copy
    }

    /// Returns the checksums of the pages, if the file is in a folder.
    pub(crate) fn sums(&self) -> &[u32] {
        self.sums.as_deref().unwrap_or_default()
    }

    /// Sets the checksums that were recorded for the pages.
    pub(crate) fn set_sums(&mut self, sums: Vec<u32>) {
        self.sums = Some(sums);
    }

    /// Computes the checksums from the file, if they were not recorded.
    pub(crate) fn sum_up(&mut self) -> io::Result<()> {
        let pages = self.view.file.metadata()?.len().div_ceil(PAGE as u64);
        let mut sums = vec![zero_page_sum(); pages as usize];
        self.each_sum(|page, sum| sums[page] = sum)?;
        self.sums = Some(sums);
        Ok(())
    }

    /// Returns the first page that does not match its checksum, or is not completely in the file.
    pub(crate) fn damaged_page(&self) -> io::Result<Option<u64>> {
        let Some(sums) = &self.sums else { return Ok(None) };
        let whole_pages = self.view.file.metadata()?.len() / PAGE as u64;
        if whole_pages < sums.len() as u64 {
            return Ok(Some(whole_pages));
        }
        let zeros = zero_page_sum();
        let mut found = vec![zeros; sums.len()];
        self.each_sum(|page, sum| {
            if let Some(found) = found.get_mut(page) {
                *found = sum;
            }
        })?;
        Ok(found.iter().zip(sums).position(|(found, sum)| found != sum).map(|page| page as u64))
    }

    /// Calls a function with the number and the checksum of each page that is not a hole.
    fn each_sum(&self, mut visit: impl FnMut(usize, u32)) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        let mut at = 0;
        while let Some(range) = next_data(&self.view.file, at)? {
            at = range.start / PAGE as u64 * PAGE as u64;
            while at < range.end {
                let len = (range.end - at).div_ceil(PAGE as u64) * PAGE as u64;
                let part = &mut buffer[..len.min(CHUNK as u64) as usize];
                FileStore::read_zero_filled(&self.view.file, at, part)?;
                for (page, number) in part.chunks(PAGE).zip(at as usize / PAGE..) {
                    visit(number, crc32fast::hash(page));
                }
                at += part.len() as u64;
            }
        }
        Ok(())
    }

    /// Discards the content. No memory may be mapped to the image.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.reserved = Runs::default();
        if let Some(sums) = &mut self.sums {
            sums.clear();
        }
        disk::set_len(&self.view.file, 0)
    }

    /// Allocates disk space for these ranges, so that writing them cannot fail for lack of space.
    pub(crate) fn reserve(&mut self, ranges: &[Range<usize>]) -> io::Result<()> {
        if self.sums.is_none() || self.is_copy {
            return Ok(());
        }
        for range in ranges {
            let pages = (range.start / PAGE) as u64..(range.end / PAGE) as u64;
            let new: Vec<_> = self
                .reserved
                .parts(pages.clone())
                .filter(|(_, has_room)| !has_room)
                .map(|(run, _)| run)
                .collect();
            for run in new {
                disk::reserve(&self.view.file, run.start * PAGE as u64..run.end * PAGE as u64)?;
            }
            self.reserved.insert(pages);
        }
        Ok(())
    }

    /// Writes bytes of the committed content: whole pages, if the file is in a folder.
    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self.is_copy {
            true => self.view.file.write_all_at(bytes, offset)?,
            false => disk::write_at(&self.view.file, bytes, offset)?,
        }
        let Some(sums) = &mut self.sums else { return Ok(()) };
        let first = (offset / PAGE as u64) as usize;
        let pages = bytes.len().div_ceil(PAGE);
        if sums.len() < first + pages {
            sums.resize(first + pages, zero_page_sum());
        }
        for (page, sum) in bytes.chunks(PAGE).zip(&mut sums[first..]) {
            *sum = crc32fast::hash(page);
        }
        Ok(())
    }

    /// Like [`Self::write`], for data that is in the journal: if the disk is full, the image becomes a copy in memory.
    pub(crate) fn write_again(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self.write(offset, bytes) {
            Err(error) if disk::is_full(&error) && !self.is_copy => {
                self.detach()?;
                self.write(offset, bytes)
            }
            result => result,
        }
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        disk::sync(&self.view.file)
    }
}

/// Creates a file without a name, which is removed with its last user.
fn anonymous_file() -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::MemfdFlags;
        Ok(rustix::fs::memfd_create("embedded-ic-heap", MemfdFlags::CLOEXEC)?.into())
    }
    #[cfg(not(target_os = "linux"))]
    {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name =
            format!("embedded-ic-heap-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::dirty::{different_pages, whole_pages};
    use crate::module::engine;
    use wasmtime::{Memory, MemoryType, Store};

    const WASM_PAGE: usize = 65_536;

    fn memory() -> (Store<()>, Memory, HeapImage) {
        let mut store = Store::new(engine().unwrap(), ());
        let memory = Memory::new(&mut store, MemoryType::new(4, Some(100))).unwrap();
        (store, memory, HeapImage::in_memory().unwrap())
    }

    #[test]
    fn the_pages_that_were_written_are_found_and_restored() {
        let (mut store, memory, mut image) = memory();
        image.write(5_000, b"committed").unwrap();
        image.view.map_all(&mut store, memory).unwrap();
        assert!(image.view.dirty(&store, memory, true, &(0..0)).unwrap().is_empty());
        let data = memory.data_mut(&mut store);
        assert_eq!(&data[5_000..5_009], b"committed");
        data[5_000] = b'C';
        data[3 * WASM_PAGE - 1] = 1;
        data[3 * WASM_PAGE] = 1;
        let page = rustix::param::page_size();
        let expected =
            [5_000 / page * page..5_000 / page * page + page, 3 * WASM_PAGE - page..3 * WASM_PAGE + page];
        let dirty = image.view.dirty(&store, memory, true, &(0..0)).unwrap();
        assert_eq!(dirty, expected);
        let (held, mut compared) = (memory.data(&store), Vec::new());
        different_pages(held, &image.view.file, 0..held.len(), &mut compared).unwrap();
        assert_eq!(compared, expected, "by comparing");
        image.view.map(&mut store, memory, &dirty).unwrap();
        assert_eq!(&memory.data(&store)[5_000..5_009], b"committed");
        assert_eq!(memory.data(&store)[3 * WASM_PAGE], 0);
        assert!(image.view.dirty(&store, memory, true, &(0..0)).unwrap().is_empty());
    }

    #[test]
    fn whole_pages_of_scratch_are_left_out() {
        let (mut store, memory, image) = memory();
        image.view.map_all(&mut store, memory).unwrap();
        let page = rustix::param::page_size();
        memory.data_mut(&mut store)[..8 * page].fill(1);
        for (scratch, expected) in [
            (3 * page..5 * page, vec![0..3 * page, 5 * page..8 * page]),
            (3 * page - 1..5 * page + 1, vec![0..3 * page, 5 * page..8 * page]),
            (3 * page + 1..5 * page - 1, std::iter::once(0..8 * page).collect()),
            (0..8 * page, vec![]),
            (2 * page..900 * WASM_PAGE, std::iter::once(0..2 * page).collect()),
            (900 * WASM_PAGE..901 * WASM_PAGE, std::iter::once(0..8 * page).collect()),
        ] {
            let scratch = scratch.start as u32..scratch.end as u32;
            assert_eq!(image.view.dirty(&store, memory, true, &scratch).unwrap(), expected, "{scratch:?}");
            let (held, skipped) = (memory.data(&store), whole_pages(&scratch, memory.data_size(&store)));
            let mut compared = Vec::new();
            for part in [0..skipped.start, skipped.end..held.len()] {
                different_pages(held, &image.view.file, part, &mut compared).unwrap();
            }
            assert_eq!(compared, expected, "{scratch:?}, by comparing");
        }
    }

    #[test]
    fn reading_marks_no_page_dirty() {
        let (mut store, memory, mut image) = memory();
        image.write(0, &[7; 3 * WASM_PAGE]).unwrap();
        image.view.map_all(&mut store, memory).unwrap();
        assert_eq!(
            memory.data(&store).iter().map(|&byte| u64::from(byte)).sum::<u64>(),
            7 * 3 * WASM_PAGE as u64
        );
        assert!(image.view.dirty(&store, memory, true, &(0..0)).unwrap().is_empty());
    }

    #[test]
    fn writes_of_the_canister_do_not_change_the_image() {
        let (mut store, memory, image) = memory();
        image.view.map_all(&mut store, memory).unwrap();
        memory.data_mut(&mut store)[0] = 9;
        let mut byte = [1];
        image.view.file.read_exact_at(&mut byte, 0).unwrap();
        assert_eq!(byte, [0]);
    }

    #[test]
    fn a_memory_that_grew_is_dirty_where_it_was_touched() {
        let (mut store, memory, image) = memory();
        image.view.map_all(&mut store, memory).unwrap();
        memory.grow(&mut store, 90).unwrap();
        memory.data_mut(&mut store)[80 * WASM_PAGE] = 1;
        let dirty = image.view.dirty(&store, memory, true, &(0..0)).unwrap();
        let page = rustix::param::page_size();
        assert_eq!((dirty.len(), &dirty[0]), (1, &(80 * WASM_PAGE..80 * WASM_PAGE + page)));
        image.view.map_all(&mut store, memory).unwrap();
        assert_eq!(memory.data(&store)[80 * WASM_PAGE], 0);
    }

    #[test]
    fn a_changed_page_is_found_by_its_checksum() {
        let mut image = HeapImage::in_file(tempfile::tempfile().unwrap(), Vec::new());
        image.write(5 * PAGE as u64, &[1; 3 * PAGE]).unwrap();
        assert_eq!((image.sums().len(), image.damaged_page().unwrap()), (8, None));
        let sums = image.sums().to_vec();
        image.sum_up().unwrap();
        assert_eq!(image.sums(), sums);
        image.detach().unwrap();
        assert_eq!(image.damaged_page().unwrap(), None);
        for at in [6 * PAGE as u64 + 9, 2 * PAGE as u64] {
            let mut byte = [0];
            image.view.file.read_exact_at(&mut byte, at).unwrap();
            image.view.file.write_all_at(&[byte[0] ^ 4], at).unwrap();
            assert_eq!(image.damaged_page().unwrap(), Some(at / PAGE as u64));
        }
        image.view.file.set_len(4 * PAGE as u64 + 1).unwrap();
        assert_eq!(image.damaged_page().unwrap(), Some(4));
    }

    #[test]
    fn a_memory_that_was_never_mapped_is_dirty_wherever_it_was_touched() {
        let (mut store, memory, image) = memory();
        memory.data_mut(&mut store)[WASM_PAGE] = 1;
        let dirty = image.view.dirty(&store, memory, false, &(0..0)).unwrap();
        assert!(dirty.iter().any(|range| range.contains(&WASM_PAGE)), "{dirty:?}");
    }
}

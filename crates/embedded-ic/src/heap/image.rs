//! The committed copy of the heap.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use wasmtime::{Memory, Store};

use super::dirty::{PageTable, different_pages};
use super::mapping;

/// A sparse file with the committed content of the heap.
pub(crate) struct HeapImage {
    file: File,
    table: Option<PageTable>,
}

impl HeapImage {
    /// A heap in memory.
    pub(crate) fn in_memory() -> io::Result<Self> {
        Ok(Self::in_file(anonymous_file()?))
    }

    /// A heap in a file. What the file holds is the committed content.
    pub(crate) fn in_file(file: File) -> Self {
        Self { file, table: PageTable::open() }
    }

    /// Forgets the content. No memory may be mapped to the image.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)
    }

    /// Writes bytes of the committed content.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    /// Gives the memory the committed content, all of it; whatever it held is gone.
    pub(crate) fn map_all<T: 'static>(&self, store: &mut Store<T>, memory: Memory) -> io::Result<()> {
        let len = memory.data_size(&*store);
        if self.file.metadata()?.len() < len as u64 {
            self.file.set_len(len as u64)?;
        }
        mapping::map(store, memory, &self.file, 0..len)
    }

    /// Gives ranges of a mapped memory their committed content back.
    pub(crate) fn map<T: 'static>(
        &self,
        store: &mut Store<T>,
        memory: Memory,
        ranges: &[Range<usize>],
    ) -> io::Result<()> {
        ranges.iter().try_for_each(|range| mapping::restore(store, memory, &self.file, range.clone()))
    }

    /// The ranges of the memory that may differ from the committed content, in bytes.
    ///
    /// A memory that was not `mapped` to the image yet counts as different wherever it was touched.
    pub(crate) fn dirty<T: 'static>(
        &self,
        store: &Store<T>,
        memory: Memory,
        mapped: bool,
    ) -> io::Result<Vec<Range<usize>>> {
        let held = memory.data(store);
        match &self.table {
            Some(table) => table.private_pages(held.as_ptr() as usize, held.len()),
            None if mapped => different_pages(held, &self.file),
            None => Ok(std::iter::once(0..held.len()).collect()),
        }
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// A file that has no name and vanishes with its last user.
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
    use crate::module::engine;
    use wasmtime::MemoryType;

    const WASM_PAGE: usize = 65_536;

    fn memory() -> (Store<()>, Memory, HeapImage) {
        let mut store = Store::new(engine().unwrap(), ());
        let memory = Memory::new(&mut store, MemoryType::new(4, Some(100))).unwrap();
        (store, memory, HeapImage::in_memory().unwrap())
    }

    #[test]
    fn the_pages_that_were_written_are_found_and_restored() {
        let (mut store, memory, image) = memory();
        image.write(5_000, b"committed").unwrap();
        image.map_all(&mut store, memory).unwrap();
        assert!(image.dirty(&store, memory, true).unwrap().is_empty());
        let data = memory.data_mut(&mut store);
        assert_eq!(&data[5_000..5_009], b"committed");
        data[5_000] = b'C';
        data[3 * WASM_PAGE - 1] = 1;
        data[3 * WASM_PAGE] = 1;
        let page = rustix::param::page_size();
        let expected =
            [5_000 / page * page..5_000 / page * page + page, 3 * WASM_PAGE - page..3 * WASM_PAGE + page];
        let dirty = image.dirty(&store, memory, true).unwrap();
        assert_eq!(dirty, expected);
        assert_eq!(different_pages(memory.data(&store), &image.file).unwrap(), expected, "by comparing");
        image.map(&mut store, memory, &dirty).unwrap();
        assert_eq!(&memory.data(&store)[5_000..5_009], b"committed");
        assert_eq!(memory.data(&store)[3 * WASM_PAGE], 0);
        assert!(image.dirty(&store, memory, true).unwrap().is_empty());
    }

    #[test]
    fn reading_makes_nothing_dirty() {
        let (mut store, memory, image) = memory();
        image.write(0, &[7; 3 * WASM_PAGE]).unwrap();
        image.map_all(&mut store, memory).unwrap();
        assert_eq!(
            memory.data(&store).iter().map(|&byte| u64::from(byte)).sum::<u64>(),
            7 * 3 * WASM_PAGE as u64
        );
        assert!(image.dirty(&store, memory, true).unwrap().is_empty());
    }

    #[test]
    fn what_the_canister_writes_stays_out_of_the_image() {
        let (mut store, memory, image) = memory();
        image.map_all(&mut store, memory).unwrap();
        memory.data_mut(&mut store)[0] = 9;
        let mut byte = [1];
        image.file.read_exact_at(&mut byte, 0).unwrap();
        assert_eq!(byte, [0]);
    }

    #[test]
    fn a_memory_that_grew_is_dirty_where_it_was_touched() {
        let (mut store, memory, image) = memory();
        image.map_all(&mut store, memory).unwrap();
        memory.grow(&mut store, 90).unwrap();
        memory.data_mut(&mut store)[80 * WASM_PAGE] = 1;
        let dirty = image.dirty(&store, memory, true).unwrap();
        let page = rustix::param::page_size();
        assert_eq!((dirty.len(), &dirty[0]), (1, &(80 * WASM_PAGE..80 * WASM_PAGE + page)));
        image.map_all(&mut store, memory).unwrap();
        assert_eq!(memory.data(&store)[80 * WASM_PAGE], 0);
    }

    #[test]
    fn a_memory_that_was_never_mapped_is_dirty_wherever_it_was_touched() {
        let (mut store, memory, image) = memory();
        memory.data_mut(&mut store)[WASM_PAGE] = 1;
        let dirty = image.dirty(&store, memory, false).unwrap();
        assert!(dirty.iter().any(|range| range.contains(&WASM_PAGE)), "{dirty:?}");
    }
}

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

    /// Gives ranges of the memory their committed content back.
    pub(crate) fn map<T: 'static>(
        &self,
        store: &mut Store<T>,
        memory: Memory,
        ranges: &[Range<usize>],
    ) -> io::Result<()> {
        ranges.iter().try_for_each(|range| mapping::map(store, memory, &self.file, range.clone()))
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

//! Access of instances to the committed heap.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use wasmtime::{Memory, Store};

use super::dirty::{PageTable, different_pages, push, whole_pages};
use super::mapping;
use crate::disk;

/// The file of the committed heap, which memories are mapped to. Clones share it.
#[derive(Clone)]
pub(crate) struct HeapView {
    pub(super) file: Arc<File>,
    table: Option<Arc<PageTable>>,
}

impl HeapView {
    pub(super) fn new(file: File) -> Self {
        Self { file: Arc::new(file), table: PageTable::open().map(Arc::new) }
    }

    /// Continues with another file. Clones keep the old one.
    pub(super) fn replace_file(&mut self, file: File) {
        self.file = Arc::new(file);
    }

    /// Returns whether the kernel reports which pages of a memory are private copies. Otherwise a copy that equals the file is
    /// not found, and goes out of date when the file changes.
    pub(crate) fn finds_copies(&self) -> bool {
        self.table.is_some()
    }

    /// Maps the whole committed content into the memory, and discards what the memory held.
    pub(crate) fn map_all<T: 'static>(&self, store: &mut Store<T>, memory: Memory) -> io::Result<()> {
        let len = memory.data_size(&*store);
        if self.file.metadata()?.len() < len as u64 {
            disk::set_len(&self.file, len as u64)?;
        }
        mapping::map(store, memory, &self.file, 0..len)
    }

    /// Restores the committed content of ranges of a mapped memory.
    pub(crate) fn map<T: 'static>(
        &self,
        store: &mut Store<T>,
        memory: Memory,
        ranges: &[Range<usize>],
    ) -> io::Result<()> {
        ranges.iter().try_for_each(|range| mapping::restore(store, memory, &self.file, range.clone()))
    }

    /// Returns the byte ranges of the memory that may differ from the committed content, sorted, with adjacent ones merged.
    /// Whole pages of `scratch` are left out.
    ///
    /// A memory that was not mapped to the image yet differs wherever it was touched.
    pub(crate) fn dirty<T: 'static>(
        &self,
        store: &Store<T>,
        memory: Memory,
        mapped: bool,
        scratch: &Range<u32>,
    ) -> io::Result<Vec<Range<usize>>> {
        let held = memory.data(store);
        let scratch = whole_pages(scratch, held.len());
        let mut found = Vec::new();
        for part in [0..scratch.start, scratch.end..held.len()] {
            match &self.table {
                Some(table) => table.private_pages(held.as_ptr() as usize, part, &mut found)?,
                None if mapped => different_pages(held, &self.file, part, &mut found)?,
                None => push(&mut found, part),
            }
        }
        Ok(found)
    }
}

//! Which pages of a memory the canister has written since the memory was mapped.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::stable::FileStore;

/// Bytes of an entry of `/proc/self/pagemap`.
const ENTRY_BYTES: usize = 8;
/// The page is in memory.
const PRESENT: u64 = 1 << 63;
/// The page is in swap.
const SWAPPED: u64 = 1 << 62;
/// The page is one of a file, that is, not a private copy.
const OF_A_FILE: u64 = 1 << 61;
/// Entries that are read with one call.
const ENTRIES_PER_READ: usize = 8_192;

/// The kernel's table of this process's pages.
pub(super) struct PageTable {
    file: File,
}

impl PageTable {
    /// Opens the table; `None` where the operating system has none.
    pub(super) fn open() -> Option<Self> {
        File::open("/proc/self/pagemap").ok().map(|file| Self { file })
    }

    /// The byte ranges, relative to `address`, of the pages that are private copies. Sorted, neighbours joined.
    pub(super) fn private_pages(&self, address: usize, len: usize) -> io::Result<Vec<Range<usize>>> {
        let page = rustix::param::page_size();
        let mut found: Vec<Range<usize>> = Vec::new();
        let mut buffer = vec![0; ENTRIES_PER_READ.min(len / page) * ENTRY_BYTES];
        let mut at = 0;
        while at < len {
            let entries = ((len - at) / page).min(ENTRIES_PER_READ);
            let part = &mut buffer[..entries * ENTRY_BYTES];
            self.file.read_exact_at(part, ((address + at) / page * ENTRY_BYTES) as u64)?;
            for (entry, start) in part.as_chunks::<ENTRY_BYTES>().0.iter().zip((at..).step_by(page)) {
                let entry = u64::from_le_bytes(*entry);
                if entry & (PRESENT | SWAPPED) != 0 && entry & OF_A_FILE == 0 {
                    push(&mut found, start..start + page);
                }
            }
            at += entries * page;
        }
        Ok(found)
    }
}

/// The byte ranges of the pages in which a memory and its committed copy differ. Sorted, neighbours joined.
///
/// The copy may be shorter: what has grown was zeros.
///
/// This is what can be done where the kernel does not tell: it costs a look at every page.
pub(super) fn different_pages(held: &[u8], committed: &File) -> io::Result<Vec<Range<usize>>> {
    const CHUNK: usize = 1 << 20;
    let page = rustix::param::page_size();
    let mut found = Vec::new();
    let mut buffer = vec![0; CHUNK.min(held.len())];
    for (chunk, base) in held.chunks(CHUNK).zip((0..).step_by(CHUNK)) {
        let old = &mut buffer[..chunk.len()];
        FileStore::read_zero_filled(committed, base as u64, old)?;
        for ((new, old), start) in chunk.chunks(page).zip(old.chunks(page)).zip((base..).step_by(page)) {
            if new != old {
                push(&mut found, start..start + new.len());
            }
        }
    }
    Ok(found)
}

fn push(ranges: &mut Vec<Range<usize>>, next: Range<usize>) {
    match ranges.last_mut() {
        Some(last) if last.end == next.start => last.end = next.end,
        _ => ranges.push(next),
    }
}

//! Pages of a memory that the canister has written since the memory was mapped.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::stable::FileStore;

/// Size of an entry of `/proc/self/pagemap`.
const ENTRY_BYTES: usize = 8;
/// The page is in memory.
const PRESENT: u64 = 1 << 63;
/// The page is in swap.
const SWAPPED: u64 = 1 << 62;
/// The page belongs to a file, that is, it is not a private copy.
const OF_A_FILE: u64 = 1 << 61;
/// Entries read with one call.
const ENTRIES_PER_READ: usize = 8_192;

/// The kernel's table of this process's pages.
pub(super) struct PageTable {
    file: File,
}

impl PageTable {
    /// Opens the table; `None` if the operating system has none.
    pub(super) fn open() -> Option<Self> {
        File::open("/proc/self/pagemap").ok().map(|file| Self { file })
    }

    /// Adds the byte ranges of the pages in a part of a memory that are private copies. The memory starts at `address`.
    pub(super) fn private_pages(
        &self,
        address: usize,
        part: Range<usize>,
        found: &mut Vec<Range<usize>>,
    ) -> io::Result<()> {
        let page = rustix::param::page_size();
        let mut buffer = vec![0; ENTRIES_PER_READ.min(part.len() / page) * ENTRY_BYTES];
        let mut at = part.start;
        while at < part.end {
            let entries = ((part.end - at) / page).min(ENTRIES_PER_READ);
            let table = &mut buffer[..entries * ENTRY_BYTES];
            self.file.read_exact_at(table, ((address + at) / page * ENTRY_BYTES) as u64)?;
            for (entry, start) in table.as_chunks::<ENTRY_BYTES>().0.iter().zip((at..).step_by(page)) {
                let entry = u64::from_le_bytes(*entry);
                if entry & (PRESENT | SWAPPED) != 0 && entry & OF_A_FILE == 0 {
                    push(found, start..start + page);
                }
            }
            at += entries * page;
        }
        Ok(())
    }
}

/// Adds the byte ranges of the pages in a part of a memory that differ from the committed copy.
///
/// The copy may be shorter: the grown part was zeros.
///
/// The fallback if the kernel does not provide the table: it compares every page.
pub(super) fn different_pages(
    held: &[u8],
    committed: &File,
    part: Range<usize>,
    found: &mut Vec<Range<usize>>,
) -> io::Result<()> {
    const CHUNK: usize = 1 << 20;
    let page = rustix::param::page_size();
    let mut buffer = vec![0; CHUNK.min(part.len())];
    for (chunk, base) in held[part.clone()].chunks(CHUNK).zip((part.start..).step_by(CHUNK)) {
        let old = &mut buffer[..chunk.len()];
        FileStore::read_zero_filled(committed, base as u64, old)?;
        for ((new, old), start) in chunk.chunks(page).zip(old.chunks(page)).zip((base..).step_by(page)) {
            if new != old {
                push(found, start..start + new.len());
            }
        }
    }
    Ok(())
}

/// Returns the whole pages of a range of addresses within a memory of `len` bytes.
pub(super) fn whole_pages(addresses: &Range<u32>, len: usize) -> Range<usize> {
    let page = rustix::param::page_size();
    let start = (addresses.start as usize).next_multiple_of(page);
    let end = (addresses.end as usize).min(len) / page * page;
    if start < end { start..end } else { 0..0 }
}

/// Appends a range, and merges it with an adjacent one.
pub(super) fn push(ranges: &mut Vec<Range<usize>>, next: Range<usize>) {
    if next.is_empty() {
        return;
    }
    match ranges.last_mut() {
        Some(last) if last.end == next.start => last.end = next.end,
        _ => ranges.push(next),
    }
}

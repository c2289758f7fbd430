//! The heap of the canister: a committed copy in a file, mapped copy-on-write into the memory that wasm runs on.
//!
//! While a message runs, the kernel copies each page that it writes, so the pages that differ from the committed copy are
//! those that are no longer backed by the file. [`dirty`] asks the kernel for them. A rollback drops these copies; a commit
//! writes them to the file and then drops them. The cost of both depends on what was written, not on the size of the heap.
//!
//! A page that a memory has not copied shows what the file contains at any time. A commit therefore makes the kernel copy the
//! pages that it is about to write into the memories of the queries that are running; see [`Region`].

mod dirty;
mod image;
mod mapping;
mod view;

use std::ops::Range;

pub(crate) use image::HeapImage;
pub(crate) use mapping::Region;
pub(crate) use view::HeapView;

use crate::stable::PAGE;

/// Returns the number of 4 KiB pages in the ranges.
pub(crate) fn pages_in(ranges: &[Range<usize>]) -> u64 {
    ranges.iter().map(|range| (range.len() / PAGE) as u64).sum()
}

//! Contents of a memory in pages of 4 KiB; pages of zeroes may be missing.

use std::collections::HashMap;
use std::ops::Range;

pub(super) const WASM_PAGE_BYTES: u64 = 65_536;
pub(super) const PAGE_BYTES: usize = 4_096;
pub(super) const ZERO: Page = [0; PAGE_BYTES];

pub(super) type Page = [u8; PAGE_BYTES];
pub(super) type Pages = HashMap<u64, Box<Page>>;

/// Returns a page; a missing page is zero.
pub(super) fn page(pages: &Pages, number: u64) -> &Page {
    pages.get(&number).map_or(&ZERO, |page| &**page)
}

/// Returns the pages of a range: the number of each, the offset in it, and the part of the range.
pub(super) fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let position = offset + done as u64;
        let within = (position % PAGE_BYTES as u64) as usize;
        let piece = (len - done).min(PAGE_BYTES - within);
        let range = done..done + piece;
        done += piece;
        (piece > 0).then_some((position / PAGE_BYTES as u64, within, range))
    })
}

/// Fills a buffer from an offset.
pub(super) fn read(pages: &Pages, offset: u64, dst: &mut [u8]) {
    for (number, within, range) in pieces(offset, dst.len()) {
        let len = range.len();
        dst[range].copy_from_slice(&page(pages, number)[within..within + len]);
    }
}

/// Returns the first page that differs.
pub(super) fn first_difference(ours: &Pages, theirs: &Pages) -> Option<u64> {
    let differs = |number: &&u64| page(ours, **number) != page(theirs, **number);
    ours.keys().chain(theirs.keys()).filter(differs).min().copied()
}

/// Panics if a range is not within a memory of `size` pages of 64 KiB.
pub(super) fn assert_inside(size: u64, offset: u64, len: usize) {
    let end = offset.checked_add(len as u64);
    assert!(end.is_some_and(|end| end <= size * WASM_PAGE_BYTES), "{len} at {offset}: out of bounds");
}

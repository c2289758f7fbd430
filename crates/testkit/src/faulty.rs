//! A memory that fails on request.
//!
//! It records what has changed since a mark, so that rolling back and comparing cost as much as was written,
//! regardless of the memory's size. A test can therefore try every possible fault.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Read, Write};
use std::rc::Rc;

use ic_stable_structures::Memory;

use crate::pages::{
    PAGE_BYTES, Page, Pages, WASM_PAGE_BYTES, ZERO, assert_inside, first_difference, page, pieces, read,
};

/// Panic payload of a write that traps on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap;

/// Panic payload of a read above the allowed number, which detects endless loops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyReads;

/// A memory that fails on request. Clones share it.
#[derive(Clone, Default)]
pub struct FaultyMemory(Rc<Inner>);

#[derive(Default)]
struct Inner {
    /// Pages of 4 KiB; missing pages are zero.
    pages: RefCell<Pages>,
    size: Cell<u64>,
    /// Previous contents of the pages that were written since the mark; `None` for zeroes.
    before: RefCell<HashMap<u64, Option<Box<Page>>>>,
    size_before: Cell<u64>,
    grows: Cell<u64>,
    writes: Cell<u64>,
    refused_grow: Cell<Option<u64>>,
    trapping_write: Cell<Option<u64>>,
    reads_left: Cell<Option<u64>>,
}

impl FaultyMemory {
    /// Marks the present contents for [`roll_back`](Self::roll_back), and resets the counters and the planned
    /// faults.
    pub fn mark(&self) {
        self.0.before.borrow_mut().clear();
        self.0.size_before.set(self.0.size.get());
        self.0.grows.set(0);
        self.0.writes.set(0);
        self.plan_nothing();
    }

    /// Undoes the writes since the mark, as the platform does after a trap, and resets the planned faults.
    pub fn roll_back(&self) {
        let mut pages = self.0.pages.borrow_mut();
        for (number, before) in self.0.before.borrow_mut().drain() {
            match before {
                Some(before) => drop(pages.insert(number, before)),
                None => drop(pages.remove(&number)),
            }
        }
        self.0.size.set(self.0.size_before.get());
        self.plan_nothing();
    }

    fn plan_nothing(&self) {
        self.0.refused_grow.set(None);
        self.0.trapping_write.set(None);
        self.0.reads_left.set(None);
    }

    /// Returns whether the size and every byte are the same as at the mark.
    #[must_use]
    pub fn is_as_marked(&self) -> bool {
        let pages = self.0.pages.borrow();
        let is_same = |(number, before): (&u64, &Option<Box<Page>>)| {
            before.as_deref().unwrap_or(&ZERO) == page(&pages, *number)
        };
        self.0.size.get() == self.0.size_before.get() && self.0.before.borrow().iter().all(is_same)
    }

    /// Returns the numbers of growths and of writes since the mark.
    #[must_use]
    pub fn grows_and_writes(&self) -> (u64, u64) {
        (self.0.grows.get(), self.0.writes.get())
    }

    /// Refuses the growth that follows `after` others since the mark.
    pub fn refuse_grow(&self, after: u64) {
        self.0.refused_grow.set(Some(after));
    }

    /// Traps at the write that follows `after` others since the mark: it panics with [`Trap`], and writes
    /// nothing.
    pub fn trap_at_write(&self, after: u64) {
        self.0.trapping_write.set(Some(after));
    }

    /// Panics with [`TooManyReads`] at the read that follows `count` others from now on.
    pub fn allow_reads(&self, count: u64) {
        self.0.reads_left.set(Some(count));
    }

    /// Flips bits of a byte.
    pub fn flip(&self, offset: u64, mask: u8) {
        let mut byte = [0];
        self.read(offset, &mut byte);
        self.write(offset, &[byte[0] ^ mask]);
    }

    /// Truncates the memory to `pages` pages of 64 KiB.
    pub fn truncate(&self, pages: u64) {
        let end = pages * WASM_PAGE_BYTES / PAGE_BYTES as u64;
        let cut: Vec<u64> = self.0.pages.borrow().keys().copied().filter(|number| *number >= end).collect();
        for number in cut {
            self.page_to_write(number).fill(0);
        }
        self.0.size.set(pages);
    }

    /// Compares the sizes and the bytes of two memories.
    ///
    /// # Errors
    ///
    /// The offset of the first difference, in bytes.
    pub fn compare(&self, other: &Self) -> Result<(), u64> {
        let (ours, theirs) = (self.0.pages.borrow(), other.0.pages.borrow());
        match first_difference(&ours, &theirs) {
            Some(number) => Err(number * PAGE_BYTES as u64),
            None if self.size() != other.size() => Err(self.size().min(other.size()) * WASM_PAGE_BYTES),
            None => Ok(()),
        }
    }

    /// Writes the whole image, in the form in which it is downloaded from a canister.
    ///
    /// # Errors
    ///
    /// Any error of the sink.
    pub fn write_image(&self, sink: &mut impl Write) -> io::Result<()> {
        let pages = self.0.pages.borrow();
        let count = self.size() * WASM_PAGE_BYTES / PAGE_BYTES as u64;
        (0..count).try_for_each(|number| sink.write_all(page(&pages, number)))
    }

    /// Reads a whole image.
    ///
    /// # Errors
    ///
    /// Any error of the source, and an image that does not end on a page boundary.
    pub fn read_image(source: &mut impl Read) -> io::Result<Self> {
        let memory = Self::default();
        let mut buffer = vec![0; WASM_PAGE_BYTES as usize];
        while source.read(&mut buffer[..1])? == 1 {
            source.read_exact(&mut buffer[1..])?;
            let size = memory.size();
            memory.0.size.set(size + 1);
            memory.write(size * WASM_PAGE_BYTES, &buffer);
        }
        memory.mark();
        Ok(memory)
    }

    /// Returns a page to be written: its contents are recorded if this is the first write since the mark.
    fn page_to_write(&self, number: u64) -> std::cell::RefMut<'_, Page> {
        let mut pages = self.0.pages.borrow_mut();
        if let Entry::Vacant(before) = self.0.before.borrow_mut().entry(number) {
            before.insert(pages.get(&number).cloned());
        }
        pages.entry(number).or_insert_with(|| Box::new(ZERO));
        std::cell::RefMut::map(pages, |pages| &mut **pages.get_mut(&number).expect("it was just inserted"))
    }
}

/// Decrements a countdown; returns true if it was zero.
fn is_due(countdown: &Cell<Option<u64>>) -> bool {
    let left = countdown.get();
    countdown.set(left.and_then(|left| left.checked_sub(1)));
    left == Some(0)
}

impl Memory for FaultyMemory {
    fn size(&self) -> u64 {
        self.0.size.get()
    }

    fn grow(&self, pages: u64) -> i64 {
        self.0.grows.set(self.0.grows.get() + 1);
        let before = self.size();
        match before.checked_add(pages).filter(|after| *after <= u64::MAX / WASM_PAGE_BYTES) {
            Some(after) if !is_due(&self.0.refused_grow) => {
                self.0.size.set(after);
                before as i64
            }
            _ => -1,
        }
    }

    fn read(&self, offset: u64, dst: &mut [u8]) {
        if is_due(&self.0.reads_left) {
            std::panic::resume_unwind(Box::new(TooManyReads));
        }
        assert_inside(self.size(), offset, dst.len());
        read(&self.0.pages.borrow(), offset, dst);
    }

    fn write(&self, offset: u64, src: &[u8]) {
        if is_due(&self.0.trapping_write) {
            std::panic::resume_unwind(Box::new(Trap));
        }
        self.0.writes.set(self.0.writes.get() + 1);
        assert_inside(self.size(), offset, src.len());
        for (number, within, range) in pieces(offset, src.len()) {
            let bytes = &src[range];
            // Writing zeroes over zeroes creates no page, so that a large object of zeroes costs nothing.
            if bytes == &ZERO[..bytes.len()] && !self.0.pages.borrow().contains_key(&number) {
                continue;
            }
            self.page_to_write(number)[within..within + bytes.len()].copy_from_slice(bytes);
        }
    }
}

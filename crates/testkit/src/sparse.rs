//! A memory that stores only written pages.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use ic_stable_structures::Memory;

use crate::pages::{Pages, WASM_PAGE_BYTES, ZERO, assert_inside, first_difference, pieces, read};

/// Accesses of a [`SparseMemory`] since the counters were last read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Number of reads.
    pub reads: u64,
    /// Number of bytes read.
    pub read_bytes: u64,
    /// Number of writes.
    pub writes: u64,
    /// Number of bytes written.
    pub written_bytes: u64,
    /// Number of distinct pages of 4 KiB that were written; the platform charges 1,000 instructions for each.
    pub written_pages: u64,
    /// Number of growths, including refused ones.
    pub grows: u64,
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.reads += other.reads;
        self.read_bytes += other.read_bytes;
        self.writes += other.writes;
        self.written_bytes += other.written_bytes;
        self.written_pages += other.written_pages;
        self.grows += other.grows;
    }
}

/// A memory that stores only written pages, so that a test can use one of 500 GiB. Clones share it.
#[derive(Clone)]
pub struct SparseMemory(Rc<Inner>);

struct Inner {
    pages: RefCell<Pages>,
    size: Cell<u64>,
    /// Largest size, in pages of 64 KiB.
    maximum: Cell<u64>,
    traffic: Cell<Traffic>,
    touched: RefCell<HashSet<u64>>,
}

impl Default for SparseMemory {
    fn default() -> Self {
        Self::with_maximum(u64::MAX / WASM_PAGE_BYTES)
    }
}

impl SparseMemory {
    /// Creates an empty memory that refuses to grow beyond `maximum` pages of 64 KiB.
    pub fn with_maximum(maximum: u64) -> Self {
        Self(Rc::new(Inner {
            pages: RefCell::default(),
            size: Cell::new(0),
            maximum: Cell::new(maximum),
            traffic: Cell::default(),
            touched: RefCell::default(),
        }))
    }

    /// Changes the largest size, in pages of 64 KiB.
    pub fn set_maximum(&self, maximum: u64) {
        self.0.maximum.set(maximum);
    }

    /// Returns a separate memory with the same contents.
    pub fn copy(&self) -> Self {
        let copy = Self::with_maximum(self.0.maximum.get());
        copy.0.size.set(self.0.size.get());
        copy.0.pages.borrow_mut().clone_from(&self.0.pages.borrow());
        copy
    }

    /// Returns whether both have the same size and the same bytes.
    pub fn same_as(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.0.pages.borrow(), other.0.pages.borrow());
        self.size() == other.size() && first_difference(&ours, &theirs).is_none()
    }

    /// Returns the accesses since the last call.
    pub fn take_traffic(&self) -> Traffic {
        let written_pages = std::mem::take(&mut *self.0.touched.borrow_mut()).len() as u64;
        Traffic { written_pages, ..self.0.traffic.take() }
    }

    fn count(&self, count: impl FnOnce(&mut Traffic)) {
        let mut traffic = self.0.traffic.get();
        count(&mut traffic);
        self.0.traffic.set(traffic);
    }
}

impl Memory for SparseMemory {
    fn size(&self) -> u64 {
        self.0.size.get()
    }

    fn grow(&self, pages: u64) -> i64 {
        self.count(|traffic| traffic.grows += 1);
        let before = self.size();
        match before.checked_add(pages).filter(|&after| after <= self.0.maximum.get()) {
            Some(after) => {
                self.0.size.set(after);
                before as i64
            }
            None => -1,
        }
    }

    fn read(&self, offset: u64, dst: &mut [u8]) {
        assert_inside(self.size(), offset, dst.len());
        self.count(|traffic| {
            traffic.reads += 1;
            traffic.read_bytes += dst.len() as u64;
        });
        read(&self.0.pages.borrow(), offset, dst);
    }

    fn write(&self, offset: u64, src: &[u8]) {
        assert_inside(self.size(), offset, src.len());
        self.count(|traffic| {
            traffic.writes += 1;
            traffic.written_bytes += src.len() as u64;
        });
        let mut pages = self.0.pages.borrow_mut();
        for (page, within, range) in pieces(offset, src.len()) {
            self.0.touched.borrow_mut().insert(page);
            let bytes = pages.entry(page).or_insert_with(|| Box::new(ZERO));
            bytes[within..within + range.len()].copy_from_slice(&src[range]);
        }
    }
}

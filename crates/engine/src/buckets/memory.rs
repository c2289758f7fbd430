//! One memory in its buckets.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ic_stable_structures::Memory;

use super::{ALLOCATED_AT, OWNERS_AT, SIZES_AT, State, address_of, pages_of};
use crate::layout::{BUCKET_BYTES, BUCKET_PAGES, MAX_BUCKETS, MemoryId};

/// One of the memories.
#[derive(Clone)]
pub(crate) struct BucketMemory<M: Memory> {
    raw: M,
    state: Rc<RefCell<State>>,
    id: MemoryId,
    /// Where the last access was, so that the next one near it need not look.
    window: Cell<Window>,
}

/// A part of the memory that is also one part of the physical memory.
#[derive(Clone, Copy, Default)]
struct Window {
    /// Its first byte in the memory.
    start: u64,
    /// The byte after its last in the memory.
    end: u64,
    /// Its first byte in the physical memory.
    address: u64,
}

impl Window {
    /// Where a range is physically, if all of it is in the window.
    fn place(self, offset: u64, length: u64) -> Option<u64> {
        let is_inside = offset >= self.start && offset < self.end && length <= self.end - offset;
        is_inside.then(|| self.address + (offset - self.start))
    }
}

impl<M: Memory> BucketMemory<M> {
    pub(super) fn new(raw: M, state: Rc<RefCell<State>>, id: MemoryId) -> Self {
        Self { raw, state, id, window: Cell::default() }
    }

    /// Finds the window that a byte is in, and keeps it.
    fn window_at(&self, offset: u64) -> Window {
        let state = self.state.borrow();
        let run = state.runs.find(self.id.index(), offset / BUCKET_BYTES);
        let run = run.unwrap_or_else(|| panic!("{:?}: byte {offset} is out of bounds", self.id));
        let window = Window {
            start: run.first * BUCKET_BYTES,
            end: run.end() * BUCKET_BYTES,
            address: address_of(run.bucket),
        };
        self.window.set(window);
        window
    }

    /// Calls with the physical address of each part of a range, and with the part's place in the range.
    fn each_part(&self, offset: u64, length: usize, mut f: impl FnMut(u64, std::ops::Range<usize>)) {
        if let Some(address) = self.window.get().place(offset, length as u64) {
            return f(address, 0..length);
        }
        let mut done = 0;
        while done < length {
            let at = offset + done as u64;
            let window = self.window_at(at);
            let part = (window.end - at).min((length - done) as u64) as usize;
            f(window.address + (at - window.start), done..done + part);
            done += part;
        }
    }
}

impl<M: Memory> Memory for BucketMemory<M> {
    fn size(&self) -> u64 {
        self.state.borrow().sizes[self.id.index()]
    }

    /// Grows by so many pages, or answers -1 and changes nothing where the buckets or the platform end.
    fn grow(&self, pages: u64) -> i64 {
        let state = &mut *self.state.borrow_mut();
        let id = self.id.index();
        let old = state.sizes[id];
        let Some(new) = old.checked_add(pages).filter(|new| *new <= MAX_BUCKETS * BUCKET_PAGES) else {
            return -1;
        };
        let added = new.div_ceil(BUCKET_PAGES) - old.div_ceil(BUCKET_PAGES);
        let first = state.allocated;
        if first + added > MAX_BUCKETS {
            return -1;
        }
        let missing = pages_of(first + added).saturating_sub(self.raw.size());
        if missing > 0 && self.raw.grow(missing) < 0 {
            return -1;
        }
        if added > 0 {
            state.allocated += added;
            state.runs.add(id, first, added);
            self.raw.write(OWNERS_AT + first, &vec![self.id.get(); added as usize]);
            let allocated = u16::try_from(state.allocated).expect("there are at most 32,768 buckets");
            self.raw.write(ALLOCATED_AT, &allocated.to_le_bytes());
        }
        state.sizes[id] = new;
        self.raw.write(SIZES_AT + 8 * id as u64, &new.to_le_bytes());
        old as i64
    }

    fn read(&self, offset: u64, dst: &mut [u8]) {
        self.each_part(offset, dst.len(), |address, part| self.raw.read(address, &mut dst[part]));
    }

    /// The default would fill the buffer with zeroes first, which costs as much again as a short read does.
    #[expect(unsafe_code, reason = "an unsafe method of a trait can only be forwarded by unsafe code")]
    unsafe fn read_unsafe(&self, offset: u64, dst: *mut u8, count: usize) {
        self.each_part(offset, count, |address, part| {
            // SAFETY: each_part gives parts of 0..count, and the caller promises that `dst` is good for `count` bytes
            // that do not overlap this memory, hence not the physical one either.
            unsafe { self.raw.read_unsafe(address, dst.add(part.start), part.len()) };
        });
    }

    fn write(&self, offset: u64, src: &[u8]) {
        self.each_part(offset, src.len(), |address, part| self.raw.write(address, &src[part]));
    }
}

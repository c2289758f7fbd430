//! One memory in its buckets.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ic_stable_structures::Memory;

use super::{NO_OWNER, State, address_of, pages_of};
use crate::base::layout::{ARENA, BUCKET_BYTES, BUCKET_PAGES, MAX_BUCKETS, MemoryId, PAGE_BYTES};

/// A memory takes at most this many buckets at once that another one has given back, because they have to be filled with
/// zeroes: some 21 million instructions each.
pub(crate) const MAX_CLEARED_BUCKETS: u64 = if cfg!(test) { 3 } else { 256 };

/// One of the memories.
#[derive(Clone)]
pub(crate) struct BucketMemory<M: Memory> {
    raw: M,
    state: Rc<RefCell<State>>,
    /// How often buckets were given back; see [`Window`].
    epoch: Rc<Cell<u64>>,
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
    /// The epoch in which this is true: when buckets are given back, parts of the memory may come to lie elsewhere.
    epoch: u64,
}

impl Window {
    /// Where a range is physically in this epoch, if all of it is in the window.
    fn place(self, epoch: u64, offset: u64, length: u64) -> Option<u64> {
        let is_inside =
            offset >= self.start && offset < self.end && length <= self.end - offset && self.epoch == epoch;
        is_inside.then(|| self.address + (offset - self.start))
    }
}

impl<M: Memory> BucketMemory<M> {
    pub(super) fn new(raw: M, state: Rc<RefCell<State>>, epoch: Rc<Cell<u64>>, id: MemoryId) -> Self {
        Self { raw, state, epoch, id, window: Cell::default() }
    }

    /// Which of the memories it is.
    pub(crate) fn id(&self) -> MemoryId {
        self.id
    }

    /// How many of `buckets` the memory would take from those that others have given back, of which there are so many.
    /// What the arena takes need not be zero.
    pub(crate) fn reused(&self, buckets: u64, given_back: u64) -> u64 {
        let most = if self.id == ARENA { u64::MAX } else { MAX_CLEARED_BUCKETS };
        buckets.min(given_back).min(most)
    }

    /// Gives the last buckets back, which others may take then.
    ///
    /// # Panics
    ///
    /// Where the memory has fewer.
    pub(crate) fn give_back(&self, buckets: u64) {
        if buckets == 0 {
            return;
        }
        let state = &mut *self.state.borrow_mut();
        let id = self.id.index();
        let kept = state.runs.buckets(id).checked_sub(buckets).expect("the memory has these buckets");
        let given = state.runs.truncate(id, kept);
        state.holes.extend(&given);
        state.sizes[id] = kept * BUCKET_PAGES;
        state.write_owners(&self.raw, given, NO_OWNER);
        state.write_size(&self.raw, self.id);
        state.write_moved(&self.raw);
        self.epoch.set(self.epoch.get() + 1);
    }

    fn clear_bucket(&self, bucket: u64) {
        let zeroes = [0; PAGE_BYTES as usize];
        (0..BUCKET_PAGES).for_each(|page| self.raw.write(address_of(bucket) + page * PAGE_BYTES, &zeroes));
    }

    /// The first page of the physical memory, for reads and writes within it alone.
    pub(super) fn first_page(raw: M, state: Rc<RefCell<State>>) -> Self {
        let window = Window { start: 0, end: PAGE_BYTES, address: 0, epoch: 0 };
        // An epoch of its own, because no bucket that is given back moves the page.
        Self { raw, state, epoch: Rc::default(), id: MemoryId::NONE, window: Cell::new(window) }
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
            epoch: self.epoch.get(),
        };
        self.window.set(window);
        window
    }

    /// Calls with the physical address of each part of a range, and with the part's place in the range.
    fn each_part(&self, offset: u64, length: usize, mut f: impl FnMut(u64, std::ops::Range<usize>)) {
        if let Some(address) = self.window.get().place(self.epoch.get(), offset, length as u64) {
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
        let reused = self.reused(added, state.given_back());
        let (first, fresh) = (state.allocated, added - reused);
        if first + fresh > MAX_BUCKETS {
            return -1;
        }
        let missing = pages_of(first + fresh).saturating_sub(self.raw.size());
        if missing > 0 && self.raw.grow(missing) < 0 {
            return -1;
        }
        let mut taken: Vec<u64> = (0..reused).filter_map(|_| state.holes.pop_first()).collect();
        if self.id != ARENA {
            taken.iter().for_each(|bucket| self.clear_bucket(*bucket));
        }
        taken.extend(first..first + fresh);
        state.allocated += fresh;
        taken.iter().for_each(|bucket| state.runs.add(id, *bucket, 1));
        state.sizes[id] = new;
        if added > 0 {
            state.write_owners(&self.raw, taken, self.id.get());
            state.write_moved(&self.raw);
        }
        state.write_size(&self.raw, self.id);
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

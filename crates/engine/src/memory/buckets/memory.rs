//! A memory made of buckets.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ic_stable_structures::Memory;

use super::{NO_OWNER, State};
use crate::base::layout::{ARENA, BucketSize, MAX_BUCKETS, MemoryId, PAGE_BYTES};

/// Largest number of freed buckets that a memory reuses in one growth. They must be filled with zeroes, which
/// costs about 21 million instructions each.
pub(crate) const MAX_CLEARED_BUCKETS: u64 = if cfg!(test) { 3 } else { 256 };

/// One of the memories.
#[derive(Clone)]
pub(crate) struct BucketMemory<M: Memory> {
    raw: M,
    state: Rc<RefCell<State>>,
    /// Number of times that buckets were freed; see [`Window`].
    epoch: Rc<Cell<u64>>,
    id: MemoryId,
    /// Location of the last access, so that the next access near it needs no search.
    window: Cell<Window>,
}

/// Part of the memory that is contiguous in the physical memory.
#[derive(Clone, Copy, Default)]
struct Window {
    /// Its first byte in the memory.
    start: u64,
    /// The byte after its last in the memory.
    end: u64,
    /// Its first byte in the physical memory.
    address: u64,
    /// Epoch in which this location is valid: after buckets were freed, a part of the memory may be
    /// elsewhere.
    epoch: u64,
}

impl Window {
    /// Returns the physical offset of a range in this epoch, if the window contains the whole range.
    fn locate(self, epoch: u64, offset: u64, length: u64) -> Option<u64> {
        let is_inside =
            offset >= self.start && offset < self.end && length <= self.end - offset && self.epoch == epoch;
        is_inside.then(|| self.address + (offset - self.start))
    }
}

impl<M: Memory> BucketMemory<M> {
    pub(super) fn new(raw: M, state: Rc<RefCell<State>>, epoch: Rc<Cell<u64>>, id: MemoryId) -> Self {
        Self { raw, state, epoch, id, window: Cell::default() }
    }

    /// Returns the number of the memory.
    pub(crate) fn id(&self) -> MemoryId {
        self.id
    }

    /// Returns how many of `buckets` new buckets would be reused ones that must be cleared, if `freed` freed
    /// buckets are available. The arena does not need cleared buckets.
    pub(crate) fn reused(&self, buckets: u64, freed: u64) -> u64 {
        let most = if self.id == ARENA { u64::MAX } else { MAX_CLEARED_BUCKETS };
        buckets.min(freed).min(most)
    }

    /// Returns the size of the buckets.
    pub(crate) fn bucket_size(&self) -> BucketSize {
        self.state.borrow().bucket_size
    }

    /// Frees the last `buckets` buckets for use by other memories.
    ///
    /// # Panics
    ///
    /// Panics if the memory has fewer buckets.
    pub(crate) fn free_last(&self, buckets: u64) {
        if buckets == 0 {
            return;
        }
        let state = &mut *self.state.borrow_mut();
        let id = self.id.index();
        let kept = state.runs.buckets(id).checked_sub(buckets).expect("the memory has these buckets");
        let given = state.runs.truncate(id, kept);
        state.holes.extend(&given);
        state.sizes[id] = kept * state.bucket_size.pages();
        state.write_owners(&self.raw, given, NO_OWNER);
        state.write_size(&self.raw, self.id);
        state.write_moved(&self.raw);
        self.epoch.set(self.epoch.get() + 1);
    }

    fn clear_bucket(&self, size: BucketSize, bucket: u64) {
        let zeroes = [0; PAGE_BYTES as usize];
        (0..size.pages()).for_each(|page| self.raw.write(size.address(bucket) + page * PAGE_BYTES, &zeroes));
    }

    /// Creates the first page of the physical memory, for accesses within that page.
    pub(super) fn first_page(raw: M, state: Rc<RefCell<State>>) -> Self {
        let window = Window { start: 0, end: PAGE_BYTES, address: 0, epoch: 0 };
        // A separate epoch, because freeing a bucket never moves this page.
        Self { raw, state, epoch: Rc::default(), id: MemoryId::NONE, window: Cell::new(window) }
    }

    /// Finds the window that contains a byte, and caches it.
    fn window_at(&self, offset: u64) -> Window {
        let state = self.state.borrow();
        let bucket_bytes = state.bucket_size.bytes();
        let run = state.runs.find(self.id.index(), offset / bucket_bytes);
        let run = run.unwrap_or_else(|| panic!("{:?}: byte {offset} is out of bounds", self.id));
        let window = Window {
            start: run.first * bucket_bytes,
            end: run.end() * bucket_bytes,
            address: state.bucket_size.address(run.bucket),
            epoch: self.epoch.get(),
        };
        self.window.set(window);
        window
    }

    /// Calls `f` for each contiguous part of a range, with its physical offset and its position in the range.
    fn each_part(&self, offset: u64, length: usize, mut f: impl FnMut(u64, std::ops::Range<usize>)) {
        if let Some(address) = self.window.get().locate(self.epoch.get(), offset, length as u64) {
            return f(address, 0..length);
        }
        let mut done = 0;
        while done < length {
            let position = offset + done as u64;
            let window = self.window_at(position);
            let part = (window.end - position).min((length - done) as u64) as usize;
            f(window.address + (position - window.start), done..done + part);
            done += part;
        }
    }
}

impl<M: Memory> Memory for BucketMemory<M> {
    fn size(&self) -> u64 {
        self.state.borrow().sizes[self.id.index()]
    }

    /// Grows by `pages` pages. Returns -1 and changes nothing if the buckets or the platform do not allow it.
    fn grow(&self, pages: u64) -> i64 {
        let state = &mut *self.state.borrow_mut();
        let size = state.bucket_size;
        let id = self.id.index();
        let old = state.sizes[id];
        let Some(new) = old.checked_add(pages).filter(|new| *new <= MAX_BUCKETS * size.pages()) else {
            return -1;
        };
        let added = size.count(new) - size.count(old);
        let reused = self.reused(added, state.freed());
        let (first, fresh) = (state.allocated, added - reused);
        if first + fresh > MAX_BUCKETS {
            return -1;
        }
        let missing = size.physical_pages(first + fresh).saturating_sub(self.raw.size());
        if missing > 0 && self.raw.grow(missing) < 0 {
            return -1;
        }
        let mut taken: Vec<u64> = (0..reused).filter_map(|_| state.holes.pop_first()).collect();
        if self.id != ARENA {
            taken.iter().for_each(|bucket| self.clear_bucket(size, *bucket));
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

    /// The default method would fill the buffer with zeroes first, which doubles the cost of a short read.
    #[expect(unsafe_code, reason = "an unsafe method of a trait can only be forwarded by unsafe code")]
    unsafe fn read_unsafe(&self, offset: u64, dst: *mut u8, count: usize) {
        self.each_part(offset, count, |address, part| {
            // SAFETY: `each_part` returns parts of 0..count, and the caller guarantees that `dst` is valid
            // for `count` bytes that do not overlap this memory, and therefore do not overlap the physical
            // memory.
            unsafe { self.raw.read_unsafe(address, dst.add(part.start), part.len()) };
        });
    }

    fn write(&self, offset: u64, src: &[u8]) {
        self.each_part(offset, src.len(), |address, part| self.raw.write(address, &src[part]));
    }
}

//! How memory is made sure of before it is written.
//!
//! The structures grow their memories in the middle of a change, and cannot cope with a refusal there. So every mutation first
//! tells [`Space::ensure`] how far its memories will grow. `ensure` grows the physical memory ahead of the buckets, or answers
//! [`Error::OutOfMemory`]; after that, the growing cannot fail.

use ic_stable_structures::Memory;
use storage_api::{Error, limits::MAX_STABLE_BYTES};

use crate::buckets::{BucketMemory, Buckets, pages_of};
use crate::layout::{BUCKET_BYTES, BUCKET_PAGES, FIRST_BUCKET_PAGE, MAX_BUCKETS, MemoryId, PAGE_BYTES};
use crate::open::OpenError;

/// What every store of the engine lives in.
pub(crate) type StoreMemory<M> = BucketMemory<M>;

/// How far a memory will grow in one mutation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand<'a, M: Memory> {
    pub(crate) memory: &'a M,
    /// Pages beyond its present size.
    pub(crate) pages: u64,
}

/// The slots of the arena before or after a change: blocks that an extent of a large object fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots {
    /// Those that the free blocks of the arena hold.
    pub(crate) free: u64,
    /// Those that have been promised to uploads.
    pub(crate) reserved: u64,
}

impl Slots {
    /// Promised slots for which the arena will have to grow, by a bucket each.
    fn owed(self) -> u64 {
        self.reserved.saturating_sub(self.free)
    }
}

/// The physical memory and its buckets.
pub(crate) struct Space<M: Memory>(Buckets<M>);

impl<M: Memory + Clone> Space<M> {
    /// Makes the page of the buckets in a memory of which only page 0 is used. The caller has grown it to two pages.
    pub(crate) fn format(raw: M) -> Self {
        Self(Buckets::format(raw))
    }

    /// Opens the buckets of a memory whose header has been checked.
    pub(crate) fn load(raw: M) -> Result<Self, OpenError> {
        Ok(Self(Buckets::load(raw)?))
    }

    /// The memory with this identifier.
    pub(crate) fn memory(&self, id: MemoryId) -> StoreMemory<M> {
        self.0.memory(id)
    }

    /// The physical memory.
    pub(crate) fn raw(&self) -> &M {
        self.0.raw()
    }

    /// Makes sure that each memory can grow by as many pages as it will need, and that what uploads have been promised
    /// can still be kept: for every slot that the arena's free blocks do not hold, there is a bucket that it can grow by.
    /// A change that neither grows anything nor uses up a promised slot is never refused.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] where that would pass the capacity (in bytes), the buckets that there can be, or what the
    /// platform gives. Nothing has been written then, and nothing has grown.
    pub(crate) fn ensure(
        &self,
        capacity: u64,
        demands: &[Demand<'_, StoreMemory<M>>],
        before: Slots,
        after: Slots,
    ) -> Result<(), Error> {
        let buckets: u64 = demands.iter().map(Demand::new_buckets).sum();
        let more_owed = after.owed().saturating_sub(before.owed());
        if buckets + more_owed == 0 {
            return Ok(());
        }
        let allocated = self.allocated_buckets();
        let room = self.room(capacity);
        if room < buckets + after.owed() || !self.grow_to(pages_of(allocated + buckets)) {
            return Err(Error::OutOfMemory {
                requested: (buckets + more_owed) * BUCKET_BYTES,
                available: room.saturating_sub(before.owed()) * BUCKET_BYTES,
            });
        }
        Ok(())
    }

    /// How many more buckets the capacity has room for. Pages that are there already count.
    pub(crate) fn room(&self, capacity: u64) -> u64 {
        let pages = (capacity.min(MAX_STABLE_BYTES) / PAGE_BYTES).max(self.raw().size());
        let at_all = (pages.saturating_sub(FIRST_BUCKET_PAGE) / BUCKET_PAGES).min(MAX_BUCKETS);
        at_all.saturating_sub(self.allocated_buckets())
    }

    /// Grows the physical memory to so many pages, if it is smaller and the platform allows it.
    fn grow_to(&self, pages: u64) -> bool {
        let missing = pages.saturating_sub(self.raw().size());
        missing == 0 || self.raw().grow(missing) >= 0
    }

    /// Physical size in bytes.
    pub(crate) fn physical_bytes(&self) -> u64 {
        self.raw().size() * PAGE_BYTES
    }

    /// How many buckets memories have.
    fn allocated_buckets(&self) -> u64 {
        self.0.allocated()
    }
}

impl<M: Memory> Demand<'_, M> {
    fn new_buckets(&self) -> u64 {
        let size = self.memory.size();
        (size + self.pages).div_ceil(BUCKET_PAGES) - size.div_ceil(BUCKET_PAGES)
    }
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::VectorMemory;

    use super::*;
    use crate::layout::{LOG, OBJECTS};

    fn two_pages() -> Space<VectorMemory> {
        let raw = VectorMemory::default();
        raw.grow(FIRST_BUCKET_PAGE);
        Space::format(raw)
    }

    fn ensure(
        space: &Space<VectorMemory>,
        capacity: u64,
        demands: &[Demand<'_, StoreMemory<VectorMemory>>],
    ) -> Result<(), Error> {
        space.ensure(capacity, demands, Slots::default(), Slots::default())
    }

    #[test]
    fn what_is_promised_is_not_given_to_others() {
        let space = two_pages();
        let memory = space.memory(OBJECTS);
        let capacity = pages_of(3) * PAGE_BYTES;
        let slots = |free, reserved| Slots { free, reserved };
        let one = [Demand { memory: &memory, pages: 1 }];
        let oom = |requested, available| {
            Err(Error::OutOfMemory {
                requested: requested * BUCKET_BYTES,
                available: available * BUCKET_BYTES,
            })
        };
        // Three buckets: a promise of four is refused, of three is granted, and then nothing is left.
        assert_eq!(space.ensure(capacity, &[], slots(0, 0), slots(0, 4)), oom(4, 3));
        space.ensure(capacity, &[], slots(0, 0), slots(0, 3)).unwrap();
        assert_eq!(space.ensure(capacity, &one, slots(0, 3), slots(0, 3)), oom(1, 0));
        // A free slot in the arena covers a promised one; using it up for something else does not.
        space.ensure(capacity, &one, slots(1, 3), slots(1, 3)).unwrap();
        assert_eq!(space.ensure(capacity, &[], slots(1, 4), slots(0, 4)), oom(1, 0));
        // A change that takes nothing is allowed even where a promise can no longer be kept.
        space.ensure(0, &[], slots(0, 9), slots(0, 9)).unwrap();
        assert_eq!(space.raw().size(), pages_of(1));
    }

    #[test]
    fn a_demand_within_a_bucket_that_is_there_grows_nothing() {
        let space = two_pages();
        let memory = space.memory(OBJECTS);
        ensure(&space, u64::MAX, &[Demand { memory: &memory, pages: 1 }]).unwrap();
        assert_eq!(memory.grow(1), 0);
        let before = space.raw().size();
        ensure(&space, before * PAGE_BYTES, &[Demand { memory: &memory, pages: BUCKET_PAGES - 1 }]).unwrap();
        assert_eq!(space.raw().size(), before);
        let refused = ensure(&space, before * PAGE_BYTES, &[Demand { memory: &memory, pages: BUCKET_PAGES }]);
        assert_eq!(refused, Err(Error::OutOfMemory { requested: BUCKET_BYTES, available: 0 }));
    }

    #[test]
    fn demands_of_two_memories_are_granted_together_or_not_at_all() {
        let space = two_pages();
        let (objects, log) = (space.memory(OBJECTS), space.memory(LOG));
        let both = [Demand { memory: &objects, pages: 1 }, Demand { memory: &log, pages: 1 }];
        let one_bucket = pages_of(1) * PAGE_BYTES;
        let refused = ensure(&space, one_bucket, &both);
        assert_eq!(refused, Err(Error::OutOfMemory { requested: 2 * BUCKET_BYTES, available: BUCKET_BYTES }));
        assert_eq!(space.raw().size(), FIRST_BUCKET_PAGE);
        ensure(&space, one_bucket * 2, &both).unwrap();
        assert_eq!((objects.grow(1), log.grow(1)), (0, 0));
        assert_eq!(space.raw().size(), pages_of(2));
        assert_eq!(space.allocated_buckets(), 2);
    }
}

//! How memory is reserved before it is written.
//!
//! The structures grow their memories in the middle of a change, and cannot cope with a refusal there. So every mutation first
//! tells [`Space::ensure`] how far its memories will grow. `ensure` grows the physical memory ahead of the buckets, or answers
//! [`Error::OutOfMemory`]; after that, the growing cannot fail.

use ic_stable_structures::Memory;
use stable_storage_api::{Error, limits::MAX_STABLE_BYTES};

use crate::base::demand::Demand;
use crate::base::layout::{
    ARENA, BUCKET_BYTES, BUCKET_PAGES, FIRST_BUCKET_PAGE, LOG, LOG_INDEX, MAX_BUCKETS, MemoryId, OBJECTS,
    PAGE_BYTES, REGIONS, ROLES, UPLOADS,
};
use crate::base::open::OpenError;
use crate::base::problem::Problem;
use crate::memory::buckets::{BucketMemory, Buckets, pages_of};

/// What every store of the engine lives in.
pub(crate) type StoreMemory<M> = BucketMemory<M>;

/// The stores of which each can begin at any time: a bucket is kept for each that has none yet, whatever the others take.
const STORES: [MemoryId; 7] = [OBJECTS, ARENA, LOG, LOG_INDEX, UPLOADS, ROLES, REGIONS];

/// Pages by which the index grows at most when an upload is committed: one entry, which adds a page of the tree or two at
/// each of its levels.
const INDEX_PAGES_PER_UPLOAD: u64 = 1;

/// What uploads have been promised, before or after a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Promised {
    /// Blocks that an extent of a large object fits, which the free blocks of the arena hold.
    pub(crate) free_slots: u64,
    /// How many of those have been promised.
    pub(crate) slots: u64,
    /// Uploads that are open. Each has been promised that the index has room for its entry.
    pub(crate) uploads: u64,
    /// Whole pages that the index has and does not use.
    pub(crate) index_pages: u64,
}

impl Promised {
    /// Promised slots for which the arena will have to grow, by a bucket each.
    fn owed(self) -> u64 {
        self.slots.saturating_sub(self.free_slots)
    }

    /// Whether nothing is promised.
    pub(crate) fn is_nothing(self) -> bool {
        self.slots == 0 && self.uploads == 0
    }
}

/// Why a change is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shortage {
    /// Buckets that the change takes or wants kept.
    requested: u64,
    /// Buckets that there were for it.
    available: u64,
    /// Buckets that would make it possible if the arena gave them back.
    pub(crate) missing: u64,
}

impl From<Shortage> for Error {
    fn from(Shortage { requested, available, .. }: Shortage) -> Self {
        Self::OutOfMemory { requested: requested * BUCKET_BYTES, available: available * BUCKET_BYTES }
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

    /// The first page of the physical memory, which belongs to no bucket.
    pub(crate) fn first_page(&self) -> StoreMemory<M> {
        self.0.first_page()
    }

    /// Reports what is wrong with the page of the buckets and does not keep it from being opened.
    pub(crate) fn check(&self) -> Option<Problem> {
        self.0.check()
    }

    /// The physical memory.
    pub(crate) fn raw(&self) -> &M {
        self.0.raw()
    }

    /// Makes sure that each memory can grow by as many pages as it will need, and that what is kept free stays so: a bucket
    /// for every store that has none; a bucket for every slot that uploads have been promised and that the arena's free
    /// blocks do not hold; and room in the index for the entry of every open upload. `returned` buckets are given back by
    /// the arena before the memories grow.
    ///
    /// A change that neither takes a bucket nor uses up what is kept is never refused.
    ///
    /// # Errors
    ///
    /// A [`Shortage`] where that would pass the capacity (in bytes), the buckets that there can be, or what the platform
    /// gives. Nothing has been written then, and nothing has grown.
    pub(crate) fn ensure(
        &self,
        capacity: u64,
        demands: &[Demand<'_, StoreMemory<M>>],
        returned: u64,
        before: Promised,
        after: Promised,
    ) -> Result<(), Shortage> {
        let buckets: u64 = demands.iter().map(Demand::new_buckets).sum();
        if buckets == 0 && before.is_nothing() && after.is_nothing() {
            return Ok(());
        }
        let room = self.room(capacity);
        let (kept, kept_after) = (self.kept(&[], before), self.kept(demands, after));
        // What is kept may be more than there is, where the capacity was lowered: then a change must not make it worse.
        let lacking = self.lacking(capacity, 0, before);
        let lacking_after = (buckets + kept_after).saturating_sub(room + returned);
        let fresh = self.fresh_buckets(demands, returned);
        let most_fresh = self.at_all(capacity).saturating_sub(self.0.allocated());
        let missing = match () {
            () if lacking_after > lacking => lacking_after - lacking,
            () if fresh > most_fresh => fresh - most_fresh,
            () if fresh > 0 && !self.grow_to(pages_of(self.0.allocated() + fresh)) => fresh,
            () => return Ok(()),
        };
        let available = room.saturating_sub(kept).min(self.0.given_back() + most_fresh);
        let requested = (buckets + kept_after).saturating_sub(kept).max(available + 1);
        Err(Shortage { requested, available, missing })
    }

    /// How many buckets have to be kept free after some growths, for stores that have none and for uploads.
    fn kept(&self, demands: &[Demand<'_, StoreMemory<M>>], promised: Promised) -> u64 {
        let size = |id| {
            let grown = demands.iter().filter(|demand| demand.memory.id() == id).map(|demand| demand.pages);
            self.0.size(id) + grown.sum::<u64>()
        };
        let without = STORES.into_iter().filter(|id| size(*id) == 0).count() as u64;
        // The first bucket of the index is kept for it already.
        let index = size(OBJECTS);
        let spare = if index == 0 { BUCKET_PAGES } else { index.next_multiple_of(BUCKET_PAGES) - index };
        let entries =
            (promised.uploads * INDEX_PAGES_PER_UPLOAD).saturating_sub(spare + promised.index_pages);
        without + promised.owed() + entries.div_ceil(BUCKET_PAGES)
    }

    /// How many buckets that no memory had before some growths take.
    fn fresh_buckets(&self, demands: &[Demand<'_, StoreMemory<M>>], returned: u64) -> u64 {
        let (mut given_back, mut fresh) = (self.0.given_back() + returned, 0);
        for demand in demands {
            let buckets = demand.new_buckets();
            let reused = demand.memory.reused(buckets, given_back);
            given_back -= reused;
            fresh += buckets - reused;
        }
        fresh
    }

    /// How many more buckets memories can take. Pages that are there already count, and buckets that were given back.
    fn room(&self, capacity: u64) -> u64 {
        let used = self.0.allocated() - self.0.given_back();
        self.at_all(capacity).saturating_sub(used)
    }

    /// How many buckets a capacity has room for.
    fn at_all(&self, capacity: u64) -> u64 {
        let pages = (capacity.min(MAX_STABLE_BYTES) / PAGE_BYTES).max(self.raw().size());
        (pages.saturating_sub(FIRST_BUCKET_PAGE) / BUCKET_PAGES).min(MAX_BUCKETS)
    }

    /// How many more buckets a store that has one can take, where the arena gives so many back and so much is promised.
    pub(crate) fn free_buckets(&self, capacity: u64, returned: u64, promised: Promised) -> u64 {
        (self.room(capacity) + returned).saturating_sub(self.kept(&[], promised))
    }

    /// How many buckets too few there are then for what has to be kept.
    pub(crate) fn lacking(&self, capacity: u64, returned: u64, promised: Promised) -> u64 {
        self.kept(&[], promised).saturating_sub(self.room(capacity) + returned)
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
}

impl<M: Memory> Demand<'_, M> {
    fn new_buckets(&self) -> u64 {
        let size = self.memory.size();
        (size + self.pages).div_ceil(BUCKET_PAGES) - size.div_ceil(BUCKET_PAGES)
    }
}

#[cfg(test)]
mod tests;

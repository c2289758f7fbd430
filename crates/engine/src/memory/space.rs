//! Reservation of memory before it is written.
//!
//! The structures grow their memories in the middle of a change and cannot handle a refusal there. Every
//! mutation therefore first calls [`Space::ensure`] with the growth of its memories. `ensure` grows the
//! physical memory in advance, or returns [`Error::OutOfMemory`]; after that, the growth of the memories
//! cannot fail.

use ic_stable_structures::Memory;
use stable_storage_api::{Error, limits::MAX_STABLE_BYTES};

use crate::base::growth::Growth;
use crate::base::layout::{
    ARENA, BucketSize, FIRST_BUCKET_PAGE, HASH_TREE, LOG, LOG_INDEX, MAX_BUCKETS, MemoryId, OBJECTS,
    PAGE_BYTES, PENDING, REGIONS, ROLES, SCOPES, UPLOADS,
};
use crate::base::open::OpenError;
use crate::base::problem::Problem;
use crate::memory::buckets::{BucketMemory, Buckets};

/// The memory of every structure of a store.
pub(crate) type StoreMemory<M> = BucketMemory<M>;

/// The structures that can be used at any time: one bucket is reserved for each of them that has none yet.
const STORES: [MemoryId; 7] = [OBJECTS, ARENA, LOG, LOG_INDEX, UPLOADS, ROLES, REGIONS];

/// Largest growth of a structure, in pages, when an upload is committed. The index and the map of what waits to be certified get one
/// entry, which adds a page or two of the tree at each level. The hash tree has 256 slots in a page: a record has at most six, and the
/// pages of a path of 64 labels with its directories fit in the rest.
const PAGES_PER_UPLOAD: u64 = 1;

/// Reservations of uploads, before or after a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reservations {
    /// Slots in the free blocks of the arena. Each can hold one full extent of a large object.
    pub(crate) free_slots: u64,
    /// Number of slots that uploads have reserved.
    pub(crate) slots: u64,
    /// Number of open uploads. Each reserves space in the index for its entry, and in the structures of certification if there are
    /// certified prefixes or sites.
    pub(crate) uploads: u64,
    /// Whole pages that the index owns and does not use.
    pub(crate) index_pages: u64,
    /// The same for the hash tree.
    pub(crate) hash_tree_pages: u64,
    /// The same for the keys of objects that wait to be certified.
    pub(crate) pending_pages: u64,
}

impl Reservations {
    /// Returns the number of reserved slots that the free blocks cannot supply. The arena needs as many buckets
    /// as a slot has for each.
    fn shortfall(self) -> u64 {
        self.slots.saturating_sub(self.free_slots)
    }

    /// Returns whether there is no reservation.
    pub(crate) fn is_nothing(self) -> bool {
        self.slots == 0 && self.uploads == 0
    }
}

/// The reason why a change is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shortage {
    bucket_size: BucketSize,
    /// Buckets that the change needs or that must remain free.
    requested: u64,
    /// Buckets that were available.
    available: u64,
    /// Buckets that would make the change possible if the arena freed them.
    pub(crate) missing: u64,
}

impl From<Shortage> for Error {
    fn from(Shortage { bucket_size, requested, available, .. }: Shortage) -> Self {
        let bytes = |buckets| buckets * bucket_size.bytes();
        Self::OutOfMemory { requested: bytes(requested), available: bytes(available) }
    }
}

/// The physical memory and its buckets.
#[derive(Clone)]
pub(crate) struct Space<M: Memory>(Buckets<M>);

impl<M: Memory + Clone> Space<M> {
    /// Writes the bucket table of an empty store. The caller has grown the memory to two pages and written
    /// only page 0.
    pub(crate) fn format(raw: M, bucket_size: BucketSize) -> Self {
        Self(Buckets::format(raw, bucket_size))
    }

    /// Opens the buckets of a memory whose header is valid.
    pub(crate) fn load(raw: M) -> Result<Self, OpenError> {
        Ok(Self(Buckets::load(raw)?))
    }

    /// Returns the size of the buckets.
    pub(crate) fn bucket_size(&self) -> BucketSize {
        self.0.bucket_size()
    }

    /// Returns the memory with this identifier.
    pub(crate) fn memory(&self, id: MemoryId) -> StoreMemory<M> {
        self.0.memory(id)
    }

    /// Returns the first page of the physical memory, which belongs to no bucket.
    pub(crate) fn first_page(&self) -> StoreMemory<M> {
        self.0.first_page()
    }

    /// Checks what opening does not check in the bucket table.
    pub(crate) fn check(&self) -> Option<Problem> {
        self.0.check()
    }

    /// Returns the physical memory.
    pub(crate) fn raw(&self) -> &M {
        self.0.raw()
    }

    /// Reserves the pages by which each memory will grow, and verifies that the required buckets remain free:
    /// one for every structure that has none; one for every reserved slot that the arena's free blocks cannot
    /// supply; and those that the commits of all open uploads may need. The arena frees `returned` buckets
    /// before the memories grow.
    ///
    /// A change that needs no bucket and uses no reservation is never refused.
    ///
    /// # Errors
    ///
    /// A [`Shortage`] if the change would exceed the capacity (in bytes), the number of buckets, or the
    /// platform's limit. Nothing has been written and no memory has grown in that case.
    pub(crate) fn ensure(
        &self,
        capacity: u64,
        growths: &[Growth<'_, StoreMemory<M>>],
        returned: u64,
        before: Reservations,
        after: Reservations,
    ) -> Result<(), Shortage> {
        let buckets: u64 = growths.iter().map(Growth::new_buckets).sum();
        if buckets == 0 && before.is_nothing() && after.is_nothing() {
            return Ok(());
        }
        let bucket_size = self.bucket_size();
        let room = self.unused_buckets(capacity);
        let (kept_before, kept_after) =
            (self.buckets_to_keep(&[], before), self.buckets_to_keep(growths, after));
        // More buckets may be reserved than exist, if the capacity was lowered: in that case a change must
        // not increase the shortfall.
        let missing_buckets = self.missing_buckets(capacity, 0, before);
        let missing_after = (buckets + kept_after).saturating_sub(room + returned);
        let fresh = self.fresh_buckets(growths, returned);
        let most_fresh = self.buckets_within(capacity).saturating_sub(self.0.allocated());
        let missing = match () {
            () if missing_after > missing_buckets => missing_after - missing_buckets,
            () if fresh > most_fresh => fresh - most_fresh,
            () if fresh > 0 && !self.grow_to(bucket_size.physical_pages(self.0.allocated() + fresh)) => fresh,
            () => return Ok(()),
        };
        let available = room.saturating_sub(kept_before).min(self.0.freed() + most_fresh);
        let requested = (buckets + kept_after).saturating_sub(kept_before).max(available + 1);
        Err(Shortage { bucket_size, requested, available, missing })
    }

    /// Returns the number of buckets that must remain free after the growth, for structures without a bucket
    /// and for uploads.
    fn buckets_to_keep(&self, growths: &[Growth<'_, StoreMemory<M>>], reservations: Reservations) -> u64 {
        let size = |id| {
            let grown = growths.iter().filter(|growth| growth.memory.id() == id).map(|growth| growth.pages);
            self.0.size(id) + grown.sum::<u64>()
        };
        let without = STORES.into_iter().filter(|id| size(*id) == 0).count() as u64;
        let bucket_size = self.bucket_size();
        let for_uploads = |id, first_bucket, unused_pages| {
            let pages = size(id);
            let spare = bucket_size.count(pages).max(first_bucket) * bucket_size.pages() - pages;
            bucket_size.count((reservations.uploads * PAGES_PER_UPLOAD).saturating_sub(spare + unused_pages))
        };
        // The first bucket of the index is reserved already.
        let mut uploads = for_uploads(OBJECTS, 1, reservations.index_pages);
        if reservations.uploads > 0 && size(SCOPES) > 0 {
            uploads += for_uploads(HASH_TREE, 0, reservations.hash_tree_pages);
            uploads += for_uploads(PENDING, 0, reservations.pending_pages);
        }
        without + reservations.shortfall() * bucket_size.per_slot() + uploads
    }

    /// Returns the number of unowned buckets that the growth needs.
    fn fresh_buckets(&self, growths: &[Growth<'_, StoreMemory<M>>], returned: u64) -> u64 {
        let (mut freed, mut fresh) = (self.0.freed() + returned, 0);
        for growth in growths {
            let buckets = growth.new_buckets();
            let reused = growth.memory.reused(buckets, freed);
            freed -= reused;
            fresh += buckets - reused;
        }
        fresh
    }

    /// Returns the number of buckets that memories can still use, including buckets that were freed.
    fn unused_buckets(&self, capacity: u64) -> u64 {
        let used = self.0.allocated() - self.0.freed();
        self.buckets_within(capacity).saturating_sub(used)
    }

    /// Returns the number of buckets within a capacity.
    fn buckets_within(&self, capacity: u64) -> u64 {
        let pages = (capacity.min(MAX_STABLE_BYTES) / PAGE_BYTES).max(self.raw().size());
        (pages.saturating_sub(FIRST_BUCKET_PAGE) / self.bucket_size().pages()).min(MAX_BUCKETS)
    }

    /// Returns the number of buckets that a structure with at least one can still use, if the arena frees
    /// `returned` buckets.
    pub(crate) fn free_buckets(&self, capacity: u64, returned: u64, reservations: Reservations) -> u64 {
        (self.unused_buckets(capacity) + returned).saturating_sub(self.buckets_to_keep(&[], reservations))
    }

    /// Returns the shortfall of buckets for the reservations.
    pub(crate) fn missing_buckets(&self, capacity: u64, returned: u64, reservations: Reservations) -> u64 {
        self.buckets_to_keep(&[], reservations).saturating_sub(self.unused_buckets(capacity) + returned)
    }

    /// Grows the physical memory to `pages` pages, if it is smaller. Returns false if the platform refuses.
    fn grow_to(&self, pages: u64) -> bool {
        let missing = pages.saturating_sub(self.raw().size());
        missing == 0 || self.raw().grow(missing) >= 0
    }

    /// Returns the physical size in bytes.
    pub(crate) fn physical_bytes(&self) -> u64 {
        self.raw().size() * PAGE_BYTES
    }
}

impl<M: Memory> Growth<'_, BucketMemory<M>> {
    fn new_buckets(&self) -> u64 {
        if self.pages == 0 {
            return 0;
        }
        let (size, bucket_size) = (self.memory.size(), self.memory.bucket_size());
        bucket_size.count(size + self.pages) - bucket_size.count(size)
    }
}

#[cfg(test)]
mod tests;

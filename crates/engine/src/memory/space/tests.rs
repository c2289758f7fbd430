use storage_testkit::SparseMemory;

use super::*;
use crate::base::layout::{BUCKET_BYTES, BUCKET_PAGES};
use crate::memory::buckets::MAX_CLEARED_BUCKETS;

fn empty() -> Space<SparseMemory> {
    let raw = SparseMemory::default();
    raw.grow(FIRST_BUCKET_PAGE);
    Space::format(raw, BucketSize::LARGEST)
}

/// Returns a space in which every structure has its first page, and so a bucket.
fn begun() -> Space<SparseMemory> {
    let space = empty();
    STORES.iter().for_each(|id| assert_eq!(space.memory(*id).grow(1), 0));
    space
}

const fn capacity(buckets: u64) -> u64 {
    BucketSize::LARGEST.physical_pages(buckets) * PAGE_BYTES
}

const fn slots(free_slots: u64, slots: u64) -> Reservations {
    Reservations { free_slots, slots, ..NOTHING }
}

const fn uploads(uploads: u64) -> Reservations {
    Reservations { uploads, ..NOTHING }
}

const NOTHING: Reservations = Reservations {
    free_slots: 0,
    slots: 0,
    uploads: 0,
    index_pages: 0,
    hash_tree_pages: 0,
    pending_pages: 0,
};

fn ensure(
    space: &Space<SparseMemory>,
    capacity: u64,
    growths: &[(MemoryId, u64)],
    before: Reservations,
    after: Reservations,
) -> Result<(), Error> {
    let memories: Vec<_> = growths.iter().map(|(id, _)| space.memory(*id)).collect();
    let growths: Vec<_> =
        memories.iter().zip(growths).map(|(memory, (_, pages))| Growth { memory, pages: *pages }).collect();
    Ok(space.ensure(capacity, &growths, 0, before, after)?)
}

fn oom(requested: u64, available: u64) -> Result<(), Error> {
    Err(Error::OutOfMemory { requested: requested * BUCKET_BYTES, available: available * BUCKET_BYTES })
}

#[test]
fn reserved_buckets_are_not_available_to_others() {
    let space = begun();
    let three_more = capacity(10);
    // Three buckets: a reservation of four is refused, one of three is granted, and then nothing is left.
    assert_eq!(ensure(&space, three_more, &[], NOTHING, slots(0, 4)), oom(4, 3));
    assert_eq!(ensure(&space, three_more, &[], NOTHING, slots(0, 3)), Ok(()));
    let one = [(OBJECTS, BUCKET_PAGES)];
    assert_eq!(ensure(&space, three_more, &one, slots(0, 3), slots(0, 3)), oom(1, 0));
    // A free slot in the arena satisfies a reservation; a change that uses it for something else is refused.
    assert_eq!(ensure(&space, three_more, &one, slots(1, 3), slots(1, 3)), Ok(()));
    assert_eq!(ensure(&space, three_more, &[], slots(1, 4), slots(0, 4)), oom(1, 0));
    // With the reservation, one of the two buckets is missing.
    assert_eq!(
        ensure(&space, capacity(11), &[(OBJECTS, 2 * BUCKET_PAGES)], slots(0, 3), slots(0, 3)),
        oom(2, 1)
    );
    // A change that needs nothing is allowed even if a reservation can no longer be satisfied.
    assert_eq!(ensure(&space, 0, &[], slots(0, 9), slots(0, 9)), Ok(()));
}

/// A full store still has a bucket for each structure that has none, and each of them can use it.
#[test]
fn every_structure_can_start_in_a_full_space() {
    let space = empty();
    let nine = capacity(9);
    assert_eq!(ensure(&space, nine, &[(LOG, 4 * BUCKET_PAGES)], NOTHING, NOTHING), oom(3, 2));
    assert_eq!(ensure(&space, nine, &[(LOG, 3 * BUCKET_PAGES)], NOTHING, NOTHING), Ok(()));
    space.memory(LOG).grow(3 * BUCKET_PAGES);
    for id in STORES.into_iter().filter(|id| *id != LOG) {
        assert_eq!(ensure(&space, nine, &[(LOG, 1)], NOTHING, NOTHING), oom(1, 0));
        assert_eq!(ensure(&space, nine, &[(id, BUCKET_PAGES + 1)], NOTHING, NOTHING), oom(1, 0), "{id:?}");
        assert_eq!(ensure(&space, nine, &[(id, 1)], NOTHING, NOTHING), Ok(()), "{id:?}");
        assert_eq!(space.memory(id).grow(1), 0);
    }
    assert_eq!(space.raw().size(), BucketSize::LARGEST.physical_pages(9));
}

/// The index keeps a page for each open upload: first in its last bucket, then in further buckets.
#[test]
fn the_index_has_space_for_the_entries_of_uploads() {
    let space = begun();
    let one_more = capacity(8);
    let spare = BUCKET_PAGES - 1;
    assert_eq!(ensure(&space, one_more, &[], NOTHING, uploads(spare + BUCKET_PAGES)), Ok(()));
    assert_eq!(ensure(&space, one_more, &[], NOTHING, uploads(spare + BUCKET_PAGES + 1)), oom(2, 1));
    // Unused pages of the index count as well.
    let unused = Reservations { index_pages: 1, ..uploads(spare + BUCKET_PAGES + 1) };
    assert_eq!(ensure(&space, one_more, &[], NOTHING, unused), Ok(()));
    // With these uploads, the pages of the index and the bucket are not available to others.
    let all = uploads(spare + BUCKET_PAGES);
    assert_eq!(ensure(&space, one_more, &[(OBJECTS, 1)], all, all), oom(1, 0));
    assert_eq!(ensure(&space, one_more, &[(LOG, BUCKET_PAGES)], all, all), oom(1, 0));
    // A commit uses the page that was reserved for it.
    assert_eq!(ensure(&space, one_more, &[(OBJECTS, 1)], all, uploads(all.uploads - 1)), Ok(()));
    space.memory(OBJECTS).grow(spare);
    assert_eq!(ensure(&space, one_more, &[(OBJECTS, 1)], uploads(256), uploads(255)), Ok(()));
}

/// The hash tree and the keys that wait get as many pages as the index, as soon as something can be certified.
#[test]
fn the_structures_of_certification_have_space_for_the_entries_of_uploads() {
    let space = begun();
    assert_eq!(space.missing_buckets(capacity(7), 0, uploads(1)), 0, "the index has pages left");
    space.memory(SCOPES).grow(1);
    let missing = |reservations| space.missing_buckets(capacity(8), 0, reservations);
    assert_eq!((missing(NOTHING), missing(uploads(1))), (0, 2));
    for (hash_tree_pages, pending_pages, expected) in [(1, 0, 1), (0, 1, 1), (1, 1, 0)] {
        let reservations = Reservations { hash_tree_pages, pending_pages, ..uploads(1) };
        assert_eq!(missing(reservations), expected, "{reservations:?}");
    }
    space.memory(HASH_TREE).grow(1);
    let missing = |reservations| space.missing_buckets(capacity(9), 0, reservations);
    assert_eq!((missing(uploads(BUCKET_PAGES - 1)), missing(uploads(BUCKET_PAGES))), (1, 3));
}

#[test]
fn growth_within_a_bucket_does_not_grow_the_memory() {
    let space = begun();
    let before = space.raw().size();
    let (all, more) = ([(OBJECTS, BUCKET_PAGES - 1)], [(OBJECTS, BUCKET_PAGES)]);
    assert_eq!(ensure(&space, before * PAGE_BYTES, &all, NOTHING, NOTHING), Ok(()));
    assert_eq!(space.raw().size(), before);
    assert_eq!(ensure(&space, before * PAGE_BYTES, &more, NOTHING, NOTHING), oom(1, 0));
}

#[test]
fn the_growth_of_two_memories_is_all_or_nothing() {
    let space = begun();
    let before = space.raw().size();
    let both = [(OBJECTS, BUCKET_PAGES), (LOG, BUCKET_PAGES)];
    assert_eq!(ensure(&space, capacity(8), &both, NOTHING, NOTHING), oom(2, 1));
    assert_eq!(space.raw().size(), before);
    assert_eq!(ensure(&space, capacity(9), &both, NOTHING, NOTHING), Ok(()));
    assert_eq!((space.memory(OBJECTS).grow(256), space.memory(LOG).grow(256)), (1, 1));
    assert_eq!(space.raw().size(), BucketSize::LARGEST.physical_pages(9));
}

/// Freed buckets count as available, and are reused before the platform is asked for more.
#[test]
fn freed_buckets_are_available() {
    let space = begun();
    space.memory(ARENA).grow(3 * BUCKET_PAGES - 1);
    let full = space.raw().size() * PAGE_BYTES;
    assert_eq!(ensure(&space, full, &[(LOG, 256)], NOTHING, NOTHING), oom(1, 0));
    let memory = space.memory(LOG);
    let growth = [Growth { memory: &memory, pages: 2 * BUCKET_PAGES }];
    assert_eq!(space.ensure(full, &growth, 2, NOTHING, NOTHING), Ok(()));
    let shortage = space.ensure(full, &growth, 1, NOTHING, NOTHING).unwrap_err();
    assert_eq!(shortage.missing, 1);
    space.memory(ARENA).free_last(2);
    assert_eq!(ensure(&space, full, &[(LOG, 512)], NOTHING, NOTHING), Ok(()));
    assert_eq!(ensure(&space, full, &[(LOG, 768)], NOTHING, NOTHING), oom(3, 2));
    assert_eq!(memory.grow(512), 1);
    assert_eq!(space.raw().size() * PAGE_BYTES, full);
}

/// The status reports the buckets that one structure can still use, including those that the arena can free,
/// less the reservations.
#[test]
fn free_buckets_are_those_that_one_structure_can_use() {
    let space = begun();
    assert_eq!(space.physical_bytes(), BucketSize::LARGEST.physical_pages(7) * PAGE_BYTES);
    let free = |capacity, returned, reservations| {
        let capacity = BucketSize::LARGEST.physical_pages(capacity) * PAGE_BYTES;
        (
            space.free_buckets(capacity, returned, reservations),
            space.missing_buckets(capacity, returned, reservations),
        )
    };
    assert_eq!(free(10, 0, NOTHING), (3, 0));
    assert_eq!(free(10, 2, slots(1, 3)), (3, 0));
    assert_eq!(free(10, 0, slots(1, 4)), (0, 0));
    assert_eq!(free(10, 1, slots(0, 6)), (0, 2));
    assert_eq!(free(10, 0, uploads(BUCKET_PAGES)), (2, 0));
    // The capacity was lowered: existing buckets stay.
    assert_eq!(free(3, 0, slots(0, 1)), (0, 1));
    for free in 1..4 {
        assert_eq!(
            ensure(&space, capacity(7 + free), &[(LOG, free * BUCKET_PAGES)], NOTHING, NOTHING),
            Ok(())
        );
        assert_eq!(space.free_buckets(capacity(7 + free), 0, NOTHING), free);
    }
}

/// Filling buckets with zeroes takes time, so the number of reused buckets per growth is limited.
#[test]
fn the_number_of_cleared_buckets_per_growth_is_limited() {
    let space = empty();
    space.memory(ARENA).grow((MAX_CLEARED_BUCKETS + 3) * BUCKET_PAGES);
    STORES.iter().for_each(|id| assert!(space.memory(*id).grow(1) >= 0));
    space.memory(ARENA).free_last(MAX_CLEARED_BUCKETS + 2);
    let memory = space.memory(LOG);
    let full = space.raw().size() * PAGE_BYTES;
    let growth = |buckets| [Growth { memory: &memory, pages: buckets * BUCKET_PAGES }];
    let refused = space.ensure(full, &growth(MAX_CLEARED_BUCKETS + 1), 0, NOTHING, NOTHING);
    assert_eq!(refused.unwrap_err().missing, 1, "a bucket that is not reused has to be a new one");
    let refused = space.ensure(full + BUCKET_BYTES, &growth(MAX_CLEARED_BUCKETS + 2), 0, NOTHING, NOTHING);
    assert_eq!(refused.unwrap_err().missing, 1, "one of the two can be a new one");
    let growth = growth(MAX_CLEARED_BUCKETS + 1);
    assert_eq!(space.ensure(full + BUCKET_BYTES, &growth, 0, NOTHING, NOTHING), Ok(()));
    assert_eq!(memory.grow((MAX_CLEARED_BUCKETS + 1) * BUCKET_PAGES), 1);
    assert_eq!(space.raw().size() * PAGE_BYTES, full + BUCKET_BYTES);
}

/// The physical memory has grown before the memories do, by what is not reused.
#[test]
fn physical_memory_is_reserved_before_memories_grow() {
    let space = begun();
    let size = |buckets| BucketSize::LARGEST.physical_pages(buckets);
    assert_eq!(ensure(&space, capacity(20), &[(LOG, 2 * BUCKET_PAGES)], NOTHING, NOTHING), Ok(()));
    assert_eq!(space.raw().size(), size(9));
    // Of two growths, only one can reuse the freed bucket.
    space.memory(ARENA).grow(3 * BUCKET_PAGES - 1);
    assert_eq!(space.raw().size(), size(9));
    space.memory(ARENA).free_last(1);
    let both = [(LOG, BUCKET_PAGES), (UPLOADS, BUCKET_PAGES)];
    assert_eq!(ensure(&space, capacity(20), &both, NOTHING, NOTHING), Ok(()));
    assert_eq!(space.raw().size(), size(10));
    // A growth within the last bucket, and one into the freed bucket, need nothing.
    for growth in [(OBJECTS, 1), (LOG, BUCKET_PAGES)] {
        assert_eq!(ensure(&space, capacity(20), &[growth], NOTHING, NOTHING), Ok(()));
        assert_eq!(space.raw().size(), size(10));
    }
}

/// If more is reserved than exists, because the capacity was lowered, only what a change adds to that is missing.
#[test]
fn a_shortfall_that_existed_before_is_not_missing() {
    let space = begun();
    let memory = space.memory(LOG);
    let growth = [Growth { memory: &memory, pages: BUCKET_PAGES }];
    let full = capacity(7);
    assert_eq!(space.missing_buckets(full, 0, slots(0, 2)), 2);
    let refused = space.ensure(full, &growth, 0, slots(0, 2), slots(0, 2)).unwrap_err();
    assert_eq!(refused.missing, 1);
    let refused = space.ensure(full, &[], 0, slots(0, 2), slots(0, 5)).unwrap_err();
    assert_eq!(refused.missing, 3);
    assert_eq!(space.ensure(full, &growth, 1, slots(0, 2), slots(0, 2)), Ok(()));
}

/// If the platform refuses, the error states what is available, and nothing has grown.
#[test]
fn a_platform_that_refuses_is_out_of_memory() {
    let space = begun();
    space.raw().set_maximum(BucketSize::LARGEST.physical_pages(8));
    let before = space.raw().size();
    let memory = space.memory(LOG);
    let growth = |buckets| [Growth { memory: &memory, pages: buckets * BUCKET_PAGES }];
    let refused = space.ensure(capacity(10), &growth(2), 0, NOTHING, NOTHING).unwrap_err();
    assert_eq!((space.raw().size(), refused.missing), (before, 2), "the arena would have to free both");
    // More is requested than is available, which the platform does not say.
    assert_eq!(Err(refused.into()), oom(4, 3));
    assert_eq!(space.ensure(capacity(10), &growth(1), 0, NOTHING, NOTHING), Ok(()));
    assert_eq!(space.raw().size(), BucketSize::LARGEST.physical_pages(8));
}

/// A slot takes as many of the smallest buckets as it has bytes.
#[test]
fn a_slot_takes_16_of_the_smallest_buckets() {
    let raw = SparseMemory::default();
    raw.grow(FIRST_BUCKET_PAGE);
    let space = Space::format(raw, BucketSize::SMALLEST);
    STORES.iter().for_each(|id| assert_eq!(space.memory(*id).grow(1), 0));
    let capacity = |more: u64| BucketSize::SMALLEST.physical_pages(7 + more) * PAGE_BYTES;
    for (more, slots_that_fit) in [(15, 0), (16, 1), (31, 1), (32, 2)] {
        assert_eq!(ensure(&space, capacity(more), &[], NOTHING, slots(0, slots_that_fit)), Ok(()));
        assert!(
            ensure(&space, capacity(more), &[], NOTHING, slots(0, slots_that_fit + 1)).is_err(),
            "{more}"
        );
    }
}

#[test]
fn an_owner_of_a_bucket_that_is_not_allocated_is_a_problem() {
    let space = begun();
    assert_eq!(space.check(), None);
    let owners = PAGE_BYTES + 2_080;
    space.raw().write(owners + 7, &[OBJECTS.get()]);
    assert_eq!(space.check().map(|problem| problem.offset), Some(owners + 7));
}

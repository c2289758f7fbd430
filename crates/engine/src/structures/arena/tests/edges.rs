//! Sizes and places at their limits, in frees and in changes of an extent's or the arena's size.

use super::*;
use crate::structures::arena::control::SENTINEL_BYTES;
use crate::structures::arena::{MAX_EXTENT_BYTES, SLOT_BYTES};

/// The smallest rest of a block that becomes a block.
const MIN_REST_BYTES: u64 = 128;

/// Shrinks in a separate transaction.
fn shrink_extent(arena: &Arena<SparseMemory>, extent: Extent, from: u64, to: u64) {
    let mut transaction = arena.begin().unwrap();
    transaction.shrink_extent(extent, from, to).unwrap();
    transaction.commit();
}

#[test]
fn shrinking_frees_the_rest_if_a_block_can_hold_it() {
    let from = 4_096 - 8;
    for (to, freed) in [
        (from, 0),
        (from - 1, 0),
        (from - MIN_REST_BYTES + 1, 0),
        (from - MIN_REST_BYTES, MIN_REST_BYTES),
        (from - MIN_REST_BYTES - 1, MIN_REST_BYTES),
        (1, 4_096 - 32),
    ] {
        let (_, arena) = arena();
        let extent = allocate(&arena, from);
        allocate(&arena, 1);
        let before = arena.stats().unwrap();
        shrink_extent(&arena, extent, from, to);
        let after = arena.stats().unwrap();
        assert_eq!(
            (before.used_bytes - after.used_bytes, after.free_bytes - before.free_bytes),
            (freed, freed)
        );
        assert_eq!(check(&arena).len(), 2);
        free(&arena, extent, to);
        check(&arena);
    }
}

#[test]
fn the_largest_extent_can_shrink_and_no_larger_one() {
    let (memory, arena) = arena();
    let extent = allocate(&arena, MAX_EXTENT_BYTES);
    let before = memory.copy();
    for (extent, from) in [
        (extent, MAX_EXTENT_BYTES + 1),
        (Extent::at(extent.offset() + 1), 100),
        (Extent::at(0), 100),
        (Extent::at(u64::MAX), 100),
    ] {
        let shrunk = arena.begin().unwrap().shrink_extent(extent, from, 10);
        let expected = format!("there is no extent of {from} bytes");
        assert_eq!(shrunk, Err(Error::corrupted(expected, extent.offset())));
    }
    assert!(memory.same_as(&before));
    shrink_extent(&arena, extent, MAX_EXTENT_BYTES, 100);
    free(&arena, extent, 100);
    assert_all_free(&arena);
}

/// A block of 32 bytes has as many bytes as an extent of no bytes would need.
#[test]
fn an_extent_is_not_freed_without_a_length() {
    let (_, arena) = arena();
    let extent = allocate(&arena, 1);
    let freed = arena.begin().unwrap().free(extent, 0);
    assert_eq!(freed, Err(Error::corrupted("there is no extent of 0 bytes", extent.offset())));
}

/// The error names the first extent that is not as stated.
#[test]
fn a_run_of_extents_ends_at_the_first_that_differs() {
    let (memory, arena) = arena();
    let first = allocate(&arena, 100);
    allocate(&arena, 100);
    let larger = allocate(&arena, 400);
    allocate(&arena, 100);
    let before = memory.copy();
    let freed = arena.begin().unwrap().free_run(first, 100, 3);
    assert_eq!(freed, Err(Error::corrupted("there is no extent of 100 bytes", larger.offset())));
    assert!(memory.same_as(&before));
}

/// A block that is larger than its extent needs can only be the last of a run: the extent after it is not
/// where it would be.
#[test]
fn a_run_of_extents_has_no_spare_bytes_between_them() {
    let (memory, arena) = arena();
    let first = allocate(&arena, 100);
    let second = allocate(&arena, 100 + MIN_REST_BYTES - 32);
    allocate(&arena, 100);
    let before = memory.copy();
    // The second block is one of 100 bytes with spare bytes.
    let freed = arena.begin().unwrap().free_run(first, 100, 3);
    let third = second.offset() + 128 + MIN_REST_BYTES - 32;
    assert_eq!(freed, Err(Error::corrupted("there is no extent of 100 bytes", third)));
    assert!(memory.same_as(&before));
    let mut transaction = arena.begin().unwrap();
    transaction.free_run(first, 100, 2).unwrap();
    transaction.commit();
    assert_eq!(check(&arena).len(), 1);
}

/// Allocates an extent whose block ends at an offset.
fn fill_to(arena: &Arena<SparseMemory>, start: u64, end: u64) {
    let extent = allocate(arena, end - start - 8);
    assert_eq!(extent.offset(), start + 8);
}

/// The arena can lose a bucket if the sentinel still fits before it, and not if one block is in its place.
#[test]
fn the_arena_shrinks_to_a_used_block_that_ends_at_the_sentinel() {
    let last = BUCKET_BYTES - SENTINEL_BYTES;
    for (end, shrinks) in
        [(last - 128, true), (last - 32, true), (last, true), (last + 32, false), (last + 128, false)]
    {
        let (memory, arena) = arena();
        let small = allocate(&arena, 1_000);
        // The second bucket comes with this extent, which ends in it or just before it.
        allocate(&arena, 15 << 20);
        let start = FIRST_BLOCK + 1_024 + (15 << 20) + 32;
        fill_to(&arena, start, end.min(last));
        if end > last {
            // Crosses the end of the first bucket.
            let mut transaction = arena.begin().unwrap();
            transaction.allocate(end - last - 8).unwrap();
            transaction.commit();
        } else {
            let large = allocate(&arena, MAX_EXTENT_BYTES - 4_096);
            free(&arena, large, MAX_EXTENT_BYTES - 4_096);
        }
        assert_eq!(arena.stats().unwrap().size_bytes, 2 * BUCKET_BYTES);
        let mut transaction = arena.begin().unwrap();
        assert_eq!(transaction.shrink(1), Ok(shrinks), "{end}");
        transaction.commit();
        assert_eq!(arena.stats().unwrap().size_bytes, if shrinks { BUCKET_BYTES } else { 2 * BUCKET_BYTES });
        check(&arena);
        free(&arena, small, 1_000);
        check(&arena);
        assert_eq!(memory.size(), 512, "the caller removes the bucket");
    }
}

#[test]
fn a_transaction_that_grows_the_arena_does_not_shrink_it() {
    let (_, arena) = arena();
    let mut transaction = arena.begin().unwrap();
    let extent = transaction.allocate(MAX_EXTENT_BYTES).unwrap();
    transaction.free(extent, MAX_EXTENT_BYTES).unwrap();
    assert!(transaction.pages_to_grow() > 0);
    assert_eq!(transaction.shrink(1), Ok(false));
    transaction.commit();
    assert_all_free(&arena);
    let mut transaction = arena.begin().unwrap();
    assert_eq!(transaction.slots(), arena.slots().unwrap());
    transaction.allocate(MAX_EXTENT_BYTES).unwrap();
    let slots = MAX_EXTENT_BYTES / SLOT_BYTES;
    assert!((1..=slots + 1).contains(&(arena.slots().unwrap() - transaction.slots())));
}

/// The tags of the extents within a freed run are invalid, in the transaction that frees it and later.
#[test]
fn an_extent_of_a_freed_run_is_not_freed_again() {
    let (_, arena) = arena();
    let extents = [100; 4].map(|len| allocate(&arena, len));
    for extent in &extents[..3] {
        let mut transaction = arena.begin().unwrap();
        transaction.free_run(extents[0], 100, 3).unwrap();
        assert!(transaction.free(*extent, 100).is_err());
    }
    let mut transaction = arena.begin().unwrap();
    transaction.free_run(extents[0], 100, 3).unwrap();
    transaction.commit();
    for extent in &extents[..3] {
        assert!(arena.begin().unwrap().free(*extent, 100).is_err());
        assert!(arena.begin().unwrap().free_run(*extent, 100, 2).is_err());
    }
    assert_eq!(check(&arena).len(), 1);
}

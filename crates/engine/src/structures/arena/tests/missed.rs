//! Free blocks that the search by class skips. Each of them is found before the arena grows, and a growth
//! never starts from a block that is large enough.

use super::*;
use crate::structures::arena::class::Class;
use crate::structures::arena::tag::Tag;
use crate::structures::arena::{block_bytes, control::SENTINEL_BYTES};

/// Returns the largest extent of a block.
const fn len_of(block: u64) -> u64 {
    block - 8
}

/// Allocates blocks of at most `most` bytes until exactly `rest` bytes are free, all of them at the end.
fn fill_but(arena: &Arena<SparseMemory>, rest: u64, most: u64) {
    let mut free = arena.stats().unwrap().free_bytes;
    while free > rest {
        let size = (free - rest).min(most);
        allocate(arena, len_of(size));
        free -= size;
    }
    assert_eq!(arena.stats().unwrap().free_bytes, rest);
    check(arena);
}

/// The input that corrupted the arena. The first free block of the class is too small; the one at the end is
/// large enough but not the first. Growing "by nothing" overwrote the old sentinel with the new one.
#[test]
fn a_sufficient_free_block_at_the_end_is_allocated() {
    let (memory, arena) = arena();
    let hole = allocate(&arena, len_of(1_069_056));
    fill_but(&arena, 1_110_016, 1_824_224);
    free(&arena, hole, len_of(1_069_056));
    assert_eq!(Class::holding(1_069_056), Class::holding(1_110_016));
    let extents = check(&arena).len();
    let taken = allocate(&arena, len_of(1_089_536));
    assert_eq!(taken.offset(), BUCKET_BYTES - SENTINEL_BYTES - 1_110_016 + 8);
    assert_eq!((check(&arena).len(), memory.size()), (extents + 1, 256));
    for _ in 0..4 {
        allocate(&arena, len_of(1_089_536));
        check(&arena);
    }
    assert_eq!(memory.size(), 512);
}

/// This once returned a false `Corrupted`: the rest after the extent is smaller than the smallest rest of a
/// block.
#[test]
fn a_free_block_at_the_end_is_allocated_whole_if_the_rest_is_small() {
    for rest in [0, 32, 64, 96] {
        let (memory, arena) = arena();
        let hole = allocate(&arena, len_of(1_069_056));
        fill_but(&arena, 1_089_536 + rest, 1_824_224);
        free(&arena, hole, len_of(1_069_056));
        let taken = allocate(&arena, len_of(1_089_536));
        assert_eq!((memory.size(), arena.stats().unwrap().free_bytes), (256, 1_069_056));
        check(&arena);
        free(&arena, taken, len_of(1_089_536));
        check(&arena);
    }
}

/// With one bucket of the smallest size there is one block at the end for each class, and a hole of the same
/// class before it.
#[test]
fn a_free_block_at_the_end_is_allocated_in_every_class() {
    let bucket = 1 << 20;
    for class in 16..Class::holding(bucket / 2).index() {
        let (class, size) = (Class::of_index(class), smallest_of(class));
        let next = smallest_of(class.index() + 1);
        let middle = (size + (next - size) / 2).next_multiple_of(ALIGNMENT);
        if next - size < 3 * ALIGNMENT {
            continue;
        }
        let memory = SparseMemory::default();
        let arena = Arena::with_bucket(memory.clone(), bucket);
        let hole = allocate(&arena, len_of(size));
        allocate(&arena, 1);
        fill_but(&arena, middle, u64::MAX);
        free(&arena, hole, len_of(size));
        allocate(&arena, len_of(size + ALIGNMENT));
        check(&arena);
        assert_eq!(memory.size() * 65_536, bucket, "{class:?}");
    }
}

fn smallest_of(class: usize) -> u64 {
    let (level, part) = (class / 16, class as u64 % 16);
    if level == 0 { part * 32 } else { (16 + part) << (4 + level) }
}

/// Returns the extents of a block of 20,448 bytes and `count` smaller ones of the same class. They are freed
/// in this order, so that the large one is the last in their list. Besides these, only `rest` bytes at the
/// end are free.
fn class_list(arena: &Arena<SparseMemory>, count: usize, rest: u64) -> Vec<Extent> {
    let sizes: Vec<u64> = std::iter::once(20_448).chain(vec![19_456; count]).collect();
    let hole = |&size: &u64| {
        let hole = allocate(arena, len_of(size));
        allocate(arena, 1);
        hole
    };
    let holes: Vec<_> = sizes.iter().map(hole).collect();
    fill_but(arena, rest, u64::MAX);
    for (&hole, &size) in holes.iter().zip(&sizes) {
        free(arena, hole, len_of(size));
    }
    holes
}

/// A hole that fits is found although others of its class precede it in the list, up to a limit.
#[test]
fn a_hole_after_others_of_its_class_is_found() {
    for (count, found) in [(1, true), (31, true), (32, false)] {
        let memory = SparseMemory::default();
        let arena = Arena::with_bucket(memory.clone(), 1 << 20);
        let holes = class_list(&arena, count, 0);
        assert_eq!(allocate(&arena, len_of(20_000)) == holes[0], found, "{count}");
        assert_eq!(memory.size() == 16, found, "{count}");
        check(&arena);
    }
}

/// The free block at the end is found regardless of the number of others of its class.
#[test]
fn the_end_is_found_after_any_number_of_others() {
    for rest in [20_000, 20_096, 20_128, 20_448] {
        let memory = SparseMemory::default();
        let arena = Arena::with_bucket(memory.clone(), 1 << 20);
        class_list(&arena, 40, rest);
        let taken = allocate(&arena, len_of(20_000));
        assert_eq!(taken.offset() - 8, (1 << 20) - SENTINEL_BYTES - rest);
        assert_eq!(memory.size(), 16);
        check(&arena);
    }
}

/// An image from before the bug was fixed: the check reports the lost sentinel, operations refuse, and a
/// repair restores it, whether the last block is free or not.
#[test]
fn a_lost_sentinel_is_reported_and_restored() {
    for rest in [0, 4_096] {
        let (memory, arena) = arena();
        allocate(&arena, 1);
        fill_but(&arena, rest, 1 << 20);
        assert_eq!(arena.repair(), Ok(None));
        let sound = memory.copy();
        let end = BUCKET_BYTES - SENTINEL_BYTES;
        memory.write(end, &[0; 8]);
        let mut problems = Vec::new();
        arena.check(&mut |_, _| {}, &mut problems);
        assert!(problems.iter().any(|found| found.what.contains("a repair restores it")), "{problems:?}");
        assert!(matches!(arena.begin().unwrap().allocate(1 << 20), Err(Error::Corrupted { .. })));
        assert_eq!(arena.repair().unwrap().map(|problem| problem.offset), Some(end));
        assert!(memory.same_as(&sound));
        assert_eq!(arena.repair(), Ok(None));
        allocate(&arena, 1 << 20);
        check(&arena);
    }
}

#[test]
fn an_arena_with_other_corruption_is_not_repaired() {
    let (memory, arena) = arena();
    let extent = allocate(&arena, 1_000);
    memory.write(BUCKET_BYTES - SENTINEL_BYTES, &[0; 8]);
    memory.write(extent.offset() - 8, &[0xA5; 8]);
    let before = memory.copy();
    assert!(matches!(arena.repair(), Err(Error::Corrupted { .. })));
    assert!(memory.same_as(&before));
    assert_eq!(Arena::new(SparseMemory::default()).repair(), Ok(None), "an empty arena has no sentinel");
}

/// A lost sentinel is not restored if the blocks before it contradict each other, each in its own way.
#[test]
fn blocks_that_contradict_their_neighbours_are_not_repaired() {
    let used = |size| Tag::used(size);
    for (name, tag) in [
        ("no size", used(0)),
        ("a size after the end", used(BUCKET_BYTES)),
        ("a used block before it is free", Tag { previous_free: true, ..used(1_024) }),
    ] {
        let (memory, arena) = arena();
        let extent = [1_016, 1_016].map(|len| allocate(&arena, len))[1];
        let offset = extent.offset() - 8;
        memory.write(BUCKET_BYTES - SENTINEL_BYTES, &[0; 8]);
        memory.write(offset, &tag.encode(offset).to_le_bytes());
        let before = memory.copy();
        let refused = arena.repair();
        assert!(
            matches!(refused, Err(Error::Corrupted { offset: at, .. }) if at == offset),
            "{name}: {refused:?}"
        );
        assert!(memory.same_as(&before), "{name}");
    }
}

/// Each extent of a freed run loses its tag, so a table that lists one of them twice is detected.
#[test]
fn an_extent_within_a_freed_run_is_not_freed_twice() {
    let (_, arena) = arena();
    let extents: Vec<_> = (0..6).map(|_| allocate(&arena, 1_000)).collect();
    allocate(&arena, 1);
    assert_eq!(extents[1].offset() - extents[0].offset(), block_bytes(1_000));
    for again in &extents[..6] {
        let mut transaction = arena.begin().unwrap();
        transaction.free_run(extents[0], 1_000, 6).unwrap();
        assert!(
            matches!(transaction.free(*again, 1_000), Err(Error::Corrupted { .. })),
            "in one transaction"
        );
    }
    let mut transaction = arena.begin().unwrap();
    transaction.free_run(extents[0], 1_000, 6).unwrap();
    transaction.commit();
    check(&arena);
    for again in extents {
        assert!(matches!(arena.begin().unwrap().free(again, 1_000), Err(Error::Corrupted { .. })), "later");
    }
}

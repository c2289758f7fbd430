//! Each operation, at its limits.

use super::*;
use crate::structures::arena::{MAX_EXTENT_BYTES, block_bytes};

#[test]
fn a_memory_of_no_pages_is_an_empty_arena() {
    let (memory, arena) = arena();
    assert_eq!(arena.stats(), Ok(ArenaStats::default()));
    assert_eq!(check(&arena), []);
    arena.begin().unwrap().commit();
    assert_eq!(memory.size(), 0, "a transaction without changes writes nothing");
    let nowhere = arena.begin().unwrap().free(Extent::at(8), 1);
    assert!(matches!(nowhere, Err(Error::Corrupted { .. })));
}

/// Checks the whole control page and all that is written of the blocks, byte for byte.
#[test]
fn golden_image() {
    let (memory, arena) = arena();
    let (first, _second) = (allocate(&arena, 600), allocate(&arena, 1));
    free(&arena, first, 600);

    let mut control = [0; 4_096];
    memory.read(0, &mut control);
    let mut expected = [0; 4_096];
    expected[..8].copy_from_slice(b"ARENA\0\x01\0");
    expected[8..16].copy_from_slice(&0xFF_FFE0u64.to_le_bytes());
    expected[16] = 32; // Used bytes.
    expected[24] = 1; // Used blocks.
    expected[32..34].copy_from_slice(&[0b0000_0010, 0b1000_0000]); // Levels 1 and 15.
    expected[42..44].copy_from_slice(&[0b0000_1000, 0]); // Class 3 of level 1: 608 bytes.
    expected[70..72].copy_from_slice(&[0, 0b1000_0000]); // Class 15 of level 15: 15.5 MiB and more.
    expected[104] = 1; // Slots: the large free block supplies one.
    expected[128 + 8 * 19..][..8].copy_from_slice(&4_096u64.to_le_bytes());
    expected[128 + 8 * 255..][..8].copy_from_slice(&4_736u64.to_le_bytes());
    assert!(control == expected);

    let words = |address: u64| read_words::<_, 4>(&memory, address);
    assert_eq!(words(4_096)[..3], [0x04B4_0000_0000_0261, 0, 0], "a free block of 608 bytes");
    assert_eq!(words(4_096 + 608 - 32)[3] & 0xFFFF_FFFF_FFFF, 0x261, "its footer");
    assert_eq!(words(4_704)[0] & 0xFFFF_FFFF_FFFF, 0x22, "32 used bytes, after a free block");
    assert_eq!(words(4_736)[0] & 0xFFFF_FFFF_FFFF, 0xFF_ED61, "the rest");
    assert_eq!(words((16 << 20) - 32)[0] & 0xFFFF_FFFF_FFFF, 2, "the sentinel");
}

#[test]
fn sizes_at_their_limits() {
    let (_, arena) = arena();
    let lens = [1, 23, 24, 25, 56, 57, 472, 473, 504, 505, 2_048, MAX_EXTENT_BYTES - 1, MAX_EXTENT_BYTES];
    let taken = lens.map(|len| (allocate(&arena, len), len));
    for (extent, capacity) in check(&arena) {
        let (_, len) = taken.iter().find(|(taken, _)| *taken == extent).unwrap();
        assert!(capacity >= *len && capacity < len + 32, "{len}: {capacity}");
    }
    assert_eq!(arena.stats().unwrap().used_bytes, lens.map(block_bytes).iter().sum::<u64>());
    for (extent, len) in taken {
        free(&arena, extent, len);
    }
    assert_all_free(&arena);
}

#[test]
fn an_allocation_above_the_limit_leaves_the_transaction_usable() {
    let (_, arena) = arena();
    let mut transaction = arena.begin().unwrap();
    let refused = transaction.allocate(MAX_EXTENT_BYTES + 1);
    assert_eq!(refused, Err(Error::TooLarge { size: MAX_EXTENT_BYTES + 1, limit: MAX_EXTENT_BYTES }));
    transaction.allocate(1).unwrap();
    transaction.commit();
    assert_eq!(check(&arena).len(), 1);
}

#[test]
#[should_panic(expected = "at least one byte")]
fn an_extent_of_no_bytes_panics() {
    let (_, arena) = arena();
    let _ = arena.begin().unwrap().allocate(0);
}

/// Frees a block between used neighbours, before a free one, after a free one, and between two free ones.
#[test]
fn free_neighbours_become_one_block() {
    for (before, after) in [(false, false), (true, false), (false, true), (true, true)] {
        let (_, arena) = arena();
        // The outermost blocks stay used and separate the three from the rest.
        let [_, a, b, c, _] = [100, 200, 1_000, 3_000, 100].map(|len| allocate(&arena, len));
        if before {
            free(&arena, a, 200);
        }
        if after {
            free(&arena, c, 3_000);
        }
        free(&arena, b, 1_000);
        let used = check(&arena).len();
        assert_eq!(used, 4 - usize::from(before) - usize::from(after));
        let joined = block_bytes(1_000)
            + if before { block_bytes(200) } else { 0 }
            + if after { block_bytes(3_000) } else { 0 };
        let start = if before { a } else { b };
        assert_eq!(allocate(&arena, joined - 8), start, "the joined block is allocated as a whole");
        check(&arena);
    }
}

#[test]
fn a_dropped_transaction_changes_nothing() {
    let (memory, arena) = arena();
    let kept = allocate(&arena, 5_000);
    let before = memory.copy();
    let mut transaction = arena.begin().unwrap();
    transaction.free(kept, 5_000).unwrap();
    transaction.allocate(MAX_EXTENT_BYTES).unwrap();
    assert_eq!(transaction.pages_to_grow(), 256);
    drop(transaction);
    assert!(memory.same_as(&before));
    assert_eq!(memory.take_traffic().grows, 1);
}

#[test]
fn a_transaction_sees_its_own_changes() {
    let (_, arena) = arena();
    let mut transaction = arena.begin().unwrap();
    let first = transaction.allocate(1_000).unwrap();
    let second = transaction.allocate(1_000).unwrap();
    transaction.free(first, 1_000).unwrap();
    assert_eq!(transaction.allocate(1_000).unwrap(), first);
    assert_eq!(transaction.pages_to_grow(), 256);
    transaction.commit();
    assert_eq!(check(&arena), [(first, 1_016), (second, 1_016)]);
}

#[test]
fn growth_joins_the_free_end() {
    let (memory, arena) = arena();
    let small = allocate(&arena, 1);
    allocate(&arena, MAX_EXTENT_BYTES);
    assert_eq!(memory.size(), 512, "the free space at the end is used");
    let stats = arena.stats().unwrap();
    assert_eq!(stats.largest_free_bytes, stats.free_bytes, "so there is one free block only");
    free(&arena, small, 1);
    check(&arena);
}

#[test]
fn growth_after_a_used_end() {
    let (memory, arena) = arena();
    let len = BUCKET_BYTES - FIRST_BLOCK - ALIGNMENT - 8;
    allocate(&arena, len);
    assert_eq!(arena.stats().unwrap().free_bytes, 0);
    assert_eq!(arena.stats().unwrap().largest_free_bytes, 0);
    let next = allocate(&arena, 1);
    assert_eq!((memory.size(), next.offset()), (512, BUCKET_BYTES - ALIGNMENT + 8));
    check(&arena);
}

/// The caller learns the growth of a commit before anything is written, and can drop the transaction.
#[test]
fn pages_to_grow_is_known_before_the_commit() {
    let memory = SparseMemory::with_maximum(256);
    let arena = Arena::new(memory.clone());
    allocate(&arena, 1);
    let before = memory.copy();
    let mut transaction = arena.begin().unwrap();
    transaction.allocate(MAX_EXTENT_BYTES).unwrap();
    assert_eq!(transaction.pages_to_grow(), 256);
    drop(transaction);
    assert!(memory.same_as(&before));
    memory.set_maximum(512);
    allocate(&arena, MAX_EXTENT_BYTES);
    check(&arena);
}

#[test]
#[should_panic(expected = "refused 256 pages")]
fn a_refused_growth_panics() {
    let arena = Arena::new(SparseMemory::with_maximum(255));
    allocate(&arena, 1);
}

/// A memory can be larger than its arena, because a growth was not followed by a commit.
#[test]
fn existing_pages_are_used() {
    let (memory, arena) = arena();
    allocate(&arena, 1);
    memory.grow(256);
    let mut transaction = arena.begin().unwrap();
    transaction.allocate(MAX_EXTENT_BYTES).unwrap();
    assert_eq!(transaction.pages_to_grow(), 0);
    transaction.commit();
    assert_eq!(check(&arena).len(), 2);
}

#[test]
fn wrong_frees_are_detected() {
    let (memory, arena) = arena();
    let [a, b, _] = [100, 2_000, 100].map(|len| allocate(&arena, len));
    free(&arena, a, 100);
    let before = memory.copy();
    let wrong = [
        (a, 100),                                      // Freed before.
        (b, 1_850),                                    // Another length.
        (b, 2_020),                                    // More than the block has.
        (b, 0),                                        // No length.
        (b, MAX_EXTENT_BYTES + 1),                     // More than any extent.
        (Extent::at(b.offset() + 32), 2_000),          // Within the extent.
        (Extent::at(b.offset() + 1), 2_000),           // Not aligned.
        (Extent::at(0), 1),                            // The control page.
        (Extent::at(4_096), 1),                        // Before the first payload.
        (Extent::at(BUCKET_BYTES - ALIGNMENT + 8), 1), // The sentinel.
        (Extent::at(u64::MAX), 1),                     // Outside the memory.
    ];
    for (extent, len) in wrong {
        let result = arena.begin().unwrap().free(extent, len);
        assert!(matches!(result, Err(Error::Corrupted { .. })), "{extent:?} {len}: {result:?}");
    }
    assert!(memory.same_as(&before));
}

/// An extent that has become part of a larger free block has no tag, regardless of the neighbour that it
/// joined.
#[test]
fn a_second_free_is_detected_after_coalescing() {
    let (_, arena) = arena();
    let [a, b, c, _] = [1_000; 4].map(|len| allocate(&arena, len));
    for extent in [a, c, b] {
        free(&arena, extent, 1_000);
    }
    for extent in [a, b, c] {
        assert!(arena.begin().unwrap().free(extent, 1_000).is_err());
    }
}

#[test]
#[should_panic(expected = "found corruption")]
fn a_transaction_that_failed_is_not_committed() {
    let (_, arena) = arena();
    let extent = allocate(&arena, 100);
    let mut transaction = arena.begin().unwrap();
    assert!(transaction.free(extent, 1_000).is_err());
    transaction.commit();
}

#[test]
#[should_panic(expected = "overlap")]
fn transactions_do_not_overlap() {
    let (_, arena) = arena();
    let (mut one, mut other) = (arena.begin().unwrap(), arena.begin().unwrap());
    one.allocate(1).unwrap();
    other.allocate(1).unwrap();
    one.commit();
    other.commit();
}

/// A transaction has read the start of its neighbours' payloads, and must not write it back.
#[test]
fn a_payload_written_during_a_transaction_is_kept() {
    let (_, arena) = arena();
    let [a, b, c] = [24; 3].map(|len| allocate(&arena, len));
    let mut transaction = arena.begin().unwrap();
    transaction.free(b, 24).unwrap();
    arena.write(a, 0, &[1; 24]);
    arena.write(c, 0, &[3; 24]);
    transaction.commit();
    for (extent, expected) in [(a, 1), (c, 3)] {
        let mut bytes = [0; 24];
        arena.read(extent, 0, &mut bytes).unwrap();
        assert_eq!(bytes, [expected; 24]);
    }
}

#[test]
fn reads_and_writes_are_at_their_offsets() {
    let (_, arena) = arena();
    let extent = allocate(&arena, 10);
    arena.write(extent, 0, b"0123456789");
    arena.write(extent, 4, b"abc");
    let mut bytes = [0; 6];
    arena.read(extent, 2, &mut bytes).unwrap();
    assert_eq!(&bytes, b"23abc7");
}

#[test]
fn a_read_outside_the_memory_is_corruption() {
    let (memory, arena) = arena();
    let read = |address, offset| Arena::new(memory.clone()).read(Extent::at(address), offset, &mut [0; 8]);
    assert!(read(4_104, 0).is_err(), "the memory has no pages");
    allocate(&arena, 1);
    assert_eq!(read(BUCKET_BYTES - 8, 0), Ok(()));
    for (address, offset) in
        [(BUCKET_BYTES - 7, 0), (4_104, u64::MAX), (u64::MAX, 0), (u64::MAX, 1), (0, 0), (4_103, 0)]
    {
        assert!(matches!(read(address, offset), Err(Error::Corrupted { .. })), "{address} + {offset}");
    }
}

#[test]
#[should_panic(expected = "the extent is within the arena")]
fn a_write_outside_the_memory_panics() {
    let (_, arena) = arena();
    let extent = allocate(&arena, 1);
    arena.write(extent, BUCKET_BYTES, b"x");
}

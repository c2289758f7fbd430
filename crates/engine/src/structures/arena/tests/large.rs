//! Arenas of the largest size, in a memory that stores only written pages.

use super::*;
use crate::structures::arena::{MAX_ARENA_BYTES, MAX_EXTENT_BYTES, block_bytes};

/// Allocates the largest extents until the arena is full, and returns them and the error.
fn fill(arena: &Arena<SparseMemory>) -> (Vec<Extent>, Error) {
    let mut extents = Vec::new();
    loop {
        let mut transaction = arena.begin().unwrap();
        for _ in 0..512 {
            match transaction.allocate(MAX_EXTENT_BYTES) {
                Ok(extent) => extents.push(extent),
                Err(error) => {
                    transaction.commit();
                    return (extents, error);
                }
            }
        }
        transaction.commit();
    }
}

/// From the first byte to 512 GiB and back, past 4 GiB and 256 GiB.
#[test]
fn the_largest_arena() {
    let (memory, arena) = arena();
    let (extents, refusal) = fill(&arena);
    assert_eq!(refusal, Error::OutOfMemory { requested: BUCKET_BYTES, available: 0 });
    assert_eq!(memory.size() * 65_536, MAX_ARENA_BYTES);
    let room = MAX_ARENA_BYTES - FIRST_BLOCK - ALIGNMENT;
    assert_eq!(extents.len() as u64, room / block_bytes(MAX_EXTENT_BYTES));

    for (i, &extent) in extents.iter().enumerate() {
        arena.write(extent, MAX_EXTENT_BYTES - 8, &(i as u64).to_le_bytes());
    }
    assert_eq!(check(&arena).len(), extents.len(), "no payload overlaps a tag");
    for (i, &extent) in extents.iter().enumerate() {
        let mut bytes = [0; 8];
        arena.read(extent, MAX_EXTENT_BYTES - 8, &mut bytes).unwrap();
        assert_eq!(u64::from_le_bytes(bytes), i as u64);
    }

    // Every second one first, so that all lists are long before the rest coalesces.
    let (even, odd): (Vec<_>, Vec<_>) = extents.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
    for half in [even, odd] {
        let mut transaction = arena.begin().unwrap();
        for extent in half {
            transaction.free(extent, MAX_EXTENT_BYTES).unwrap();
        }
        transaction.commit();
        check(&arena);
    }
    assert_all_free(&arena);
    assert_eq!(memory.size() * 65_536, MAX_ARENA_BYTES);
}

/// The error has the missing size, and the transaction remains usable for smaller extents.
#[test]
fn out_of_memory_changes_nothing() {
    let (memory, arena) = arena();
    let (extents, _) = fill(&arena);
    free(&arena, extents[100], MAX_EXTENT_BYTES);
    let before = memory.copy();
    let mut transaction = arena.begin().unwrap();
    transaction.allocate(MAX_EXTENT_BYTES).unwrap();
    assert!(matches!(transaction.allocate(MAX_EXTENT_BYTES), Err(Error::OutOfMemory { .. })));
    let small = transaction.allocate(1_000).unwrap();
    transaction.free(small, 1_000).unwrap();
    transaction.free(extents[100], MAX_EXTENT_BYTES).unwrap();
    drop(transaction);
    assert!(memory.same_as(&before));
}

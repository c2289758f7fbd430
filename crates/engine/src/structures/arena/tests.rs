//! Tests of the whole arena, and their common helpers.

mod basics;
mod corruption;
mod costs;
mod damage;
mod edges;
mod first_fit;
mod large;
mod missed;
mod model;
mod parts;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::{ALIGNMENT, Arena, ArenaStats, BUCKET_BYTES, Extent, FIRST_BLOCK, read_words};
use storage_testkit::SparseMemory;

fn arena() -> (SparseMemory, Arena<SparseMemory>) {
    let memory = SparseMemory::default();
    (memory.clone(), Arena::new(memory))
}

/// Allocates in a separate transaction.
fn allocate<M: Memory>(arena: &Arena<M>, len: u64) -> Extent {
    let mut transaction = arena.begin().unwrap();
    let extent = transaction.allocate(len).unwrap();
    transaction.commit();
    extent
}

/// Frees in a separate transaction.
fn free<M: Memory>(arena: &Arena<M>, extent: Extent, len: u64) {
    let mut transaction = arena.begin().unwrap();
    transaction.free(extent, len).unwrap();
    transaction.commit();
}

/// Checks the arena, which must be sound, and returns its extents with their capacities.
fn check<M: Memory>(arena: &Arena<M>) -> Vec<(Extent, u64)> {
    let (mut extents, mut problems) = (Vec::new(), Vec::new());
    arena.check(&mut |extent, capacity| extents.push((extent, capacity)), &mut problems);
    assert_eq!(problems, []);
    extents
}

/// Returns the number of problems that a check finds.
fn problems<M: Memory>(arena: &Arena<M>) -> usize {
    let mut problems = Vec::new();
    arena.check(&mut |_, _| {}, &mut problems);
    problems.len()
}

/// Asserts that nothing is used and that the arena is one free block.
fn assert_all_free<M: Memory>(arena: &Arena<M>) {
    assert_eq!(check(arena), []);
    let stats = arena.stats().unwrap();
    assert_eq!((stats.used_bytes, stats.extents), (0, 0));
    assert_eq!(stats.free_bytes, stats.size_bytes - FIRST_BLOCK - ALIGNMENT);
    assert_eq!(stats.largest_free_bytes, stats.free_bytes);
}

/// Random number generator with a seed, so that a test is the same everywhere.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

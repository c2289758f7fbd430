//! What the operations ask of the memory, as golden figures: a change of them is a change of the costs.

use super::*;
use crate::testing::Traffic;

/// What a transaction asks of the memory.
fn cost(memory: &SparseMemory, work: impl FnOnce()) -> Traffic {
    memory.take_traffic();
    work();
    memory.take_traffic()
}

/// Allocates a new extent before it frees the old, as an overwrite does.
fn overwrite(arena: &Arena<SparseMemory>, old: Extent, old_len: u64, len: u64) -> Extent {
    let mut transaction = arena.begin().unwrap();
    let new = transaction.allocate(len).unwrap();
    transaction.free(old, old_len).unwrap();
    transaction.commit();
    new
}

#[test]
fn beginning_and_statistics() {
    let (memory, arena) = arena();
    allocate(&arena, 1);
    let begun = cost(&memory, || drop(arena.begin().unwrap()));
    assert_eq!(begun, Traffic { reads: 1, read_bytes: 128, ..Traffic::default() });
    let told = cost(&memory, || assert!(arena.stats().is_ok()));
    assert_eq!(told, Traffic { reads: 3, read_bytes: 144, ..Traffic::default() });
}

#[test]
fn a_put_from_one_large_free_block() {
    let (memory, arena) = arena();
    allocate(&arena, 2_048);
    let put = cost(&memory, || assert_eq!(allocate(&arena, 2_048).offset(), 4_104 + 2_080));
    let expected = Traffic {
        reads: 3,
        read_bytes: 192,
        writes: 5,
        written_bytes: 64,
        written_pages: 4,
        ..Traffic::default()
    };
    assert_eq!(put, expected);
}

#[test]
fn an_overwrite_with_the_same_length() {
    let (memory, arena) = arena();
    let [_, mut old, _] = [2_048; 3].map(|len| allocate(&arena, len));
    old = overwrite(&arena, old, 2_048, 2_048);
    let cost = cost(&memory, || assert_ne!(overwrite(&arena, old, 2_048, 2_048), old));
    let expected = Traffic {
        reads: 7,
        read_bytes: 352,
        writes: 7,
        written_bytes: 80,
        written_pages: 4,
        ..Traffic::default()
    };
    assert_eq!(cost, expected);
}

/// In a longer run, with blocks and holes of many sizes; the memory's figures are means of each operation.
#[test]
fn a_churn_of_many_sizes() {
    let (memory, arena) = arena();
    let mut random = Random(7);
    let mut live: Vec<(Extent, u64)> =
        (0..2_000).map(|_| random.len()).map(|len| (allocate(&arena, len), len)).collect();
    let cost = cost(&memory, || {
        for _ in 0..20_000 {
            let (i, len) = (random.below(live.len() as u64) as usize, random.len());
            let (old, old_len) = live[i];
            live[i] = (overwrite(&arena, old, old_len, len), len);
        }
    });
    check(&arena);
    let stats = arena.stats().unwrap();
    let payload: u64 = live.iter().map(|(_, len)| len).sum();
    println!("{cost:?} {stats:?}, {} % used", payload * 100 / stats.size_bytes);
}

/// A small generator with a fixed seed, so that the figures are the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// A length between 512 bytes and 128 KiB, short ones being as frequent as long ones of twice the length.
    fn len(&mut self) -> u64 {
        let base = 512 << self.below(8);
        base + self.below(base)
    }
}

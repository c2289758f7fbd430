//! Memory accesses of the operations, as golden figures: a change of them is a change of the costs.

use super::*;
use storage_testkit::Traffic;

/// Returns the memory accesses of a transaction.
fn cost(memory: &SparseMemory, work: impl FnOnce()) -> Traffic {
    memory.take_traffic();
    work();
    memory.take_traffic()
}

/// Allocates a new extent before freeing the old one, as an overwrite does.
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
    let stats = cost(&memory, || assert!(arena.stats().is_ok()));
    assert_eq!(stats, Traffic { reads: 3, read_bytes: 144, ..Traffic::default() });
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

/// The previous block grows in place: its list, and the pages of its list neighbours, are not accessed.
#[test]
fn a_free_that_enlarges_the_block_before() {
    let (memory, arena) = arena();
    let [large, small, _] = [1_000_000, 2_048, 100].map(|len| allocate(&arena, len));
    free(&arena, large, 1_000_000);
    let cost = cost(&memory, || free(&arena, small, 2_048));
    let expected = Traffic {
        reads: 4,
        read_bytes: 256,
        writes: 4,
        written_bytes: 48,
        written_pages: 3,
        ..Traffic::default()
    };
    assert_eq!(cost, expected);
}

/// The costs and the utilisation of a churn: random extents are overwritten with a new length.
struct Churn {
    /// Payload bytes per 100 bytes of the arena at the end.
    utilisation: u64,
    /// Sums over all overwrites.
    traffic: Traffic,
}

fn churn(extents: u64, overwrites: u64, mut len: impl FnMut(&mut Random) -> u64) -> Churn {
    let (memory, arena) = arena();
    let mut random = Random::new(7);
    let mut live: Vec<_> =
        (0..extents).map(|_| len(&mut random)).map(|len| (allocate(&arena, len), len)).collect();
    let mut traffic = Traffic::default();
    for _ in 0..overwrites {
        let (i, new_len) = (random.below(extents) as usize, len(&mut random));
        let (old, old_len) = live[i];
        traffic += cost(&memory, || live[i] = (overwrite(&arena, old, old_len, new_len), new_len));
    }
    assert_eq!(check(&arena).len() as u64, extents);
    let payload: u64 = live.iter().map(|(_, len)| len).sum();
    Churn { utilisation: payload * 100 / arena.stats().unwrap().size_bytes, traffic }
}

/// The figures have a fixed seed, so they change only with the allocator. Run with `--nocapture` to see them.
#[test]
fn churns() {
    let power = |random: &mut Random| 512 << random.below(8);
    let upload =
        |random: &mut Random| if random.below(4) > 0 { 31 << 19 } else { 1 + random.below(31 << 19) };
    let runs = [
        ("1 to 4 KiB", 88, churn(30_000, 60_000, |random| 1_024 + random.below(3_072))),
        ("512 B to 128 KiB", 85, churn(3_000, 30_000, |random| power(random) + random.below(65_536))),
        ("15.5 MiB and tails", 90, churn(1_000, 10_000, upload)),
    ];
    for (name, at_least, Churn { utilisation, traffic }) in runs {
        println!("{name}: {utilisation} % used, {traffic:?}");
        assert!(utilisation >= at_least, "{name}: {utilisation} % used");
    }
}

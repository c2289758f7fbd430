use ic_stable_structures::RestrictedMemory;
use ic_stable_structures::memory_manager::{self, MemoryManager};
use storage_testkit::SparseMemory;

use super::*;
use crate::base::layout::{ARENA, BUCKET_BYTES, BUCKET_PAGES};

fn formatted() -> (SparseMemory, Buckets<SparseMemory>) {
    formatted_with(BucketSize::LARGEST)
}

fn formatted_with(size: BucketSize) -> (SparseMemory, Buckets<SparseMemory>) {
    let raw = SparseMemory::default();
    raw.grow(FIRST_BUCKET_PAGE);
    (raw.clone(), Buckets::format(raw, size))
}

fn read<const N: usize>(memory: &impl Memory, offset: u64) -> [u8; N] {
    let mut bytes = [0; N];
    memory.read(offset, &mut bytes);
    bytes
}

/// Writes bytes, and returns where the damage is that opening then reports. The bytes are restored.
fn damage_after(raw: &SparseMemory, offset: u64, bytes: &[u8]) -> u64 {
    let mut before = vec![0; bytes.len()];
    raw.read(offset, &mut before);
    raw.write(offset, bytes);
    let damage = match Buckets::load(raw.clone()).err() {
        Some(OpenError::Damaged { offset, .. }) => offset,
        other => panic!("byte {offset}: {bytes:?}: {other:?}"),
    };
    raw.write(offset, &before);
    damage
}

fn original(raw: &SparseMemory) -> MemoryManager<RestrictedMemory<SparseMemory>> {
    let pages = MANAGER_PAGE..BucketSize::LARGEST.physical_pages(MAX_BUCKETS);
    MemoryManager::init_with_bucket_size(RestrictedMemory::new(raw.clone(), pages), BUCKET_PAGES as u16)
}

/// Grows memories in turns, so that their buckets alternate, and writes at both sides of each boundary.
fn exercise<A: Memory>(memories: &[A]) {
    for round in 0..3u8 {
        for (id, memory) in memories.iter().enumerate() {
            let pages = [1, 255, 300][usize::from(round + id as u8) % 3];
            let end = memory.size() * PAGE_BYTES;
            assert_eq!(memory.grow(pages), (end / PAGE_BYTES) as i64);
            let start = end.saturating_sub(100);
            memory.write(start, &[id as u8 * 16 + round; 1_000]);
        }
    }
}

#[test]
fn both_managers_write_the_same_bytes() {
    let (ours, buckets) = formatted();
    exercise(&[0, 3, 254].map(|id| buckets.memory(MemoryId::new(id))));
    let theirs = SparseMemory::default();
    theirs.grow(1);
    let manager = original(&theirs);
    exercise(&[0, 3, 254].map(|id| manager.get(memory_manager::MemoryId::new(id))));
    assert!(ours.same_as(&theirs));
}

#[test]
fn each_manager_reads_what_the_other_wrote() {
    let (ours, buckets) = formatted();
    exercise(&[7, 9].map(|id| buckets.memory(MemoryId::new(id))));
    let manager = original(&ours);
    let reloaded = Buckets::load(ours).unwrap();
    for id in [7, 9] {
        let theirs = manager.get(memory_manager::MemoryId::new(id));
        let whole = |memory: &dyn Memory| {
            let mut bytes = vec![0; (memory.size() * PAGE_BYTES) as usize];
            memory.read(0, &mut bytes);
            bytes
        };
        let expected = whole(&theirs);
        assert!(whole(&buckets.memory(MemoryId::new(id))) == expected);
        assert!(whole(&reloaded.memory(MemoryId::new(id))) == expected);
    }
}

#[test]
fn load_rejects_an_inconsistent_page() {
    let (raw, buckets) = formatted();
    exercise(&[0, 1].map(|id| buckets.memory(MemoryId::new(id))));
    let size_of = |id: u64| SIZES_AT + 8 * id;
    // The offset that is reported is that of the field.
    let wrong: [(u64, &[u8], u64); 11] = [
        (MAGIC_AT, b"X", MAGIC_AT),
        (VERSION_AT, &[3], MAGIC_AT),
        (ALLOCATED_AT, &[0xff, 0xff], ALLOCATED_AT),
        (ALLOCATED_AT, &[1], size_of(0)),
        (BUCKET_PAGES_AT, &[128], ALLOCATED_AT),
        (BUCKET_PAGES_AT, &[128, 0], size_of(0)),
        (size_of(0) + 2, &[1], size_of(0)),
        (size_of(1) + 2, &[1], size_of(1)),
        (size_of(1), &[0, 0], size_of(1)),
        (size_of(5), &[1], size_of(5)),
        (OWNERS_AT, &[NO_OWNER], OWNERS_AT),
    ];
    for (offset, bytes, reported) in wrong {
        assert_eq!(damage_after(&raw, offset, bytes), reported, "byte {offset}");
    }
    assert!(Buckets::load(raw).is_ok());
    // An empty table needs no bucket.
    let (raw, _) = formatted();
    assert_eq!(Buckets::load(raw).unwrap().allocated(), 0);
}

/// Opening reads only the owners of allocated buckets.
#[test]
fn check_reports_an_owner_of_a_bucket_that_is_not_allocated() {
    let (raw, buckets) = formatted();
    exercise(&[0, 1].map(|id| buckets.memory(MemoryId::new(id))));
    assert_eq!(Buckets::load(raw.clone()).unwrap().check(), None);
    for bucket in [buckets.allocated(), MAX_BUCKETS - 1] {
        raw.write(OWNERS_AT + bucket, &[0]);
        let problem = Buckets::load(raw.clone()).unwrap().check().unwrap();
        assert_eq!(problem.offset, OWNERS_AT + bucket, "{}", problem.what);
        raw.write(OWNERS_AT + bucket, &[NO_OWNER]);
    }
}

#[test]
fn grow_returns_an_error_if_the_platform_refuses() {
    let raw = SparseMemory::with_maximum(BucketSize::LARGEST.physical_pages(2));
    raw.grow(FIRST_BUCKET_PAGE);
    let buckets = Buckets::format(raw.clone(), BucketSize::LARGEST);
    let memory = buckets.memory(MemoryId::new(0));
    assert_eq!(memory.grow(BUCKET_PAGES), 0);
    let before = raw.copy();
    assert_eq!(memory.grow(2 * BUCKET_PAGES), -1);
    assert_eq!(memory.grow(u64::MAX), -1);
    assert!(raw.same_as(&before));
    assert_eq!((memory.size(), buckets.allocated()), (BUCKET_PAGES, 1));
    assert_eq!(memory.grow(BUCKET_PAGES), BUCKET_PAGES as i64);
}

/// Buckets change owners at random. Each memory is compared with a plain list of its pages; the page is
/// loaded again after every step.
#[test]
fn reused_buckets_keep_their_order_and_are_cleared() {
    let raw = SparseMemory::default();
    raw.grow(FIRST_BUCKET_PAGE);
    let mut buckets = Buckets::format(raw.clone(), BucketSize::LARGEST);
    let ids = [1, 2, 3, 200].map(MemoryId::new);
    let mut models: [Vec<u64>; 4] = Default::default();
    let (mut random, mut stamp) = (7u64, 0);
    let mut below = |bound: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % bound
    };
    let mut was_moved = false;
    for step in 0..100 {
        let i = below(4) as usize;
        let (memory, model) = (buckets.memory(ids[i]), &mut models[i]);
        if below(5) < 3 {
            let pages = [1, 100, 256, 600][below(4) as usize];
            assert_eq!(memory.grow(pages), model.len() as i64);
            for page in model.len() as u64..memory.size() {
                stamp += 1;
                let mut bytes = [0; 8];
                memory.read(page * PAGE_BYTES + 8, &mut bytes);
                assert!(ids[i] == ARENA || bytes == [0; 8], "step {step}: page {page} is not zero");
                memory.write(page * PAGE_BYTES, &[stamp, stamp].map(u64::to_le_bytes).concat());
                model.push(stamp);
            }
        } else {
            let count = below(1 + (model.len() as u64).div_ceil(BUCKET_PAGES));
            if count > 0 {
                memory.free_last(count);
                model.truncate((model.len().div_ceil(256) - count as usize) * 256);
            }
        }
        was_moved |= buckets.state.borrow().moved > 1;
        let reloaded = Buckets::load(raw.clone()).unwrap();
        assert_eq!((reloaded.allocated(), reloaded.freed()), (buckets.allocated(), buckets.freed()));
        for memories in [&buckets, &reloaded] {
            for (id, model) in ids.iter().zip(&models) {
                let memory = memories.memory(*id);
                assert_eq!(memory.size(), model.len() as u64);
                for (page, stamp) in model.iter().enumerate().step_by(51) {
                    let mut bytes = [0; 8];
                    memory.read(page as u64 * PAGE_BYTES, &mut bytes);
                    assert_eq!(u64::from_le_bytes(bytes), *stamp, "step {step}: page {page} of {id:?}");
                }
            }
        }
        if below(3) == 0 {
            buckets = reloaded;
        }
    }
    assert!(was_moved && buckets.allocated() < 60);
}

/// A cached location becomes invalid when its bucket is freed.
#[test]
fn a_window_does_not_outlive_the_bucket_it_is_in() {
    let (_, buckets) = formatted();
    let (one, other) = (buckets.memory(MemoryId::new(1)), buckets.memory(MemoryId::new(2)));
    one.grow(2 * BUCKET_PAGES);
    one.write(BUCKET_BYTES, b"old");
    one.free_last(1);
    other.grow(1);
    other.write(0, b"theirs");
    one.grow(1);
    one.write(BUCKET_BYTES, b"new");
    let mut bytes = [0; 6];
    other.read(0, &mut bytes);
    assert_eq!(&bytes, b"theirs");
}

/// Bucket 1 is the second of memory 2, and bucket 2 has no owner: checks the offsets of the layout table.
#[test]
fn moved_runs_match_the_layout_table() {
    let (raw, buckets) = formatted();
    let (one, other) = (buckets.memory(MemoryId::new(1)), buckets.memory(MemoryId::new(2)));
    one.grow(3 * BUCKET_PAGES);
    other.grow(1);
    one.free_last(2);
    other.grow(BUCKET_PAGES);
    assert_eq!((buckets.freed(), buckets.size(MemoryId::new(1))), (1, BUCKET_PAGES));
    let page: [u8; 65_536] = read(&raw, 65_536);
    assert_eq!(page[..10], [b'M', b'G', b'R', 2, 4, 0, 0, 1, 1, 0]);
    assert_eq!(page[48..64], [[0, 1, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0, 0]].concat());
    assert_eq!(page[2_080..2_085], [1, 2, 255, 2, 255]);
    assert_eq!(page[34_848..34_856], [1, 0, 1, 0, 1, 0, 0, 0]);
}

#[test]
fn load_rejects_a_memory_shorter_than_its_buckets() {
    let raw = SparseMemory::default();
    let is_damaged = |raw| matches!(Buckets::load(raw), Err(OpenError::Damaged { .. }));
    assert!(is_damaged(raw.clone()));
    raw.grow(FIRST_BUCKET_PAGE - 1);
    assert!(is_damaged(raw.clone()));
    raw.grow(1);
    Buckets::format(raw.clone(), BucketSize::LARGEST).memory(MemoryId::new(1)).grow(2 * BUCKET_PAGES);
    let short = SparseMemory::default();
    short.grow(BucketSize::LARGEST.physical_pages(2) - 1);
    let mut pages = vec![0; (FIRST_BUCKET_PAGE * PAGE_BYTES) as usize];
    raw.read(0, &mut pages);
    short.write(0, &pages);
    assert!(is_damaged(short.clone()));
    short.grow(1);
    assert!(!is_damaged(short.clone()));
    // More buckets than the limit, in a memory that is large enough for them.
    short.grow(BucketSize::LARGEST.physical_pages(MAX_BUCKETS + 1) - short.size());
    short.write(ALLOCATED_AT, &(MAX_BUCKETS as u16 + 1).to_le_bytes());
    short.write(OWNERS_AT, &[1; MAX_BUCKETS as usize]);
    assert!(is_damaged(short));
}

#[test]
fn there_are_32768_buckets_and_no_more() {
    let raw = SparseMemory::default();
    raw.grow(FIRST_BUCKET_PAGE);
    let buckets = Buckets::format(raw.clone(), BucketSize::LARGEST);
    let (one, other) = (buckets.memory(MemoryId::new(1)), buckets.memory(MemoryId::new(2)));
    assert_eq!(one.grow((MAX_BUCKETS - 1) * BUCKET_PAGES), 0);
    assert_eq!(other.grow(BUCKET_PAGES + 1), -1);
    assert_eq!(other.grow(BUCKET_PAGES), 0);
    assert_eq!((one.grow(1), other.grow(1)), (-1, -1));
    assert_eq!(
        (buckets.allocated(), raw.size()),
        (MAX_BUCKETS, BucketSize::LARGEST.physical_pages(MAX_BUCKETS))
    );
    assert_eq!(Buckets::load(raw).unwrap().allocated(), MAX_BUCKETS);
}

/// The result does not depend on the location of the last access.
#[test]
fn fragmented_memory_is_readable_in_any_order() {
    let (_, buckets) = formatted();
    let (one, other) = (buckets.memory(MemoryId::new(1)), buckets.memory(MemoryId::new(2)));
    for memory in [&one, &other, &one, &other, &one] {
        memory.grow(BUCKET_PAGES);
    }
    let offsets: Vec<u64> = (0..3)
        .flat_map(|bucket| [0, 1, BUCKET_BYTES - 1].map(|offset| bucket * BUCKET_BYTES + offset))
        .collect();
    for (value, offset) in (1..).zip(&offsets) {
        one.write(*offset, &[value]);
    }
    let read = |offset| {
        let mut byte = [0];
        one.read(offset, &mut byte);
        byte[0]
    };
    for (last, offset) in
        offsets.iter().flat_map(|last| (1..).zip(&offsets).map(move |offset| (last, offset)))
    {
        read(*last);
        assert_eq!(read(*offset.1), offset.0, "{} after {last}", offset.1);
    }
}

/// When every bucket has an owner and none is moved, the library can open the page again.
#[test]
fn a_page_without_moved_buckets_has_version_1() {
    let (raw, buckets) = formatted();
    let (one, other) = (buckets.memory(MemoryId::new(1)), buckets.memory(MemoryId::new(2)));
    let version = || read::<1>(&raw, VERSION_AT)[0];
    one.grow(3 * BUCKET_PAGES);
    other.grow(BUCKET_PAGES);
    one.free_last(1);
    assert_eq!(version(), MOVED);
    other.grow(BUCKET_PAGES);
    assert_eq!((version(), buckets.state.borrow().moved), (MOVED, 1));
    other.free_last(1);
    one.grow(BUCKET_PAGES);
    assert_eq!(version(), PLAIN);
    assert_eq!(original(&raw).get(memory_manager::MemoryId::new(1)).size(), 3 * BUCKET_PAGES);
}

#[test]
fn load_rejects_moved_runs_that_contradict_the_owners() {
    let (raw, buckets) = formatted();
    let (one, other) = (buckets.memory(MemoryId::new(1)), buckets.memory(MemoryId::new(2)));
    one.grow(3 * BUCKET_PAGES);
    other.grow(BUCKET_PAGES);
    one.free_last(2);
    other.grow(BUCKET_PAGES);
    assert!(Buckets::load(raw.clone()).is_ok());
    // One moved run: bucket 1 is the second of its memory. Bucket 2 has no owner.
    let most = MAX_MOVED as u16;
    let wrong: [(u64, &[u8], u64); 12] = [
        (VERSION_AT, &[PLAIN], OWNERS_AT),
        (MOVED_COUNT_AT, &[0xff, 0xff], MOVED_COUNT_AT),
        (MOVED_COUNT_AT, &(most + 1).to_le_bytes(), MOVED_COUNT_AT),
        (MOVED_COUNT_AT, &most.to_le_bytes(), OWNERS_AT),
        (MOVED_COUNT_AT, &[2], OWNERS_AT),
        (MOVED_AT, &[2], OWNERS_AT),
        (MOVED_AT + 2, &[0], OWNERS_AT),
        (MOVED_AT + 2, &[2], OWNERS_AT),
        (MOVED_AT + 2, &[0xff, 0xff], OWNERS_AT),
        (MOVED_AT + 4, &[0], OWNERS_AT),
        (MOVED_AT + 4, &[2], OWNERS_AT),
        (MOVED_AT + 4, &[0xff, 0xff], OWNERS_AT),
    ];
    for (offset, bytes, reported) in wrong {
        assert_eq!(damage_after(&raw, offset, bytes), reported, "byte {offset}: {bytes:?}");
    }
}

/// A range over the end of a bucket continues in the next bucket of the same memory, wherever that is.
#[test]
fn ranges_over_the_end_of_a_bucket_are_read_and_written() {
    let (_, buckets) = formatted();
    let (one, other) = (buckets.memory(MemoryId::new(1)), buckets.memory(MemoryId::new(2)));
    for memory in [&one, &other, &one, &other] {
        memory.grow(BUCKET_PAGES);
    }
    for (memory, value) in [(&one, 1), (&other, 2)] {
        memory.write(BUCKET_BYTES - 4, &[value; 8]);
        // The last access was in the first bucket, or in the second.
        for last in [0, BUCKET_BYTES] {
            read::<1>(memory, last);
            assert_eq!(read::<10>(memory, BUCKET_BYTES - 5)[..], [&[0][..], &[value; 8], &[0]].concat());
        }
    }
}

/// Only the arena reuses any number of freed buckets: the others have them filled with zeroes.
#[test]
fn the_arena_reuses_buckets_as_they_are() {
    let (_, buckets) = formatted();
    let (arena, other) = (buckets.memory(ARENA), buckets.memory(MemoryId::new(2)));
    assert_eq!((arena.reused(9, 10), arena.reused(9, 8)), (9, 8));
    let most = memory::MAX_CLEARED_BUCKETS;
    assert_eq!(
        (other.reused(most + 1, 100), other.reused(most - 1, 100), other.reused(2, 1)),
        (most, most - 1, 1)
    );
    arena.grow(2 * BUCKET_PAGES);
    arena.write(BUCKET_BYTES, b"old");
    arena.write(2 * BUCKET_BYTES - 3, b"end");
    arena.free_last(1);
    arena.grow(1);
    assert_eq!(read(&arena, BUCKET_BYTES), *b"old");
    arena.free_last(1);
    other.grow(1);
    assert_eq!((read(&other, 0), read(&other, BUCKET_BYTES - 3)), ([0; 3], [0; 3]));
}

/// As many runs can be moved as the page has space for; more freed buckets cannot be reused.
#[test]
fn as_many_runs_are_moved_as_the_page_has_space_for() {
    let size = BucketSize::SMALLEST;
    let (raw, buckets) = formatted_with(size);
    let (arena, one, other) =
        (buckets.memory(ARENA), buckets.memory(MemoryId::new(2)), buckets.memory(MemoryId::new(3)));
    for _ in 0..MAX_MOVED + 10 {
        one.grow(size.pages());
        other.grow(size.pages());
    }
    arena.grow(size.pages());
    one.free_last(MAX_MOVED + 10);
    assert_eq!(buckets.freed(), MAX_MOVED);
    arena.grow((MAX_MOVED - 5) * size.pages());
    assert_eq!((buckets.freed(), buckets.state.borrow().moved), (5, MAX_MOVED - 5));
    let allocated = buckets.allocated();
    arena.grow(7 * size.pages());
    assert_eq!((buckets.allocated(), buckets.freed()), (allocated + 2, 0));
    let reloaded = Buckets::load(raw).unwrap();
    assert_eq!((reloaded.allocated(), reloaded.freed()), (allocated + 2, 0));
    assert_eq!(reloaded.size(MemoryId::new(3)), (MAX_MOVED + 10) * size.pages());
}

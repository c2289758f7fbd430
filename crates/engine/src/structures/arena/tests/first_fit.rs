//! Compares the arena with a naive model of its blocks that finds every free block.
//!
//! The sizes are near the boundaries of the classes, and the arena is filled until a chosen number of bytes
//! is free at its end. There a search by class can miss a block, and a new end is computed.
//! free there: that is where a search by class can miss a block, and where a new end is computed.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::structures::arena::class::Class;
use crate::structures::arena::control::SENTINEL_BYTES;
use crate::structures::arena::{SLOT_BYTES, Transaction, block_bytes};

/// Number of blocks of a class that the search sees.
const SEARCHED: usize = 32;

#[derive(Clone, Debug)]
enum Step {
    /// Allocates a block of this many alignment units.
    Allocate(u64),
    /// Allocates so that this many alignment units remain free at the end, if there are more.
    LeaveAtEnd(u64),
    /// Frees one of the extents, selected by this number.
    Free(usize),
    /// Frees this many buckets at the end, if they are unused.
    Shrink(u64),
}

/// Returns the smallest block of a class and the width of the class, in alignment units.
fn span(class: usize) -> (u64, u64) {
    let (level, part) = (class / 16, class as u64 % 16);
    if level == 0 { (part, 1) } else { ((16 + part) << (level - 1), 1 << (level - 1)) }
}

/// Returns sizes of blocks in alignment units, of one class and slightly beyond its boundaries.
fn of_class(class: usize) -> impl Strategy<Value = u64> {
    let (start, width) = span(class);
    let within = (0..=width).prop_map(move |more| start + more);
    let near = (-4..4i64).prop_map(move |off| start.saturating_add_signed(off).max(1));
    prop_oneof![4 => within, 1 => near]
}

/// Returns lists of steps with blocks of at most `most` bytes. Most sizes of a list are of one class, because
/// the search skips only blocks of the same class.
fn lists(most: u64) -> impl Strategy<Value = Vec<Vec<Step>>> {
    let classes = Class::holding(most).index();
    (classes * 2 / 3..classes).prop_flat_map(move |class| {
        let size = move || prop_oneof![6 => of_class(class), 1 => (1..classes).prop_flat_map(of_class)];
        let step = prop_oneof![
            5 => size().prop_map(Step::Allocate),
            3 => size().prop_map(Step::LeaveAtEnd),
            4 => any::<usize>().prop_map(Step::Free),
            1 => (1..4u64).prop_map(Step::Shrink),
        ];
        vec(vec(step, 1..4), 1..60)
    })
}

/// Every used block with its size, and the offset of the sentinel.
#[derive(Clone, Default)]
struct Naive {
    used: BTreeMap<u64, u64>,
    end: u64,
    bucket: u64,
}

impl Naive {
    /// Returns the free blocks in ascending order.
    fn free(&self) -> Vec<(u64, u64)> {
        let mut free = Vec::new();
        let mut offset = FIRST_BLOCK;
        for (&start, &size) in self.used.iter().chain([(&self.end, &0)]) {
            if start > offset {
                free.push((offset, start - offset));
            }
            offset = start + size;
        }
        free
    }

    fn free_at_end(&self) -> u64 {
        let last = self.free().last().copied();
        last.filter(|(offset, size)| offset + size == self.end).map_or(0, |(_, size)| size)
    }

    /// Removes buckets from the end, if they are free.
    fn shrink(&mut self, buckets: u64) -> bool {
        let bytes = buckets * self.bucket;
        let is_free = self.end > 0 && self.free_at_end() >= bytes;
        self.end -= if is_free { bytes } else { 0 };
        is_free
    }

    /// Records that a block of `size` bytes was allocated at an offset, which must be valid; grows if nothing
    /// fits.
    fn allocate(&mut self, offset: u64, size: u64) {
        if self.end == 0 {
            self.end = FIRST_BLOCK;
        }
        let class = Class::holding(size);
        let fits = self.free().iter().any(|&(_, free)| free >= size);
        let in_class = self.free().iter().filter(|&&(_, free)| Class::holding(free) == class).count();
        let is_free =
            |naive: &Self| naive.free().iter().any(|&(start, free)| start == offset && free >= size);
        if !fits || (in_class > SEARCHED && !is_free(self)) {
            let start = self.end - self.free_at_end();
            self.end = (start + size + SENTINEL_BYTES).next_multiple_of(self.bucket) - SENTINEL_BYTES;
        }
        let free = self.free();
        let block = free.iter().find(|&&(start, _)| start == offset);
        let &(_, free) =
            block.unwrap_or_else(|| panic!("{size} bytes at {offset}, which is not a free block"));
        assert!(free >= size);
        self.used.insert(offset, if free - size < 128 { free } else { size });
    }
}

struct Pair {
    memory: SparseMemory,
    arena: Arena<SparseMemory>,
    naive: Naive,
    lens: BTreeMap<Extent, u64>,
}

impl Pair {
    fn new(bucket: u64) -> Self {
        let memory = SparseMemory::default();
        let arena = Arena::with_bucket(memory.clone(), bucket);
        Self { memory, arena, naive: Naive { bucket, ..Naive::default() }, lens: BTreeMap::new() }
    }

    /// Runs the steps in one transaction.
    fn run(&mut self, steps: &[Step]) {
        let mut transaction = self.arena.begin().unwrap();
        for step in steps {
            match step {
                Step::Allocate(grains) => {
                    allocate_block(&mut transaction, &mut self.naive, &mut self.lens, *grains)
                }
                Step::LeaveAtEnd(grains) => {
                    let more = (self.naive.free_at_end() / ALIGNMENT).saturating_sub(*grains);
                    if more > 0 {
                        allocate_block(&mut transaction, &mut self.naive, &mut self.lens, more);
                    }
                }
                Step::Free(hit) if !self.lens.is_empty() => {
                    let (&extent, &len) = self.lens.iter().nth(hit % self.lens.len()).unwrap();
                    transaction.free(extent, len).unwrap();
                    self.lens.remove(&extent);
                    self.naive.used.remove(&(extent.offset() - 8)).unwrap();
                }
                Step::Free(_) => {}
                Step::Shrink(buckets) => {
                    let shrunk = transaction.pages_to_grow() == 0 && self.naive.shrink(*buckets);
                    assert_eq!(transaction.shrink(*buckets).unwrap(), shrunk);
                }
            }
        }
        transaction.commit();
        self.compare();
    }

    /// Asserts that both have the same blocks and the same end.
    fn compare(&self) {
        let found: Vec<_> =
            check(&self.arena).iter().map(|&(offset, len)| (offset.offset() - 8, len + 8)).collect();
        assert_eq!(found, self.naive.used.iter().map(|(&offset, &size)| (offset, size)).collect::<Vec<_>>());
        let stats = self.arena.stats().unwrap();
        let total = if self.naive.end == 0 { 0 } else { self.naive.end + SENTINEL_BYTES };
        assert_eq!(stats.size_bytes, total);
        // Nothing else uses the buckets that the arena frees in this memory, so they are unchanged when it
        // grows again.
        assert!(self.memory.size() * 65_536 >= total);
        let free = self.naive.free();
        assert_eq!(stats.free_bytes, free.iter().map(|(_, size)| size).sum::<u64>());
        assert_eq!(stats.slots, free.iter().map(|(_, size)| size / SLOT_BYTES).sum::<u64>());
    }
}

fn allocate_block(
    transaction: &mut Transaction<'_, SparseMemory>,
    naive: &mut Naive,
    lens: &mut BTreeMap<Extent, u64>,
    grains: u64,
) {
    let len = (grains * ALIGNMENT - 8).min(crate::structures::arena::MAX_EXTENT_BYTES);
    let extent = transaction.allocate(len).unwrap();
    naive.allocate(extent.offset() - 8, block_bytes(len));
    assert!(lens.insert(extent, len).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// A bucket of one page: the end is reached often.
    #[test]
    fn small_buckets(lists in lists(1 << 14)) {
        run(1 << 16, &lists);
    }

    #[test]
    fn larger_buckets(lists in lists(1 << 18)) {
        run(1 << 20, &lists);
    }

    /// The sizes of the bug that a small domain did not find.
    #[test]
    fn buckets_of_the_real_size(lists in lists(16 << 20)) {
        run(BUCKET_BYTES, &lists);
    }
}

fn run(bucket: u64, lists: &[Vec<Step>]) {
    let mut pair = Pair::new(bucket);
    for steps in lists {
        pair.run(steps);
    }
}

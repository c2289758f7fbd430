//! Prints the utilisation of an arena under churn: millions of extents of mixed sizes are allocated and freed
//! while 70 % of the memory is used.
//!
//! Run it with `scripts/measure-churn.sh`. It is deterministic.

use storage_engine::arena::{Arena, Extent, SLOT_EXTENT_BYTES};
use storage_testkit::SparseMemory;

/// Limit of the arena in bytes, of which 70 % stay in use.
const CAPACITY: u64 = 16 << 30;
const LIVE: u64 = CAPACITY / 10 * 7;
const OPERATIONS: u64 = 4_000_000;
const PAGE_BYTES: u64 = 65_536;

/// A workload: returns the length of an extent.
type Sizes = fn(&mut Random) -> u64;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 24
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Returns a number between 2^low and 2^high, each power of two with the same probability.
    fn magnitude(&mut self, low: u64, high: u64) -> u64 {
        let floor = 1 << (low + self.below(high - low));
        floor + self.below(floor)
    }
}

struct Churn {
    arena: Arena<SparseMemory>,
    held: Vec<(Extent, u64)>,
    live: u64,
    random: Random,
    refused: u64,
}

impl Churn {
    fn new() -> Self {
        let arena = Arena::new(SparseMemory::with_maximum(CAPACITY / PAGE_BYTES));
        Self { arena, held: Vec::new(), live: 0, random: Random(42), refused: 0 }
    }

    /// Runs one operation: allocates an extent while less than the target is used, otherwise frees one.
    fn step(&mut self, sizes: Sizes) {
        if self.live < LIVE { self.take(sizes) } else { self.give_back() }
    }

    fn take(&mut self, sizes: Sizes) {
        let size = sizes(&mut self.random);
        let mut transaction = self.arena.begin().expect("the arena is sound");
        let extent = transaction.allocate(size).expect("the size is within the limits");
        let total = self.arena.stats().expect("the arena is sound").size_bytes;
        if total + transaction.pages_to_grow() * PAGE_BYTES > CAPACITY {
            self.refused += 1;
            self.give_back();
            return;
        }
        transaction.commit();
        self.held.push((extent, size));
        self.live += size;
    }

    fn give_back(&mut self) {
        let chosen = self.random.below(self.held.len() as u64) as usize;
        let (extent, size) = self.held.swap_remove(chosen);
        let mut transaction = self.arena.begin().expect("the arena is sound");
        transaction.free(extent, size).expect("the extent is allocated");
        transaction.commit();
        self.live -= size;
    }

    fn print(&self, name: &str, operations: u64) {
        let stats = self.arena.stats().expect("the arena is sound");
        let share = |part: u64, whole: u64| part as f64 * 100.0 / whole as f64;
        println!(
            "| {name} | {:.1} M | {} | {:.1} % | {:.1} % | {:.1} % | {} |",
            operations as f64 / 1e6,
            self.held.len(),
            share(stats.used_bytes - self.live, stats.used_bytes),
            share(self.live, stats.size_bytes),
            share(stats.largest_free_bytes, stats.free_bytes.max(1)),
            self.refused,
        );
    }
}

fn main() {
    let workloads: [(&str, Sizes); 4] = [
        ("4 KiB to 128 KiB", |random| random.magnitude(12, 17)),
        ("4 KiB to 2 MiB", |random| random.magnitude(12, 21)),
        ("64 KiB to 15.5 MiB", |random| random.magnitude(16, 24).min(SLOT_EXTENT_BYTES)),
        ("half of them 15.5 MiB", |random| {
            if random.below(2) == 0 { SLOT_EXTENT_BYTES } else { random.magnitude(12, 21) }
        }),
    ];
    println!(
        "| extents | operations | held | tags and rounding | live of what has grown | largest of the free | refused |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, sizes) in workloads {
        let mut churn = Churn::new();
        for operation in 1..=OPERATIONS {
            churn.step(sizes);
            if operation == OPERATIONS / 4 || operation == OPERATIONS {
                churn.print(name, operation);
            }
        }
        let mut problems = Vec::new();
        churn.arena.check(&mut |_, _| {}, &mut problems);
        assert_eq!(problems, [], "the arena is sound after the churn");
    }
}

//! Compares random transactions with a model: a map from extents to their contents.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::structures::arena::MAX_EXTENT_BYTES;

/// Largest size of the model's memory, in pages: small, so that it is often full.
const MAX_PAGES: u64 = 4 * 256;

#[derive(Clone, Debug)]
enum Step {
    Allocate(u64),
    /// Frees one of the extents, selected by this number.
    Free(usize),
}

#[derive(Clone, Debug)]
enum Op {
    Commit(Vec<Step>),
    Abandon(Vec<Step>),
    /// Drops the arena and opens it again, as an upgrade does.
    Reopen,
}

fn len() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => 1..=64u64,
        3 => 65..=4_096u64,
        2 => 4_097..=300_000u64,
        1 => (1 << 20)..=MAX_EXTENT_BYTES,
        1 => prop::sample::select(vec![1, 24, 25, 504, 505, 2_048, MAX_EXTENT_BYTES - 1, MAX_EXTENT_BYTES]),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![5 => len().prop_map(Step::Allocate), 4 => any::<usize>().prop_map(Step::Free)];
    vec(step, 1..6)
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![6 => steps().prop_map(Op::Commit), 2 => steps().prop_map(Op::Abandon), 1 => Just(Op::Reopen)]
}

/// The allocated length of an extent, and the seed of its contents.
#[derive(Clone, Copy)]
struct Owned {
    len: u64,
    stamp: u64,
}

struct Model {
    memory: SparseMemory,
    arena: Arena<SparseMemory>,
    extents: BTreeMap<Extent, Owned>,
    next_stamp: u64,
}

impl Model {
    fn new() -> Self {
        let memory = SparseMemory::with_maximum(MAX_PAGES);
        Self { arena: Arena::new(memory.clone()), memory, extents: BTreeMap::new(), next_stamp: 1 }
    }

    fn run(&mut self, op: &Op) {
        match op {
            Op::Commit(steps) => self.transact(steps, true),
            Op::Abandon(steps) => self.transact(steps, false),
            Op::Reopen => self.arena = Arena::new(self.memory.clone()),
        }
        self.compare();
    }

    /// Runs the steps, and commits them if that is requested and the memory is large enough.
    fn transact(&mut self, steps: &[Step], wanted: bool) {
        let before = self.memory.copy();
        let mut after = self.extents.clone();
        let mut transaction = self.arena.begin().unwrap();
        for step in steps {
            self.next_stamp += 1;
            take_step(&mut transaction, step, &mut after, self.next_stamp);
        }
        assert!(self.memory.same_as(&before), "nothing is written before the commit");
        if !wanted || self.memory.size() + transaction.pages_to_grow() > MAX_PAGES {
            return;
        }
        transaction.commit();
        for (&extent, owned) in after.iter().filter(|(_, owned)| owned.is_new(&self.extents)) {
            owned.each_piece(|offset, bytes| self.arena.write(extent, offset, bytes));
        }
        self.extents = after;
    }

    /// Asserts that the arena has exactly the model's extents, that they do not overlap, and that their
    /// contents match.
    fn compare(&self) {
        let found = check(&self.arena);
        let expected: Vec<Extent> = self.extents.keys().copied().collect();
        assert_eq!(found.iter().map(|&(extent, _)| extent).collect::<Vec<_>>(), expected);
        for (&(extent, capacity), owned) in found.iter().zip(self.extents.values()) {
            assert!(capacity >= owned.len && capacity < owned.len + 32 + 128);
            owned.each_piece(|offset, bytes| {
                let mut read = vec![0; bytes.len()];
                self.arena.read(extent, offset, &mut read).unwrap();
                assert_eq!(read, bytes, "{extent:?} at {offset}");
            });
        }
    }

    fn free_everything(&mut self) {
        while let Some((extent, owned)) = self.extents.pop_first() {
            free(&self.arena, extent, owned.len);
        }
        if self.memory.size() > 0 {
            assert_all_free(&self.arena);
        }
    }
}

fn take_step(
    transaction: &mut crate::structures::arena::Transaction<'_, SparseMemory>,
    step: &Step,
    extents: &mut BTreeMap<Extent, Owned>,
    stamp: u64,
) {
    match step {
        Step::Allocate(len) => {
            let extent = transaction.allocate(*len).unwrap();
            assert!(extents.insert(extent, Owned { len: *len, stamp }).is_none(), "allocated twice");
        }
        Step::Free(hit) if !extents.is_empty() => {
            let (&extent, &owned) = extents.iter().nth(hit % extents.len()).unwrap();
            transaction.free(extent, owned.len).unwrap();
            extents.remove(&extent);
        }
        Step::Free(_) => {}
    }
}

impl Owned {
    fn is_new(&self, before: &BTreeMap<Extent, Owned>) -> bool {
        before.values().all(|owned| owned.stamp != self.stamp)
    }

    /// Calls `piece` with the start and the end of the contents, which a wrong write of the allocator would
    /// overwrite.
    fn each_piece(&self, mut piece: impl FnMut(u64, &[u8])) {
        let short = self.len.min(64);
        for start in [0, self.len - short] {
            let bytes: Vec<u8> =
                (start..start + short).map(|offset| (self.stamp * 31 + offset) as u8).collect();
            piece(start, &bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_arena_is_a_map_of_extents(ops in vec(op(), 1..40)) {
        let mut model = Model::new();
        for op in &ops {
            model.run(op);
        }
        model.free_everything();
    }
}

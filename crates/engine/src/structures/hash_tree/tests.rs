//! The tree against the `RbTree` of ic-certified-map, which is on the heap: the same digests and witnesses after every change.

use std::collections::BTreeMap;

use ic_certified_map::{AsHashTree, HashTree as ReferenceTree, RbTree};
use ic_stable_structures::VectorMemory;
use proptest::prelude::*;
use serde::Serialize as _;

mod damage;

use super::hash::EMPTY;
use super::slot::{MAX_LABEL, Slot, SlotNumber};
use super::*;
use crate::base::layout::PAGE_BYTES;

/// The reference: a digest, or a nested tree.
enum Value {
    Digest(Digest),
    Tree(RbTree<Vec<u8>, Value>),
}

impl AsHashTree for Value {
    fn root_hash(&self) -> Digest {
        match self {
            Self::Digest(digest) => *digest,
            Self::Tree(tree) => tree.root_hash(),
        }
    }

    fn as_hash_tree(&self) -> ReferenceTree<'_> {
        match self {
            Self::Digest(digest) => ReferenceTree::Pruned(*digest),
            Self::Tree(tree) => tree.as_hash_tree(),
        }
    }
}

type Reference = RbTree<Vec<u8>, Value>;

fn set(tree: &mut Reference, path: &[&[u8]], digest: Digest) {
    let (label, rest) = path.split_first().unwrap();
    if rest.is_empty() {
        return tree.insert(label.to_vec(), Value::Digest(digest));
    }
    match tree.get(label) {
        Some(Value::Tree(_)) => tree.modify(label, |value| match value {
            Value::Tree(nested) => set(nested, rest, digest),
            Value::Digest(_) => unreachable!(),
        }),
        _ => {
            let mut nested = Reference::new();
            set(&mut nested, rest, digest);
            tree.insert(label.to_vec(), Value::Tree(nested));
        }
    }
}

fn remove(tree: &mut Reference, path: &[&[u8]]) {
    let (label, rest) = path.split_first().unwrap();
    let mut is_empty = rest.is_empty();
    if !rest.is_empty() {
        tree.modify(label, |value| {
            if let Value::Tree(nested) = value {
                remove(nested, rest);
                is_empty = nested.is_empty();
            }
        });
    }
    if is_empty {
        tree.delete(label);
    }
}

fn witness<'a>(tree: &'a Reference, path: &'a [&'a [u8]]) -> ReferenceTree<'a> {
    let (label, rest) = path.split_first().unwrap();
    tree.nested_witness(label, |value| match value {
        Value::Tree(nested) if !rest.is_empty() => witness(nested, rest),
        _ => ReferenceTree::Pruned(value.root_hash()),
    })
}

fn encoded(tree: &ReferenceTree<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut serializer = serde_cbor::Serializer::new(&mut bytes);
    serializer.self_describe().unwrap();
    tree.serialize(&mut serializer).unwrap();
    bytes
}

/// A tree whose header is in another memory.
struct Fixture {
    memory: VectorMemory,
    home: VectorMemory,
    tree: Tree<VectorMemory>,
}

impl Fixture {
    fn new() -> Self {
        let (memory, home) = (VectorMemory::default(), VectorMemory::default());
        ic_stable_structures::Memory::grow(&home, 1);
        Self { tree: Tree::open(memory.clone(), (home.clone(), 128), 1).unwrap(), memory, home }
    }

    fn reopen(&mut self) {
        self.tree = Tree::open(self.memory.clone(), (self.home.clone(), 128), 1).unwrap();
    }

    fn change(&self, run: impl FnOnce(&mut Change<'_, VectorMemory>)) -> Digest {
        let mut change = self.tree.begin();
        run(&mut change);
        let digest = change.compute();
        change.commit();
        assert_eq!(self.tree.digest(), digest);
        digest
    }

    fn leaves(&self) -> Result<BTreeMap<Vec<Vec<u8>>, Digest>, Vec<crate::Problem>> {
        let (mut problems, mut leaves) = (Vec::new(), BTreeMap::new());
        self.tree.check(&mut problems, &mut |path, digest| {
            leaves.insert(path.to_vec(), digest);
            Ok(())
        });
        if problems.is_empty() { Ok(leaves) } else { Err(problems) }
    }

    fn slots(&self) -> u32 {
        self.tree.header.get().slots
    }

    /// Changes a slot, with a valid check.
    fn damage(&self, number: SlotNumber, change: impl FnOnce(&mut Slot)) {
        let mut slot = Slot::EMPTY;
        self.tree.read(number, &mut slot).unwrap();
        change(&mut slot);
        let offset = number.offset() as usize;
        self.memory.borrow_mut()[offset..offset + slot::SLOT].copy_from_slice(slot.sealed());
    }
}

/// Labels that differ in the node, after it, in their length only, and in the last of their slots.
fn label(number: u8) -> Vec<u8> {
    match number {
        0 => Vec::new(),
        1..100 => format!("{number}").into_bytes(),
        100..120 => [vec![b'a'; slot::INLINE_LABEL], vec![b'b'; usize::from(number) - 100]].concat(),
        120..130 => [vec![b'a'; 400], vec![number]].concat(),
        _ => [vec![b'c'; MAX_LABEL - 1], vec![number]].concat(),
    }
}

fn a_path() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let number = prop_oneof![4 => 0..20u8, 2 => 95..125u8, 1 => 128..135u8];
    prop::collection::vec(number.prop_map(label), 1..4)
}

fn borrowed(path: &[Vec<u8>]) -> Vec<&[u8]> {
    path.iter().map(Vec::as_slice).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<(Vec<Vec<u8>>, u8)>),
    Remove(Vec<Vec<u8>>),
    Reopen,
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => prop::collection::vec((a_path(), any::<u8>()), 1..4).prop_map(Step::Set),
        3 => a_path().prop_map(Step::Remove),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #[test]
    fn digests_and_witnesses_equal_those_of_the_reference(
        steps in prop::collection::vec(a_step(), 1..60),
        asked in prop::collection::vec(a_path(), 10),
    ) {
        let (mut fixture, mut reference) = (Fixture::new(), Reference::new());
        for step in &steps {
            match step {
                Step::Set(sets) => {
                    fixture.change(|change| for (path, byte) in sets {
                        change.set(&borrowed(path), [*byte; 32]).unwrap();
                    });
                    sets.iter().for_each(|(path, byte)| set(&mut reference, &borrowed(path), [*byte; 32]));
                }
                Step::Remove(path) => {
                    let mut was_there = false;
                    fixture.change(|change| was_there = change.remove(&borrowed(path)).unwrap());
                    if was_there {
                        remove(&mut reference, &borrowed(path));
                    }
                }
                Step::Reopen => fixture.reopen(),
            }
            prop_assert_eq!(fixture.tree.digest(), reference.root_hash());
        }
        let leaves = fixture.leaves().unwrap();
        for path in asked.iter().chain(leaves.keys().take(5)) {
            let path = borrowed(path);
            let shown = HashTree::Pruned(fixture.tree.get(&path).unwrap().unwrap_or_default());
            let proof = fixture.tree.witness(&path, shown).unwrap();
            prop_assert_eq!(proof.digest(), fixture.tree.digest());
            if !reference.is_empty() {
                prop_assert_eq!(proof.to_cbor(), encoded(&witness(&reference, &path)), "{:?}", path);
            }
        }
    }

    #[test]
    fn witnesses_of_ranges_equal_those_of_the_reference(
        numbers in prop::collection::btree_set(0..140u8, 0..40),
        first in 0..140u8,
        last in 0..140u8,
    ) {
        let (fixture, mut reference) = (Fixture::new(), RbTree::<Vec<u8>, Vec<u8>>::new());
        fixture.change(|change| for &number in &numbers {
            change.set(&[&label(number)], leaf(&[number])).unwrap();
        });
        numbers.iter().for_each(|&number| reference.insert(label(number), vec![number]));
        let (first, last) = (label(first).min(label(last)), label(first).max(label(last)));
        let mut show = |label: &[u8], _| {
            let number = numbers.iter().find(|&&number| self::label(number) == label).unwrap();
            Ok(HashTree::Leaf(vec![*number]))
        };
        let proof = fixture.tree.witness_of_range(&[], &first, &last, &mut show).unwrap();
        prop_assert_eq!(proof.to_cbor(), encoded(&reference.value_range(&first, &last)));
    }
}

#[test]
fn labels_in_order_and_in_reverse_make_the_trees_of_the_reference() {
    let up: Vec<u32> = (0..600).collect();
    let down: Vec<u32> = (0..600).rev().collect();
    for order in [up, down] {
        let (fixture, mut reference) = (Fixture::new(), Reference::new());
        for number in &order {
            let label = number.to_be_bytes();
            fixture.change(|change| change.set(&[&label], leaf(&label)).unwrap());
            set(&mut reference, &[&label], leaf(&label));
            assert_eq!(fixture.tree.digest(), reference.root_hash(), "{number}");
        }
        for number in order.iter().rev().chain(&[7]) {
            let label = number.to_be_bytes();
            fixture.change(|change| {
                assert_eq!(change.remove(&[&label]).unwrap(), reference.get(&label).is_some())
            });
            remove(&mut reference, &[&label]);
            assert_eq!(fixture.tree.digest(), reference.root_hash(), "{number}");
            fixture.leaves().unwrap();
        }
        assert!(fixture.tree.digest() == EMPTY);
    }
}

#[test]
fn a_removed_tree_is_reused_slot_by_slot() {
    let fixture = Fixture::new();
    let fill = |change: &mut Change<'_, _>| {
        for number in 0..300u32 {
            let long = [vec![b'x'; 300], number.to_be_bytes().to_vec()].concat();
            change.set(&[b"tree", &long, b"a"], leaf(&number.to_be_bytes())).unwrap();
        }
    };
    fixture.change(|change| change.set(&[b"other"], [1; 32]).unwrap());
    fixture.change(fill);
    let (digest, slots) = (fixture.tree.digest(), fixture.slots());
    // In one step, whatever is under the label: it reads and writes a handful of slots.
    let mut change = fixture.tree.begin();
    assert!(change.remove(&[b"tree"]).unwrap());
    change.compute();
    change.commit();
    assert_eq!(fixture.leaves().unwrap().len(), 1);
    for _ in 0..3 {
        fixture.change(fill);
        assert_eq!(fixture.slots(), slots, "every slot of the removed tree is used again");
        assert_eq!(fixture.leaves().unwrap().len(), 301);
        assert_eq!(fixture.tree.digest(), digest);
        fixture.change(|change| assert!(change.remove(&[b"tree"]).unwrap()));
    }
    fixture.change(|change| assert!(change.remove(&[b"other"]).unwrap()));
    assert_eq!((fixture.tree.digest(), fixture.slots()), (EMPTY, slots));
}

#[test]
fn a_value_takes_the_place_of_a_tree_and_the_other_way_round() {
    let fixture = Fixture::new();
    fixture.change(|change| change.set(&[b"a", b"b"], [1; 32]).unwrap());
    fixture.change(|change| change.set(&[b"a"], [2; 32]).unwrap());
    assert_eq!(fixture.leaves().unwrap(), BTreeMap::from([(vec![b"a".to_vec()], [2; 32])]));
    fixture.change(|change| change.set(&[b"a", b"c"], [3; 32]).unwrap());
    assert_eq!(fixture.leaves().unwrap(), BTreeMap::from([(vec![b"a".to_vec(), b"c".to_vec()], [3; 32])]));
    assert_eq!(fixture.tree.get(&[b"a", b"b"]).unwrap(), None);
    fixture.change(|change| assert!(!change.remove(&[b"a", b"b"]).unwrap()));
}

#[test]
fn a_change_that_is_dropped_changes_nothing() {
    let fixture = Fixture::new();
    fixture.change(|change| change.set(&[b"a"], [1; 32]).unwrap());
    let before = (fixture.tree.digest(), fixture.slots());
    let mut change = fixture.tree.begin();
    change.set(&[b"b"], [1; 32]).unwrap();
    change.compute();
    drop(change);
    fixture.leaves().unwrap();
    assert_eq!((fixture.tree.digest(), fixture.slots()), before);
}

#[test]
fn a_change_tells_the_pages_that_it_leaves_unused() {
    const SLOTS: u32 = PAGE_BYTES as u32 / slot::SLOT as u32;
    let (memory, home) = (VectorMemory::default(), VectorMemory::default());
    ic_stable_structures::Memory::grow(&home, 1);
    let tree = Tree::open(memory, (home, 128), 3).unwrap();
    assert_eq!(tree.unused_pages(), 0);
    // Slot 0 is not used, so that many more slots are.
    for (labels, unused) in [(1, 2), (SLOTS - 1, 2), (SLOTS, 1), (2 * SLOTS, 0), (3 * SLOTS, 2)] {
        let mut change = tree.begin();
        for number in 0..labels {
            change.set(&[&number.to_be_bytes()], [1; 32]).unwrap();
        }
        assert_eq!(change.unused_pages(), unused, "{labels} labels");
        change.compute();
        change.commit();
        assert_eq!(tree.unused_pages(), unused, "{labels} labels");
    }
}

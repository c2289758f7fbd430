//! Trees that are not sound: every damage is reported, and no operation panics, hangs or overflows the stack.

use super::super::change::MAX_PATH;
use super::super::slot::{Kept, Link};
use super::super::tree::{MAX_LEVELS, Steps};
use super::*;

/// Every byte of a tree that was flipped is reported, and no operation panics, hangs or overflows the stack on it.
#[test]
fn every_flipped_byte_is_reported() {
    let mut fixture = Fixture::new();
    fixture.change(|change| {
        for number in 0..6 {
            change.set(&[&label(number), &label(100 + number)], [number; 32]).unwrap();
        }
    });
    fixture.change(|change| assert!(change.remove(&[&label(3)]).unwrap()));
    let used = fixture.slots() as usize * slot::SLOT;
    assert!(used < PAGE_BYTES as usize);
    for offset in slot::SLOT..used {
        fixture.memory.borrow_mut()[offset] ^= 0x11;
        assert!(fixture.leaves().is_err(), "offset {offset}");
        for number in 0..6 {
            let (long, other) = (label(number), label(100 + number));
            let mut change = fixture.tree.begin();
            let _ = change.set(&[&long, &other], [9; 32]).and_then(|()| change.remove(&[&long]));
            let _ = fixture.tree.witness(&[&long, &other], HashTree::Empty);
        }
        fixture.memory.borrow_mut()[offset] ^= 0x11;
    }
    for offset in 128..128 + HEADER_BYTES {
        fixture.home.borrow_mut()[offset] ^= 0x11;
        let opened = Tree::open(fixture.memory.clone(), (fixture.home.clone(), 128), 1);
        assert!(opened.is_err(), "offset {offset} of the header");
        fixture.home.borrow_mut()[offset] ^= 0x11;
    }
    fixture.reopen();
    fixture.leaves().unwrap();
}

/// Links in a circle, with a valid check, end in an error.
#[test]
fn links_in_a_circle_are_an_error() {
    let fixture = Fixture::new();
    fixture.change(|change| (0..7u8).for_each(|number| change.set(&[&[number]], [number; 32]).unwrap()));
    let slots = fixture.slots();
    for number in 1..slots {
        let sound = fixture.tree.node(SlotNumber(number)).unwrap();
        for target in 1..slots {
            for link in [Link::Left, Link::Right, Link::Tree] {
                if sound.link(link) == SlotNumber(target) {
                    continue;
                }
                fixture.damage(SlotNumber(number), |node| node.set_link(link, SlotNumber(target)));
                assert!(fixture.leaves().is_err());
                for label in 0..8u8 {
                    let mut change = fixture.tree.begin();
                    if change.remove(&[&[label]]).and_then(|_| change.set(&[&[label + 1]], [1; 32])).is_ok() {
                        change.compute();
                    }
                    let _ = fixture.tree.witness(&[&[label]], HashTree::Empty);
                    let _ = fixture.tree.witness_of_range(&[], &[], &[9], &mut |_, tree| Ok(tree));
                }
                fixture.damage(SlotNumber(number), |node| *node = sound.clone());
            }
        }
    }
    fixture.leaves().unwrap();
}

/// A tree of labels of one byte: 4; 2, 6; 1, 3, 5, 7. All nodes are black.
fn perfect() -> Fixture {
    let fixture = Fixture::new();
    fixture.change(|change| (1..=7u8).for_each(|number| change.set(&[&[number]], [number; 32]).unwrap()));
    fixture
}

impl Fixture {
    /// Returns the number of the node of a label.
    fn node_of(&self, label: &[u8]) -> SlotNumber {
        let is_it = |number: &SlotNumber| {
            let node = self.tree.node(*number);
            node.is_ok_and(|node| node.inline_label() == label)
        };
        (1..self.slots()).map(SlotNumber).find(is_it).unwrap()
    }

    /// Changes the node of a label, and returns what the check says.
    fn problem_after(&self, label: &[u8], change: impl FnOnce(&mut Slot)) -> String {
        self.damage(self.node_of(label), change);
        self.problem()
    }

    /// Returns what the check says of the tree.
    fn problem(&self) -> String {
        let [problem] = self.leaves().unwrap_err().try_into().unwrap();
        problem.what
    }
}

const SHAPE: &str = "hash tree: the tree is not balanced";
const ORDER: &str = "hash tree: labels are out of order";
const DIGEST: &str = "hash tree: a digest is not that of what is under it";

#[test]
fn a_red_root_a_red_right_child_and_a_red_pair_are_reported() {
    assert_eq!(perfect().problem_after(&[4], |node| node.set_red(true)), SHAPE, "the root");
    let tree = perfect();
    for label in [1, 3] {
        tree.damage(tree.node_of(&[label]), |node| node.set_red(true));
    }
    assert_eq!(tree.problem(), SHAPE, "both sides have the same height, and 3 is a right child");
    let tree = perfect();
    // A chain: 3 above 2 above 1, of which the upper one alone is black.
    let (root, middle, last) = (tree.node_of(&[4]), tree.node_of(&[2]), tree.node_of(&[1]));
    for (number, below) in [(root, middle), (middle, last), (last, SlotNumber::NONE)] {
        tree.damage(number, |node| {
            node.set_link(Link::Left, below);
            node.set_link(Link::Right, SlotNumber::NONE);
            node.set_red(number != root);
        });
    }
    assert_eq!(tree.problem(), SHAPE, "a red node with a red child");
}

#[test]
fn a_side_with_more_black_nodes_is_reported() {
    let tree = Fixture::new();
    tree.change(|change| (1..=2u8).for_each(|number| change.set(&[&[number]], [1; 32]).unwrap()));
    assert_eq!(tree.problem_after(&[1], |node| node.set_red(false)), SHAPE, "the left child of two");
    assert_eq!(perfect().problem_after(&[2], |node| node.set_red(true)), SHAPE, "the left side of seven");
}

#[test]
fn labels_out_of_order_on_one_side_are_reported() {
    // Gives a node the label and the value of another one, as a leaf.
    let replace = |tree: &Fixture, number: SlotNumber, other: &Slot| {
        tree.damage(number, |node| {
            node.take_label_and_value(other);
            node.set_digest(Kept::Joined, other.digest(Kept::Labeled));
        });
    };
    for (one, other) in [(1, 5), (1, 2), (3, 2), (5, 6), (7, 6)] {
        let tree = perfect();
        let (one_at, other_at) = (tree.node_of(&[one]), tree.node_of(&[other]));
        let (first, second) = (tree.tree.node(one_at).unwrap(), tree.tree.node(other_at).unwrap());
        replace(&tree, one_at, &second);
        replace(&tree, other_at, &first);
        assert_eq!(tree.problem(), ORDER, "{one} and {other} are exchanged");
    }
    for leaf in [1, 3] {
        let tree = perfect();
        let second = tree.tree.node(tree.node_of(&[2])).unwrap();
        replace(&tree, tree.node_of(&[leaf]), &second);
        assert_eq!(tree.problem(), ORDER, "2 is there twice");
    }
}

/// Each digest that a node keeps, also those that the digest of the whole does not depend on.
#[test]
fn every_digest_that_is_not_the_right_one_is_reported() {
    for kept in [Kept::Value, Kept::Left, Kept::Right, Kept::Labeled, Kept::Joined] {
        let tree = perfect();
        tree.change(|change| change.set(&[&[4], b"nested"], [9; 32]).unwrap());
        tree.leaves().unwrap();
        assert_eq!(tree.problem_after(&[4], |node| node.set_digest(kept, &[0; 32])), DIGEST, "{kept:?}");
    }
}

#[test]
fn the_longest_path_is_sound_and_a_longer_one_is_reported() {
    let tree = Fixture::new();
    let path: Vec<[u8; 1]> = (1..=MAX_PATH as u8).map(|label| [label]).collect();
    let path: Vec<&[u8]> = path.iter().map(|label| &label[..]).collect();
    tree.change(|change| change.set(&path, [1; 32]).unwrap());
    assert_eq!(tree.leaves().unwrap().len(), 1);
    let first = tree.node_of(path[0]);
    assert_eq!(tree.problem_after(path[MAX_PATH - 1], |node| node.set_link(Link::Tree, first)), SHAPE);
}

/// The bound keeps the check from overflowing the stack: what comes after the last level is not looked at.
#[test]
fn more_levels_than_a_tree_can_have_are_reported() {
    for link in [Link::Left, Link::Right] {
        let tree = Fixture::new();
        let labels = 1..=MAX_LEVELS as u8 + 2;
        tree.change(|change| labels.clone().for_each(|label| change.set(&[&[label]], [1; 32]).unwrap()));
        let root = tree.tree.header.get().root;
        let others = labels.map(|label| tree.node_of(&[label])).filter(|number| *number != root);
        let chain: Vec<_> = std::iter::once(root).chain(others).collect();
        for (at, number) in chain.iter().enumerate() {
            let next = chain.get(at + 1).copied().unwrap_or_default();
            tree.damage(*number, |node| {
                for side in [Link::Left, Link::Right] {
                    node.set_link(side, if side == link { next } else { SlotNumber::NONE });
                }
            });
        }
        assert_eq!(tree.problem(), "hash tree: more levels than a tree can have");
    }
}

#[test]
fn a_tree_has_at_most_64_levels() {
    assert_eq!(Steps::at(MAX_LEVELS, SlotNumber::NONE), Ok(()));
    for level in [MAX_LEVELS + 1, u32::MAX] {
        assert!(Steps::at(level, SlotNumber::NONE).is_err(), "{level}");
    }
}

#[test]
fn a_link_out_of_the_tree_is_reported() {
    let tree = perfect();
    for target in [tree.slots(), PAGE_BYTES as u32] {
        let problem = tree.problem_after(&[4], |node| node.set_link(Link::Left, SlotNumber(target)));
        assert_eq!(problem, "hash tree: a link points to a slot outside the tree");
    }
}

/// The rest of a label is in other slots, whose lengths and kinds must fit.
#[test]
fn a_label_whose_parts_do_not_fit_is_an_error() {
    const LONG: usize = slot::INLINE_LABEL + slot::LABEL_PART + 10;
    let damaged = |damage: &dyn Fn(&Fixture, SlotNumber, SlotNumber)| {
        let tree = Fixture::new();
        tree.change(|change| {
            change.set(&[&[7; LONG]], [1; 32]).unwrap();
            change.set(&[&[8; 10]], [1; 32]).unwrap();
        });
        let long = tree.node_of(&[7; slot::INLINE_LABEL]);
        let part = tree.tree.node(long).unwrap().link(Link::Rest);
        let mut first = Slot::EMPTY;
        tree.tree.read(part, &mut first).unwrap();
        damage(&tree, part, first.link(Link::Rest));
        tree.tree.label(&tree.tree.node(long).unwrap())
    };
    let expect_error = |damage: &dyn Fn(&Fixture, SlotNumber, SlotNumber)| {
        let result = damaged(damage);
        assert!(matches!(result, Err(stable_storage_api::Error::Corrupted { .. })), "{result:?}");
    };
    assert_eq!(damaged(&|_, _, _| ()), Ok(vec![7; LONG]));
    // A node of the right length where the last part should be, and after the end of the label.
    let other = |tree: &Fixture| tree.node_of(&[8; 10]);
    expect_error(&|tree, part, _| tree.damage(part, |part| part.set_link(Link::Rest, other(tree))));
    expect_error(&|tree, _, last| tree.damage(last, |last| last.set_link(Link::Rest, other(tree))));
    // A part without bytes, where those of the next one would suffice.
    expect_error(&|tree, part, last| {
        tree.damage(part, |part| part.become_label_part(b"", last));
        let long = tree.node_of(&[7; slot::INLINE_LABEL]);
        tree.damage(long, |node| node.become_node(&[7; slot::INLINE_LABEL + 10], part));
    });
    for bytes in [9, 11] {
        let part = vec![7; bytes];
        expect_error(&|tree, _, last| {
            tree.damage(last, |last| last.become_label_part(&part, SlotNumber::NONE));
        });
    }
}

/// A node with one black child would lose what is under it.
#[test]
fn a_node_with_one_black_child_is_not_removed() {
    for (without, removed, link) in [(4, 4, Link::Right), (2, 2, Link::Right), (6, 4, Link::Left)] {
        let tree = perfect();
        tree.damage(tree.node_of(&[without]), |node| node.set_link(link, SlotNumber::NONE));
        let result = tree.tree.begin().remove(&[&[removed]]);
        assert!(matches!(result, Err(stable_storage_api::Error::Corrupted { .. })), "{without}: {result:?}");
    }
}

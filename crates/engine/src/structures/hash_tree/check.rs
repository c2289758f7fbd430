//! Checks a whole tree.

use std::collections::BTreeSet;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::change::MAX_PATH;
use super::hash::{Digest, EMPTY, fork, labeled};
use super::slot::{Kept, Kind, Link, Slot, SlotNumber};
use super::tree::{Steps, Tree, damaged};
use crate::base::problem::Problem;

/// What is done with each value: it is passed the path and the digest.
pub(crate) type CheckLeaf<'f> = dyn FnMut(&[Vec<u8>], Digest) -> Result<(), Error> + 'f;

/// What the check of one tree returns: its digest, its black height, and its smallest and largest label.
struct Checked {
    digest: Digest,
    black_height: u32,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl<M: Memory> Tree<M> {
    /// Checks every slot: the digests, the order of the labels, the shape of the trees, and that each slot is either in a tree or
    /// free. Returns whether the tree is sound. `leaf` is passed the path and the digest of each value, in order.
    pub(crate) fn check(&self, problems: &mut Vec<Problem>, leaf: &mut CheckLeaf<'_>) -> bool {
        match self.check_all(leaf) {
            Ok(()) => true,
            Err(error) => {
                problems.push(Problem::from(error));
                false
            }
        }
    }

    fn check_all(&self, leaf: &mut CheckLeaf<'_>) -> Result<(), Error> {
        let header = self.header.get();
        let mut walk = Walk { tree: self, path: Vec::new(), visited: BTreeSet::new(), leaf };
        let digest = match header.root {
            SlotNumber::NONE => EMPTY,
            root => walk.check_tree(root)?,
        };
        if digest != header.digest {
            return Err(Error::corrupted("hash tree: the digest differs from the one in the header", 0));
        }
        walk.check_free(header.free)?;
        if walk.visited.len() as u64 + 1 != u64::from(header.slots) {
            return Err(Error::corrupted("hash tree: a slot is neither in the tree nor free", 0));
        }
        Ok(())
    }
}

/// A walk over all slots of a tree.
struct Walk<'w, 'f, M: Memory> {
    tree: &'w Tree<M>,
    /// The labels above the tree that is being checked.
    path: Vec<Vec<u8>>,
    visited: BTreeSet<SlotNumber>,
    leaf: &'w mut CheckLeaf<'f>,
}

impl<M: Memory> Walk<'_, '_, M> {
    /// Checks the tree at the path, and returns its digest.
    fn check_tree(&mut self, root: SlotNumber) -> Result<Digest, Error> {
        if self.path.len() >= MAX_PATH || self.tree.node(root)?.is_red() {
            return Err(shape(root));
        }
        Ok(self.check_subtree(root, 0)?.digest)
    }

    fn check_subtree(&mut self, number: SlotNumber, level: u32) -> Result<Checked, Error> {
        Steps::at(level, number)?;
        self.visit(number)?;
        let node = self.tree.node(number)?;
        let label = self.tree.label(&node)?;
        self.visit_label(&node)?;
        let left = self.check_child(node.link(Link::Left), level + 1)?;
        self.path.push(label);
        let value = match node.link(Link::Tree) {
            SlotNumber::NONE => {
                let digest = *node.digest(Kept::Value);
                (self.leaf)(&self.path, digest)?;
                digest
            }
            tree => self.check_tree(tree)?,
        };
        let label = self.path.pop().expect("the label was pushed");
        let right = self.check_child(node.link(Link::Right), level + 1)?;
        self.check_shape(number, &node, left.as_ref(), right.as_ref())?;
        let is_ordered = left.as_ref().is_none_or(|left| left.last < label)
            && right.as_ref().is_none_or(|right| label < right.first);
        if !is_ordered {
            return Err(Error::corrupted("hash tree: labels are out of order", number.offset()));
        }
        let digest = check_digests(number, &node, &label, &value, left.as_ref(), right.as_ref())?;
        let black_height = left.as_ref().map_or(0, |left| left.black_height) + u32::from(!node.is_red());
        let first = left.map_or_else(|| label.clone(), |left| left.first);
        let last = right.map_or(label, |right| right.last);
        Ok(Checked { digest, black_height, first, last })
    }

    fn check_child(&mut self, number: SlotNumber, level: u32) -> Result<Option<Checked>, Error> {
        if number.is_none() {
            return Ok(None);
        }
        self.check_subtree(number, level).map(Some)
    }

    /// Checks that a red node is a left child without red children, and that both sides have the same black height.
    fn check_shape(
        &self,
        number: SlotNumber,
        node: &Slot,
        left: Option<&Checked>,
        right: Option<&Checked>,
    ) -> Result<(), Error> {
        let height = |side: Option<&Checked>| side.map_or(0, |side| side.black_height);
        let is_red = |slot: SlotNumber| -> Result<bool, Error> {
            Ok(!slot.is_none() && self.tree.node(slot)?.is_red())
        };
        let has_red_pair = node.is_red() && is_red(node.link(Link::Left))?;
        if height(left) != height(right) || is_red(node.link(Link::Right))? || has_red_pair {
            return Err(shape(number));
        }
        Ok(())
    }

    fn visit_label(&mut self, node: &Slot) -> Result<(), Error> {
        let mut next = node.link(Link::Rest);
        while !next.is_none() {
            self.visit(next)?;
            next = self.read(next, Kind::LabelPart)?.link(Link::Rest);
        }
        Ok(())
    }

    /// Visits the free slots: the list, and all that their links reach.
    fn check_free(&mut self, first: SlotNumber) -> Result<(), Error> {
        let mut next = first;
        let mut linked = Vec::new();
        while !next.is_none() {
            self.visit(next)?;
            let free = self.read(next, Kind::Free)?;
            linked.extend(free.links());
            next = free.next_free();
        }
        while let Some(number) = linked.pop() {
            if !number.is_none() {
                self.visit(number)?;
                let mut slot = Slot::EMPTY;
                self.tree.read(number, &mut slot)?;
                linked.extend(slot.links());
            }
        }
        Ok(())
    }

    fn read(&self, number: SlotNumber, kind: Kind) -> Result<Slot, Error> {
        let mut slot = Slot::EMPTY;
        self.tree.read(number, &mut slot)?;
        if slot.kind() == kind { Ok(slot) } else { Err(damaged(number)) }
    }

    fn visit(&mut self, number: SlotNumber) -> Result<(), Error> {
        if self.visited.insert(number) {
            return Ok(());
        }
        Err(Error::corrupted("hash tree: two links point to one slot", number.offset()))
    }
}

/// Checks the digests that a node keeps, and returns the one of its subtree.
fn check_digests(
    number: SlotNumber,
    node: &Slot,
    label: &[u8],
    value: &Digest,
    left: Option<&Checked>,
    right: Option<&Checked>,
) -> Result<Digest, Error> {
    let own = labeled(label, value);
    let joined = right.map_or(own, |right| fork(&own, &right.digest));
    let is_kept = |side: Option<&Checked>, kept: &Digest| side.is_none_or(|side| side.digest == *kept);
    let is_sound = node.digest(Kept::Value) == value
        && *node.digest(Kept::Labeled) == own
        && *node.digest(Kept::Joined) == joined
        && is_kept(left, node.digest(Kept::Left))
        && is_kept(right, node.digest(Kept::Right));
    if !is_sound {
        return Err(Error::corrupted("hash tree: a digest is not that of what is under it", number.offset()));
    }
    Ok(left.map_or(joined, |left| fork(&left.digest, &joined)))
}

fn shape(number: SlotNumber) -> Error {
    Error::corrupted("hash tree: the tree is not balanced", number.offset())
}

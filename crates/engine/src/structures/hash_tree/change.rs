//! A change of the tree: planned on copies of the nodes, and written in one step.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::hash::{Digest, EMPTY, fork, labeled};
use super::header::Header;
use super::slot::{
    FreeSlot, INLINE_LABEL, LABEL_PART, Label, LabelPart, MAX_LABEL, Node, SLOT, Slot, SlotNumber, Subtree,
    Value,
};
use super::tree::{MAX_LEVELS, Steps, Tree, damaged};
use crate::base::growth::Growth;
use crate::base::layout::PAGE_BYTES;

/// The longest path, in labels. Each label of a path is a level of recursion.
pub(crate) const MAX_PATH: usize = 64;

/// A planned change. Dropping it without a commit changes nothing.
#[must_use = "a change that is not committed changes nothing"]
pub(crate) struct Change<'a, M: Memory> {
    pub(super) tree: &'a Tree<M>,
    /// The header before the change.
    stored: Header,
    header: Header,
    /// The slots that the change has looked at.
    slots: BTreeMap<SlotNumber, Planned>,
}

/// A slot that a change has looked at.
pub(super) struct Planned {
    pub(super) slot: Slot,
    /// Whether it differs from the memory.
    is_changed: bool,
    /// Whether the digest of the subtree of a node must be computed again.
    is_stale: bool,
    /// Whether the digest of a node and its right subtree must be computed again.
    is_joined_anew: bool,
}

impl Planned {
    fn new(slot: Slot, is_changed: bool) -> Self {
        Self { slot, is_changed, is_stale: is_changed, is_joined_anew: false }
    }
}

/// What to store under the last label of a path.
#[derive(Clone, Copy)]
enum Goal {
    Set(Digest),
    Remove,
}

impl<M: Memory> Tree<M> {
    /// Begins a change.
    pub(crate) fn begin(&self) -> Change<'_, M> {
        let header = self.header.get();
        Change { tree: self, stored: header, header, slots: BTreeMap::new() }
    }
}

impl<M: Memory> Change<'_, M> {
    /// Stores a digest under a path of labels, in place of whatever is there.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`]. The change must then be dropped.
    pub(crate) fn set(&mut self, path: &[&[u8]], digest: Digest) -> Result<(), Error> {
        debug_assert!((1..=MAX_PATH).contains(&path.len()), "a path of {} labels", path.len());
        self.header.root = self.apply(self.header.root, path, Goal::Set(digest))?;
        Ok(())
    }

    /// Removes the value under a path of labels, and the trees that are then empty. Returns whether there was one. A nested tree is
    /// removed in one step, however large it is.
    ///
    /// # Errors
    ///
    /// The same as for [`set`](Self::set).
    pub(crate) fn remove(&mut self, path: &[&[u8]]) -> Result<bool, Error> {
        if self.find(path)?.is_none() {
            return Ok(false);
        }
        self.header.root = self.apply(self.header.root, path, Goal::Remove)?;
        Ok(true)
    }

    /// Returns the first label from a bound on, of the tree at a path.
    pub(crate) fn first_label(&mut self, path: &[&[u8]], bound: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut next = self.find(path)?.map_or(SlotNumber::NONE, |value| value.tree);
        let mut first = None;
        let mut steps = Steps::default();
        while !next.is_none() {
            steps.take(next)?;
            let node = *self.node(next)?;
            next = if self.compare(bound, &node.label)? == Ordering::Greater {
                node.right.slot
            } else {
                first = Some(node.label);
                node.left.slot
            };
        }
        first.map(|label| self.read_label(&label)).transpose()
    }

    /// Returns the bytes of a label.
    fn read_label(&mut self, label: &Label) -> Result<Vec<u8>, Error> {
        self.plan_label(label.rest)?;
        Ok(self.whole_label(label))
    }

    fn find(&mut self, path: &[&[u8]]) -> Result<Option<Value>, Error> {
        let (mut root, mut found) = (self.header.root, None);
        for label in path {
            let Some(slot) = self.find_label(root, label)? else { return Ok(None) };
            let value = self.node(slot)?.value;
            root = value.tree;
            found = Some(value);
        }
        Ok(found)
    }

    fn find_label(&mut self, root: SlotNumber, label: &[u8]) -> Result<Option<SlotNumber>, Error> {
        let mut next = root;
        for _ in 0..=MAX_LEVELS {
            if next.is_none() {
                return Ok(None);
            }
            let node = *self.node(next)?;
            next = match self.compare(label, &node.label)? {
                Ordering::Equal => return Ok(Some(next)),
                Ordering::Less => node.left.slot,
                Ordering::Greater => node.right.slot,
            };
        }
        Err(damaged(next))
    }

    /// Applies a goal in the tree with this root, and returns the root after it.
    #[inline(never)]
    fn apply(&mut self, root: SlotNumber, path: &[&[u8]], goal: Goal) -> Result<SlotNumber, Error> {
        let (label, rest) = path.split_first().expect("a path has a label");
        let existing = self.find_label(root, label)?;
        let nested = match existing {
            Some(slot) => self.node(slot)?.value.tree,
            None => SlotNumber::NONE,
        };
        let value = match (rest.is_empty(), goal) {
            (true, Goal::Remove) => {
                self.free(nested)?;
                None
            }
            (true, Goal::Set(digest)) => {
                self.free(nested)?;
                Some((digest, SlotNumber::NONE))
            }
            // The digest of a nested tree is computed at the end.
            (false, _) => match self.apply(nested, rest, goal)? {
                SlotNumber::NONE => None,
                tree => Some((EMPTY, tree)),
            },
        };
        match (existing, value) {
            (_, None) => self.remove_label(root, label),
            (Some(slot), Some(value)) => {
                self.set_value(slot, label, value)?;
                self.touch(root, label)?;
                Ok(root)
            }
            (None, Some(value)) => self.insert_label(root, label, value),
        }
    }

    /// Sets the value of a node.
    fn set_value(
        &mut self,
        slot: SlotNumber,
        label: &[u8],
        value: (Digest, SlotNumber),
    ) -> Result<(), Error> {
        let labeled = if value.1.is_none() { labeled(label, &value.0) } else { EMPTY };
        let node = self.change(slot)?;
        node.value = Value { digest: value.0, tree: value.1, labeled };
        let rest = node.label.rest;
        self.join_anew(slot);
        if value.1.is_none() { Ok(()) } else { self.plan_label(rest) }
    }

    /// Plans the rest of a label, which is needed again when the digest of the nested tree is known.
    fn plan_label(&mut self, rest: SlotNumber) -> Result<(), Error> {
        let mut next = rest;
        for _ in 0..=MAX_LABEL.div_ceil(LABEL_PART) {
            if next.is_none() {
                return Ok(());
            }
            let Slot::LabelPart(part) = self.planned(next)?.slot else { return Err(damaged(next)) };
            next = part.rest;
        }
        Err(damaged(rest))
    }

    /// Marks the nodes from the root to a label as changed.
    fn touch(&mut self, root: SlotNumber, label: &[u8]) -> Result<(), Error> {
        let mut next = root;
        loop {
            let node = *self.change(next)?;
            next = match self.compare(label, &node.label)? {
                Ordering::Equal => return Ok(()),
                Ordering::Less => node.left.slot,
                Ordering::Greater => {
                    self.join_anew(next);
                    node.right.slot
                }
            };
        }
    }

    /// Creates a red node.
    #[inline(never)]
    pub(super) fn new_node(
        &mut self,
        label: &[u8],
        value: (Digest, SlotNumber),
    ) -> Result<SlotNumber, Error> {
        debug_assert!(label.len() <= MAX_LABEL, "a label of {} bytes", label.len());
        let (inline, rest) = label.split_at(label.len().min(INLINE_LABEL));
        let mut next = SlotNumber::NONE;
        for part in rest.chunks(LABEL_PART).rev() {
            let mut bytes = [0; LABEL_PART];
            bytes[..part.len()].copy_from_slice(part);
            next =
                self.allocate(Slot::LabelPart(LabelPart { length: part.len() as u16, bytes, rest: next }))?;
        }
        let mut start = [0; INLINE_LABEL];
        start[..inline.len()].copy_from_slice(inline);
        let node = Node {
            label: Label { length: label.len() as u16, start, rest: next },
            value: Value { digest: EMPTY, tree: SlotNumber::NONE, labeled: EMPTY },
            left: Subtree::default(),
            right: Subtree::default(),
            joined: EMPTY,
            is_red: true,
        };
        let slot = self.allocate(Slot::Node(node))?;
        self.set_value(slot, label, value)?;
        Ok(slot)
    }

    /// Compares a label with the one of a node, part of which the change may have created.
    pub(super) fn compare(&mut self, label: &[u8], other: &Label) -> Result<Ordering, Error> {
        let is_new =
            !other.rest.is_none() && self.slots.get(&other.rest).is_some_and(|planned| planned.is_changed);
        if !is_new {
            return self.tree.compare(label, other);
        }
        Ok(label.cmp(&self.whole_label(other)))
    }

    /// Returns a node.
    pub(super) fn node(&mut self, number: SlotNumber) -> Result<&Node, Error> {
        match &self.planned(number)?.slot {
            Slot::Node(node) => Ok(node),
            _ => Err(damaged(number)),
        }
    }

    /// Returns a node to change. The digest of its subtree is computed again.
    pub(super) fn change(&mut self, number: SlotNumber) -> Result<&mut Node, Error> {
        self.planned(number)?.is_stale = true;
        self.recolor(number)
    }

    /// Returns a node to change its color.
    pub(super) fn recolor(&mut self, number: SlotNumber) -> Result<&mut Node, Error> {
        let planned = self.planned(number)?;
        planned.is_changed = true;
        match &mut planned.slot {
            Slot::Node(node) => Ok(node),
            _ => Err(damaged(number)),
        }
    }

    /// Has the digest of a planned node and its right subtree computed again.
    pub(super) fn join_anew(&mut self, number: SlotNumber) {
        self.slots.get_mut(&number).expect("the node has been changed").is_joined_anew = true;
    }

    fn planned(&mut self, number: SlotNumber) -> Result<&mut Planned, Error> {
        use std::collections::btree_map::Entry;
        match self.slots.entry(number) {
            Entry::Occupied(occupied) => Ok(occupied.into_mut()),
            Entry::Vacant(vacant) => {
                let slot = self.tree.slot(number)?;
                Ok(vacant.insert(Planned::new(slot, false)))
            }
        }
    }

    fn put(&mut self, number: SlotNumber, slot: Slot) {
        self.slots.insert(number, Planned::new(slot, true));
    }

    /// Takes a free slot, or a new one.
    fn allocate(&mut self, slot: Slot) -> Result<SlotNumber, Error> {
        let number = self.header.free;
        if number.is_none() {
            let number = SlotNumber(self.header.slots);
            let full =
                || Error::LimitExceeded { what: "slots of the hash tree".into(), limit: u32::MAX.into() };
            self.header.slots = self.header.slots.checked_add(1).ok_or_else(full)?;
            self.put(number, slot);
            return Ok(number);
        }
        let Slot::Free(free) = self.planned(number)?.slot else { return Err(damaged(number)) };
        self.header.free = free.next;
        for link in free.links {
            self.free(link)?;
        }
        self.put(number, slot);
        Ok(number)
    }

    /// Frees a slot and all slots that it links to. Does nothing for [`SlotNumber::NONE`].
    pub(super) fn free(&mut self, number: SlotNumber) -> Result<(), Error> {
        if number.is_none() {
            return Ok(());
        }
        let next = self.header.free;
        let planned = self.planned(number)?;
        if let Slot::Free(_) = planned.slot {
            return Err(damaged(number));
        }
        let links = planned.slot.links();
        self.put(number, Slot::Free(FreeSlot { next, links }));
        self.header.free = number;
        Ok(())
    }

    /// Computes the digests of all changed nodes. Call it after the last change, before the commit.
    pub(crate) fn compute(&mut self) -> Digest {
        if self.header.root.is_none() {
            self.header.digest = EMPTY;
        } else if self.is_stale(self.header.root) {
            self.header.digest = self.compute_tree(self.header.root);
        }
        self.header.digest
    }

    /// Returns the digest of a tree whose root has changed.
    #[inline(never)]
    fn compute_tree(&mut self, root: SlotNumber) -> Digest {
        let Some(Planned { slot: Slot::Node(node), is_stale, is_joined_anew, .. }) =
            self.slots.get_mut(&root)
        else {
            unreachable!("the changed nodes of a tree are planned")
        };
        // Now, so that links in a circle end.
        *is_stale = false;
        let (mut node, mut is_joined_anew) = (*node, *is_joined_anew);
        if self.is_stale(node.value.tree) {
            node.value.digest = self.compute_tree(node.value.tree);
            node.value.labeled = labeled(&self.whole_label(&node.label), &node.value.digest);
            is_joined_anew = true;
        }
        if self.is_stale(node.left.slot) {
            node.left.digest = self.compute_tree(node.left.slot);
        }
        if self.is_stale(node.right.slot) {
            node.right.digest = self.compute_tree(node.right.slot);
            is_joined_anew = true;
        }
        if is_joined_anew {
            node.joined = if node.right.slot.is_none() {
                node.value.labeled
            } else {
                fork(&node.value.labeled, &node.right.digest)
            };
        }
        let planned = self.slots.get_mut(&root).expect("the root is planned");
        (planned.slot, planned.is_joined_anew) = (Slot::Node(node), false);
        if node.left.slot.is_none() { node.joined } else { fork(&node.left.digest, &node.joined) }
    }

    fn is_stale(&self, number: SlotNumber) -> bool {
        self.slots
            .get(&number)
            .is_some_and(|planned| planned.is_stale && matches!(planned.slot, Slot::Node(_)))
    }

    /// Returns the bytes of a label whose slots are all planned.
    fn whole_label(&self, label: &Label) -> Vec<u8> {
        let (mut bytes, mut next) = (label.inline().to_vec(), label.rest);
        while let Some(Planned { slot: Slot::LabelPart(part), .. }) = self.slots.get(&next)
            && bytes.len() < usize::from(label.length)
        {
            bytes.extend_from_slice(&part.bytes[..usize::from(part.length)]);
            next = part.rest;
        }
        bytes
    }

    /// Returns the memory and the pages by which the commit grows it.
    pub(crate) fn growth(&self) -> Growth<'_, M> {
        let needed = (u64::from(self.header.slots) * SLOT as u64).div_ceil(PAGE_BYTES);
        let missing = needed.saturating_sub(self.tree.memory.size());
        // An empty tree that stays empty needs no memory.
        let missing = if self.header.slots == 1 { 0 } else { missing };
        let pages = missing.div_ceil(self.tree.growth_pages) * self.tree.growth_pages;
        Growth { memory: &self.tree.memory, pages }
    }

    /// Writes the change. The pages of [`growth`](Self::growth) must have been reserved, and the digests computed.
    pub(crate) fn commit(self) {
        let tree = self.tree;
        assert_eq!(self.stored, tree.header.get(), "two changes of the hash tree overlap");
        let Growth { memory, pages } = self.growth();
        if pages > 0 {
            assert!(memory.grow(pages) >= 0, "the memory of the hash tree refused {pages} reserved pages");
        }
        for (number, planned) in self.slots.iter().filter(|(_, planned)| planned.is_changed) {
            memory.write(number.offset(), &planned.slot.encode());
        }
        if self.header != self.stored {
            tree.write_header(self.header);
        }
    }
}

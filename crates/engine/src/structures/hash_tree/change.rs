//! A change of the tree: planned on copies of the nodes, and written in one step.

use std::cmp::Ordering;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::hash::{Digest, EMPTY, fork, labeled};
use super::header::Header;
use super::plan::{At, Plan};
use super::slot::{INLINE_LABEL, Kept, Kind, LABEL_PART, Link, MAX_LABEL, SLOT, Slot, SlotNumber};
use super::tree::{Steps, Tree, Wanted, damaged};
use crate::base::growth::Growth;
use crate::base::layout::PAGE_BYTES;

/// The longest path, in labels. Each label of a path is a level of recursion.
pub(crate) const MAX_PATH: usize = 64;

/// A planned change. Dropping it without a commit changes nothing.
#[must_use = "a change that is not committed changes nothing"]
pub(crate) struct Change<'a, M: Memory> {
    tree: &'a Tree<M>,
    /// The header before the change.
    stored: Header,
    header: Header,
    pub(super) plan: Plan,
}

/// A node on the way to a label, with the side on which the label is.
pub(super) type Passed = (At, Ordering);

/// The way from the root of a tree to a label.
struct Way {
    passed: Vec<Passed>,
    found: Option<At>,
}

/// What to store under the last label of a path.
#[derive(Clone, Copy)]
enum Goal {
    Set(Digest),
    Remove,
}

impl<M: Memory> Tree<M> {
    /// Returns the number of whole pages that no slot uses.
    pub(crate) fn unused_pages(&self) -> u64 {
        unused_pages(self.memory.size(), &self.header.get())
    }

    /// Begins a change.
    pub(crate) fn begin(&self) -> Change<'_, M> {
        let header = self.header.get();
        Change { tree: self, stored: header, header, plan: self.spare.take() }
    }
}

impl<M: Memory> Drop for Change<'_, M> {
    fn drop(&mut self) {
        self.tree.spare.set(std::mem::take(&mut self.plan).emptied());
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
        let Some(parent) = self.find(path)? else { return Ok(None) };
        let way = self.descend(self.plan.slot(parent).link(Link::Tree), bound)?;
        let is_after = |(_, side): &&Passed| *side == Ordering::Less;
        let after = way.passed.iter().rev().find(is_after).map(|(at, _)| *at);
        way.found.or(after).map(|at| self.label(at)).transpose()
    }

    /// Returns the node of the last label of a path.
    fn find(&mut self, path: &[&[u8]]) -> Result<Option<At>, Error> {
        let (mut root, mut found) = (self.header.root, None);
        for label in path {
            found = self.descend(root, label)?.found;
            let Some(at) = found else { return Ok(None) };
            root = self.plan.slot(at).link(Link::Tree);
        }
        Ok(found)
    }

    /// Searches a label in one tree.
    fn descend(&mut self, root: SlotNumber, label: &[u8]) -> Result<Way, Error> {
        let wanted = Wanted::new(label);
        let (mut next, mut passed) = (root, Vec::with_capacity(32));
        let mut steps = Steps::default();
        while !next.is_none() {
            steps.take(next)?;
            let at = self.node_at(next)?;
            let side = self.compare(&wanted, at)?;
            next = match side {
                Ordering::Equal => return Ok(Way { passed, found: Some(at) }),
                Ordering::Less => self.plan.slot(at).link(Link::Left),
                Ordering::Greater => self.plan.slot(at).link(Link::Right),
            };
            passed.push((at, side));
        }
        Ok(Way { passed, found: None })
    }

    /// Applies a goal in the tree with this root, and returns the root after it.
    #[inline(never)]
    fn apply(&mut self, root: SlotNumber, path: &[&[u8]], goal: Goal) -> Result<SlotNumber, Error> {
        let (label, rest) = path.split_first().expect("a path has a label");
        let way = self.descend(root, label)?;
        let nested = way.found.map_or(SlotNumber::NONE, |at| self.plan.slot(at).link(Link::Tree));
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
        match (way.found, value) {
            (_, None) => self.remove_label(root, label),
            (Some(at), Some(value)) => {
                self.set_value(at, label, value)?;
                for (at, _) in way.passed {
                    self.change(at)?;
                }
                Ok(root)
            }
            (None, Some(value)) => {
                let new = self.new_node(label, value)?;
                self.insert_node(&way.passed, new)
            }
        }
    }

    /// Sets the value of a node.
    fn set_value(&mut self, at: At, label: &[u8], (digest, tree): (Digest, SlotNumber)) -> Result<(), Error> {
        let node = self.change(at)?;
        node.set_digest(Kept::Value, &digest);
        node.set_link(Link::Tree, tree);
        // The digest with the label is computed at the end if there is a nested tree.
        if tree.is_none() {
            node.set_digest(Kept::Labeled, &labeled(label, &digest));
        }
        self.plan.mark_mut(at).is_joined_anew = true;
        if tree.is_none() { Ok(()) } else { self.plan_label(at) }
    }

    /// Creates a red node.
    #[inline(never)]
    fn new_node(&mut self, label: &[u8], value: (Digest, SlotNumber)) -> Result<At, Error> {
        debug_assert!(label.len() <= MAX_LABEL, "a label of {} bytes", label.len());
        let mut rest = SlotNumber::NONE;
        for part in label[label.len().min(INLINE_LABEL)..].chunks(LABEL_PART).rev() {
            let at = self.allocate()?;
            self.plan.slot_mut(at).become_label_part(part, rest);
            rest = self.number(at);
        }
        let at = self.allocate()?;
        self.plan.slot_mut(at).become_node(label, rest);
        self.set_value(at, label, value)?;
        Ok(at)
    }

    /// Compares a label with the one of a node.
    pub(super) fn compare(&mut self, wanted: &Wanted<'_>, at: At) -> Result<Ordering, Error> {
        match wanted.compare_start(self.plan.slot(at)) {
            Some(side) => Ok(side),
            None => Ok(wanted.label.cmp(&self.label(at)?)),
        }
    }

    /// Returns all bytes of the label of a node.
    fn label(&mut self, at: At) -> Result<Vec<u8>, Error> {
        self.plan_label(at)?;
        let label = self.planned_label(at);
        if label.len() == self.plan.slot(at).length() { Ok(label) } else { Err(damaged(self.number(at))) }
    }

    /// Plans the rest of the label of a node.
    fn plan_label(&mut self, at: At) -> Result<(), Error> {
        let mut next = self.plan.slot(at).link(Link::Rest);
        for _ in 0..=MAX_LABEL.div_ceil(LABEL_PART) {
            if next.is_none() {
                return Ok(());
            }
            let part = self.at(next)?;
            if self.plan.slot(part).kind() != Kind::LabelPart {
                return Err(damaged(next));
            }
            next = self.plan.slot(part).link(Link::Rest);
        }
        Err(damaged(self.number(at)))
    }

    /// Returns the bytes of a label whose rest is planned.
    fn planned_label(&self, at: At) -> Vec<u8> {
        let node = self.plan.slot(at);
        let (mut bytes, mut next) = (node.inline_label().to_vec(), node.link(Link::Rest));
        while bytes.len() < node.length()
            && let Some(part) = self.plan.find(next).map(|at| self.plan.slot(at))
            && !part.label_part().is_empty()
        {
            bytes.extend_from_slice(part.label_part());
            next = part.link(Link::Rest);
        }
        bytes
    }

    pub(super) fn number(&self, at: At) -> SlotNumber {
        self.plan.mark(at).number
    }

    /// Returns the place of a node, which is read if it is not planned.
    pub(super) fn node_at(&mut self, number: SlotNumber) -> Result<At, Error> {
        let at = self.at(number)?;
        if self.plan.slot(at).kind() == Kind::Node { Ok(at) } else { Err(damaged(number)) }
    }

    /// Returns the place of a slot, which is read if it is not planned.
    fn at(&mut self, number: SlotNumber) -> Result<At, Error> {
        if let Some(at) = self.plan.find(number) {
            return Ok(at);
        }
        self.tree.read(number, self.plan.vacant())?;
        Ok(self.plan.add(number))
    }

    /// Returns a node to change. The digest of its subtree is computed again.
    pub(super) fn change(&mut self, at: At) -> Result<&mut Slot, Error> {
        self.plan.mark_mut(at).is_stale = true;
        self.recolor(at)
    }

    /// Returns a node to change its color.
    pub(super) fn recolor(&mut self, at: At) -> Result<&mut Slot, Error> {
        self.plan.mark_mut(at).is_changed = true;
        // A slot that a damaged tree has both in use and free is no longer a node.
        if self.plan.slot(at).kind() != Kind::Node {
            return Err(damaged(self.number(at)));
        }
        Ok(self.plan.slot_mut(at))
    }

    /// Takes a free slot, or a new one. Its contents have no meaning.
    fn allocate(&mut self) -> Result<At, Error> {
        let at = match self.header.free {
            SlotNumber::NONE => {
                let number = SlotNumber(self.header.slots);
                let full =
                    || Error::LimitExceeded { what: "slots of the hash tree".into(), limit: u32::MAX.into() };
                self.header.slots = self.header.slots.checked_add(1).ok_or_else(full)?;
                self.plan.vacant();
                self.plan.add(number)
            }
            number => {
                let at = self.at(number)?;
                let free = self.plan.slot(at);
                if free.kind() != Kind::Free {
                    return Err(damaged(number));
                }
                let links = free.links();
                self.header.free = free.next_free();
                for link in links {
                    self.free(link)?;
                }
                at
            }
        };
        let mark = self.plan.mark_mut(at);
        (mark.is_changed, mark.is_stale, mark.is_joined_anew) = (true, true, false);
        Ok(at)
    }

    /// Frees a slot and all slots that it links to. Does nothing for [`SlotNumber::NONE`].
    pub(super) fn free(&mut self, number: SlotNumber) -> Result<(), Error> {
        if number.is_none() {
            return Ok(());
        }
        let at = self.at(number)?;
        if self.plan.slot(at).kind() == Kind::Free {
            return Err(damaged(number));
        }
        self.plan.slot_mut(at).become_free(self.header.free);
        self.plan.mark_mut(at).is_changed = true;
        self.header.free = number;
        Ok(())
    }

    /// Computes the digests of all changed nodes. Call it after the last change, before the commit.
    pub(crate) fn compute(&mut self) -> Digest {
        if self.header.root.is_none() {
            self.header.digest = EMPTY;
        } else if let Some(root) = self.plan.find_stale(self.header.root) {
            self.header.digest = self.compute_tree(root);
        }
        self.header.digest
    }

    /// Returns the digest of a tree whose root has changed.
    #[inline(never)]
    fn compute_tree(&mut self, root: At) -> Digest {
        let mark = self.plan.mark_mut(root);
        let mut is_joined_anew = mark.is_joined_anew;
        // Now, so that links in a circle end.
        (mark.is_stale, mark.is_joined_anew) = (false, false);
        let [left, right, tree, _] = self.plan.slot(root).links();
        if let Some(tree) = self.plan.find_stale(tree) {
            let digest = self.compute_tree(tree);
            let labeled = labeled(&self.planned_label(root), &digest);
            self.plan.slot_mut(root).set_digest(Kept::Value, &digest);
            self.plan.slot_mut(root).set_digest(Kept::Labeled, &labeled);
            is_joined_anew = true;
        }
        if let Some(left) = self.plan.find_stale(left) {
            let digest = self.compute_tree(left);
            self.plan.slot_mut(root).set_digest(Kept::Left, &digest);
        }
        if let Some(right) = self.plan.find_stale(right) {
            let digest = self.compute_tree(right);
            self.plan.slot_mut(root).set_digest(Kept::Right, &digest);
            is_joined_anew = true;
        }
        let node = self.plan.slot_mut(root);
        if is_joined_anew {
            let joined = match right {
                SlotNumber::NONE => *node.digest(Kept::Labeled),
                _ => fork(node.digest(Kept::Labeled), node.digest(Kept::Right)),
            };
            node.set_digest(Kept::Joined, &joined);
        }
        match left {
            SlotNumber::NONE => *node.digest(Kept::Joined),
            _ => fork(node.digest(Kept::Left), node.digest(Kept::Joined)),
        }
    }

    /// Returns the number of whole pages that slots will not use after the commit.
    pub(crate) fn unused_pages(&self) -> u64 {
        unused_pages(self.tree.memory.size() + self.growth().pages, &self.header)
    }

    /// Returns the memory and the pages by which the commit grows it.
    pub(crate) fn growth(&self) -> Growth<'_, M> {
        let needed = used_pages(&self.header);
        let missing = needed.saturating_sub(self.tree.memory.size());
        // An empty tree that stays empty needs no memory.
        let missing = if self.header.slots == 1 { 0 } else { missing };
        let pages = missing.div_ceil(self.tree.growth_pages) * self.tree.growth_pages;
        Growth { memory: &self.tree.memory, pages }
    }

    /// Writes the change. The pages of [`growth`](Self::growth) must have been reserved, and the digests computed.
    pub(crate) fn commit(mut self) {
        let tree = self.tree;
        assert_eq!(self.stored, tree.header.get(), "two changes of the hash tree overlap");
        let Growth { memory, pages } = self.growth();
        if pages > 0 {
            assert!(memory.grow(pages) >= 0, "the memory of the hash tree refused {pages} reserved pages");
        }
        for (number, slot) in self.plan.changed() {
            tree.memory.write(number.offset(), slot.sealed());
        }
        if self.header != self.stored {
            tree.write_header(self.header);
        }
    }
}

/// Returns the number of pages with slots. Free slots count as used.
fn used_pages(header: &Header) -> u64 {
    (u64::from(header.slots) * SLOT as u64).div_ceil(PAGE_BYTES)
}

/// Returns the number of pages without slots in a memory of this size.
fn unused_pages(pages: u64, header: &Header) -> u64 {
    pages.saturating_sub(used_pages(header))
}

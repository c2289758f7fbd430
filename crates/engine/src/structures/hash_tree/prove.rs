//! Witnesses of values, of their absence, and of all labels in a range.

use std::cmp::Ordering;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::hash::Digest;
use super::slot::{Kept, Link, Slot, SlotNumber};
use super::tree::{Steps, Tree, Wanted};
use super::witness::HashTree;

/// Returns the tree to show under a label, from the pruned tree.
pub(crate) type Show<'f> = dyn FnMut(&[u8], HashTree) -> Result<HashTree, Error> + 'f;

/// An end of a range of labels.
#[derive(Clone, Copy)]
struct End<'a> {
    label: &'a [u8],
    /// Whether the label is in the range, or only next to it.
    is_included: bool,
}

/// What is beside the way from a root down to a label, at one node.
struct Beside {
    /// The digest of the left subtree, if the way leads to the right.
    left: Option<HashTree>,
    /// The digest of the labeled value, with that of the right subtree if the way leads to the left.
    own: Digest,
}

/// A range of labels between two ends; `None` means that there is no label on that side.
#[derive(Clone, Copy)]
struct Range<'a> {
    first: Option<End<'a>>,
    last: Option<End<'a>>,
}

impl<M: Memory> Tree<M> {
    /// Returns the tree with only what concerns a path: `shown`, which must have the digest of the value under it; or the labels
    /// next to the first label of the path that is absent.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub(crate) fn witness(&self, path: &[&[u8]], shown: HashTree) -> Result<HashTree, Error> {
        self.witness_in(self.header.get().root, path, shown)
    }

    fn witness_in(&self, root: SlotNumber, path: &[&[u8]], shown: HashTree) -> Result<HashTree, Error> {
        let Some((label, rest)) = path.split_first() else { return Ok(shown) };
        let mut way = Vec::with_capacity(32);
        match self.descend(root, label, |node, side| way.push(Beside::new(node, side)))? {
            Some(node) => {
                let value = match rest {
                    [] => shown,
                    _ if node.link(Link::Tree).is_none() => HashTree::Pruned(*node.digest(Kept::Value)),
                    _ => self.witness_in(node.link(Link::Tree), rest, shown)?,
                };
                Ok(joined(way, around(&node, HashTree::labeled(label, value))))
            }
            None => self.with_labels(root, label, label, &mut |_, value| Ok(value)),
        }
    }

    /// Returns the tree at a path with all labels from `first` to `last`, both included. `show` returns the tree under each of
    /// them; it is passed the label and the pruned tree. A label next to the range is shown without its value, unless the end is a label
    /// of the tree.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`], and any error that `show` returns.
    pub(crate) fn witness_of_range(
        &self,
        path: &[&[u8]],
        first: &[u8],
        last: &[u8],
        show: &mut Show<'_>,
    ) -> Result<HashTree, Error> {
        let root = match path {
            [] => self.header.get().root,
            _ => self.find(path)?.map_or(SlotNumber::NONE, |node| node.link(Link::Tree)),
        };
        let shown = self.with_labels(root, first, last, show)?;
        self.witness(path, shown)
    }

    /// Returns a tree with the labels from `first` to `last`.
    fn with_labels(
        &self,
        root: SlotNumber,
        first: &[u8],
        last: &[u8],
        show: &mut Show<'_>,
    ) -> Result<HashTree, Error> {
        let before = self.neighbour(root, first, Ordering::Less)?;
        let after = self.neighbour(root, last, Ordering::Greater)?;
        let range = Range {
            first: before.as_ref().map(|(label, is_included)| End { label, is_included: *is_included }),
            last: after.as_ref().map(|(label, is_included)| End { label, is_included: *is_included }),
        };
        self.range(root, range, 0, show)
    }

    /// Returns the label itself and true, or the nearest label on one side and false.
    fn neighbour(
        &self,
        root: SlotNumber,
        label: &[u8],
        side: Ordering,
    ) -> Result<Option<(Vec<u8>, bool)>, Error> {
        let mut nearest = None;
        // The label is on the other side of the nearest one.
        let found = self.descend(root, label, |node, of_label| {
            if of_label.reverse() == side {
                nearest = Some(node.clone());
            }
        })?;
        if found.is_some() {
            return Ok(Some((label.to_vec(), true)));
        }
        nearest.map(|nearest| Ok((self.label(&nearest)?, false))).transpose()
    }

    fn range(
        &self,
        root: SlotNumber,
        range: Range<'_>,
        depth: u32,
        show: &mut Show<'_>,
    ) -> Result<HashTree, Error> {
        if root.is_none() {
            return Ok(HashTree::Empty);
        }
        Steps::at(depth, root)?;
        let node = self.node(root)?;
        let compare = |end: Option<End<'_>>, without| -> Result<Ordering, Error> {
            end.map_or(Ok(without), |end| Ok(self.compare(&Wanted::new(end.label), &node)?.reverse()))
        };
        let (to_first, to_last) =
            (compare(range.first, Ordering::Greater)?, compare(range.last, Ordering::Less)?);
        let left = if to_first == Ordering::Greater {
            let last = range.last.filter(|_| to_last == Ordering::Greater);
            self.range(node.link(Link::Left), Range { last, ..range }, depth + 1, show)?
        } else {
            pruned(&node, Link::Left)
        };
        let own = if to_first == Ordering::Less || to_last == Ordering::Greater {
            HashTree::Pruned(*node.digest(Kept::Labeled))
        } else {
            let is_end = |order, end: Option<End<'_>>| {
                order == Ordering::Equal && end.is_some_and(|end| !end.is_included)
            };
            let label = self.label(&node)?;
            let pruned = HashTree::Pruned(*node.digest(Kept::Value));
            let is_beside = is_end(to_first, range.first) || is_end(to_last, range.last);
            HashTree::labeled(&label, if is_beside { pruned } else { show(&label, pruned)? })
        };
        let right = if to_last == Ordering::Less {
            let first = range.first.filter(|_| to_first == Ordering::Less);
            self.range(node.link(Link::Right), Range { first, ..range }, depth + 1, show)?
        } else {
            pruned(&node, Link::Right)
        };
        Ok(HashTree::fork(left, HashTree::fork(own, right)))
    }
}

impl Beside {
    fn new(node: &Slot, side: Ordering) -> Self {
        match side {
            // What is not shown has one digest.
            Ordering::Less => Self { left: None, own: *node.digest(Kept::Joined) },
            _ => Self { left: Some(pruned(node, Link::Left)), own: *node.digest(Kept::Labeled) },
        }
    }
}

/// Returns a child that is not shown.
fn pruned(node: &Slot, child: Link) -> HashTree {
    let kept = if child == Link::Left { Kept::Left } else { Kept::Right };
    if node.link(child).is_none() { HashTree::Empty } else { HashTree::Pruned(*node.digest(kept)) }
}

/// Returns the subtree of a node that shows only its own label.
fn around(node: &Slot, own: HashTree) -> HashTree {
    HashTree::fork(pruned(node, Link::Left), HashTree::fork(own, pruned(node, Link::Right)))
}

/// Puts a subtree under the nodes on the way to it.
fn joined(way: Vec<Beside>, subtree: HashTree) -> HashTree {
    way.into_iter().rev().fold(subtree, |tree, Beside { left, own }| match left {
        None => HashTree::fork(tree, HashTree::Pruned(own)),
        Some(left) => HashTree::fork(left, HashTree::fork(HashTree::Pruned(own), tree)),
    })
}

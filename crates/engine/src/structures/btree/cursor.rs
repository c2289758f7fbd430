//! Iteration over the entries of a tree in key order, in either direction.

use std::ops::Bound;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::loaded::Loaded;
use super::page::{CellSpan, LEAF_LEAD, Node, PageNumber, leaf_parts, long_value};
use super::tree::Tree;
use crate::base::bytes::compare;

/// Direction of a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Ascending key order.
    Forward,
    /// Descending key order.
    Backward,
}

/// A position between two entries, which moves from entry to entry. Reads one leaf at a time.
pub(crate) struct Cursor<'a, M: Memory> {
    tree: &'a Tree<M>,
    direction: Direction,
    leaf: Option<Loaded>,
    /// Number of entries of the leaf before the position.
    before: usize,
    /// The entry that was passed last, if it is in this leaf.
    current: Option<Passed>,
    /// The key of the entry passed before that one, if it is in this leaf.
    previous: Option<CellSpan>,
    /// The key that was passed last in the previous leaf, which bounds the keys of this one.
    last_key: Option<Vec<u8>>,
    /// The bytes of the last requested value, if it is long.
    long: Vec<u8>,
}

/// An entry of the cursor's leaf.
#[derive(Clone, Copy)]
struct Passed {
    /// Position of its key in the page.
    key: CellSpan,
    /// Position of its value, or of the reference to a long value.
    value: CellSpan,
    is_long: bool,
}

impl<'a, M: Memory> Cursor<'a, M> {
    /// Creates a cursor before the first entry from a bound on, in this direction.
    pub(super) fn new(tree: &'a Tree<M>, start: Bound<&[u8]>, direction: Direction) -> Result<Self, Error> {
        let number = match (start, direction) {
            (Bound::Included(key) | Bound::Excluded(key), _) => tree.leaf_for(key)?,
            (Bound::Unbounded, Direction::Forward) => tree.descend(|node| node.child(0))?,
            (Bound::Unbounded, Direction::Backward) => tree.descend(|node| node.child(node.len()))?,
        };
        let mut cursor = Self {
            tree,
            direction,
            leaf: None,
            before: 0,
            current: None,
            previous: None,
            last_key: None,
            long: Vec::new(),
        };
        if let Some(number) = number {
            let mut leaf = tree.load_leaf(number)?;
            cursor.before = match start {
                Bound::Unbounded if direction == Direction::Forward => 0,
                Bound::Unbounded => leaf.node().len(),
                // The bound and the direction determine the side of an entry on which the position is.
                Bound::Included(key) => match (tree.find(&mut leaf, key)?, direction) {
                    (Ok(index), Direction::Backward) => index + 1,
                    (Ok(index) | Err(index), _) => index,
                },
                Bound::Excluded(key) => match (tree.find(&mut leaf, key)?, direction) {
                    (Ok(index), Direction::Forward) => index + 1,
                    (Ok(index) | Err(index), _) => index,
                },
            };
            cursor.enter(leaf)?;
        }
        Ok(cursor)
    }

    /// Moves the cursor into a leaf.
    fn enter(&mut self, mut leaf: Loaded) -> Result<(), Error> {
        if leaf.node().len() == 0 {
            return Err(self.tree.damaged("a leaf is empty", leaf.number.offset()));
        }
        self.tree.know_cells(&mut leaf);
        (self.current, self.previous) = (None, None);
        if let Some(old) = self.leaf.replace(leaf) {
            self.tree.recycle(old);
        }
        Ok(())
    }

    /// Passes the next entry. Returns false at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, Error> {
        loop {
            let Some(leaf) = &self.leaf else { return Ok(false) };
            let node = leaf.node();
            let (next, follower) = match self.direction {
                Direction::Forward => ((self.before < node.len()).then_some(self.before), node.after()),
                Direction::Backward => (self.before.checked_sub(1), node.before()),
            };
            if let Some(index) = next {
                let passed = passed(node, index).ok_or_else(|| self.damaged("a page is corrupt"))?;
                self.check_order(leaf, passed.key)?;
                self.previous = self.current.map(|current| current.key);
                self.current = Some(passed);
                self.before = if self.direction == Direction::Forward { index + 1 } else { index };
                return Ok(true);
            }
            self.turn(follower)?;
        }
    }

    /// Moves to the next leaf, or to the end if there is none.
    fn turn(&mut self, follower: PageNumber) -> Result<(), Error> {
        if self.current.is_some() {
            let key = self.key()?.to_vec();
            self.last_key = Some(key);
        }
        if follower.is_none() {
            if let Some(leaf) = self.leaf.take() {
                self.tree.recycle(leaf);
            }
            return Ok(());
        }
        let leaf = self.tree.load_leaf(follower)?;
        self.before = if self.direction == Direction::Forward { 0 } else { leaf.node().len() };
        self.enter(leaf)
    }

    /// Refuses an entry whose key is not after the key that was passed last. A cycle of links is therefore
    /// detected.
    fn check_order(&self, leaf: &Loaded, key: CellSpan) -> Result<(), Error> {
        let last = match self.current {
            Some(Passed { key, .. }) => bytes_at(leaf, key),
            None => match &self.last_key {
                Some(last) => last,
                None => return Ok(()),
            },
        };
        let order = compare(bytes_at(leaf, key), last);
        let is_beyond = if self.direction == Direction::Forward { order.is_gt() } else { order.is_lt() };
        if is_beyond { Ok(()) } else { Err(self.damaged("the keys are not in order")) }
    }

    /// Returns an error for the cursor's leaf.
    #[cold]
    pub(super) fn damaged(&self, what: &str) -> Error {
        self.tree.damaged(what, self.leaf.as_ref().map_or(0, |leaf| leaf.number.offset()))
    }

    fn passed(&self) -> Result<(&Loaded, Passed), Error> {
        self.leaf.as_ref().zip(self.current).ok_or_else(|| self.damaged("no entry has been passed"))
    }

    /// Returns the key of the entry that was passed last.
    pub(crate) fn key(&self) -> Result<&[u8], Error> {
        self.passed().map(|(leaf, passed)| bytes_at(leaf, passed.key))
    }

    /// Returns the key of the entry passed before the last one, if there is one.
    pub(crate) fn previous_key(&self) -> Option<&[u8]> {
        match (self.leaf.as_ref(), self.previous) {
            (Some(leaf), Some(key)) => Some(bytes_at(leaf, key)),
            _ => self.last_key.as_deref(),
        }
    }

    /// Returns the key and the value of the entry that was passed last.
    pub(crate) fn entry(&mut self) -> Result<(&[u8], &[u8]), Error> {
        let (leaf, passed) = self.passed()?;
        if passed.is_long {
            let reference = long_value(bytes_at(leaf, passed.value));
            let (length, first) = reference.ok_or_else(|| self.damaged("a page is corrupt"))?;
            self.long = self.tree.read_long(length, first)?;
        }
        let (leaf, passed) = self.passed()?;
        let value = if passed.is_long { &self.long } else { bytes_at(leaf, passed.value) };
        Ok((bytes_at(leaf, passed.key), value))
    }
}

/// Returns the positions of the parts of a leaf's entry, whose cell must be loaded. Returns `None` for
/// corruption.
fn passed(node: Node<'_>, index: usize) -> Option<Passed> {
    let cell = node.cell_span(index)?;
    let (key_end, is_long) = leaf_parts(node.cell(index)?)?;
    let (start, middle) = (cell.start + LEAF_LEAD, cell.start + key_end);
    let key = CellSpan { start, end: middle };
    Some(Passed { key, value: CellSpan { start: middle, end: cell.end }, is_long })
}

fn bytes_at(leaf: &Loaded, span: CellSpan) -> &[u8] {
    &leaf.bytes()[span.start..span.end]
}

//! The entries of a tree in key order, in either direction.

use std::ops::Bound;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::bytes::compare;
use super::loaded::Loaded;
use super::page::{PageNumber, Value, leaf_key, leaf_value};
use super::tree::Tree;

/// Which way a cursor goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// In the order of the keys.
    Forward,
    /// Against it.
    Backward,
}

/// A place between two entries, which moves from one to the next. It reads a leaf at a time.
pub(crate) struct Cursor<'a, M: Memory> {
    tree: &'a Tree<M>,
    direction: Direction,
    leaf: Option<Loaded>,
    /// Entries of the leaf before the place.
    before: usize,
    /// The entry that was passed last, in the leaf.
    current: usize,
    /// Whether an entry of this leaf has been passed.
    has_current: bool,
    /// The key that was passed last in the leaf before, which those in this one must lie beyond.
    last_key: Option<Vec<u8>>,
    /// The bytes of the value that was asked for last, where it is long.
    long: Vec<u8>,
}

impl<'a, M: Memory> Cursor<'a, M> {
    /// Before the first entry from a bound on, in this direction.
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
            current: 0,
            has_current: false,
            last_key: None,
            long: Vec::new(),
        };
        if let Some(number) = number {
            let mut leaf = tree.load_leaf(number)?;
            cursor.before = match start {
                Bound::Unbounded if direction == Direction::Forward => 0,
                Bound::Unbounded => leaf.node().len(),
                // Which side of an entry the place is on depends on the bound and the direction.
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

    /// Makes this the leaf that the cursor is in.
    fn enter(&mut self, mut leaf: Loaded) -> Result<(), Error> {
        if leaf.node().len() == 0 {
            return Err(self.tree.damaged("a leaf is empty", leaf.number.offset()));
        }
        self.tree.know_cells(&mut leaf);
        self.has_current = false;
        if let Some(old) = self.leaf.replace(leaf) {
            self.tree.recycle(old);
        }
        Ok(())
    }

    /// Passes the next entry. False at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, Error> {
        loop {
            let Some(leaf) = &self.leaf else { return Ok(false) };
            let node = leaf.node();
            let (next, follower) = match self.direction {
                Direction::Forward => ((self.before < node.len()).then_some(self.before), node.after()),
                Direction::Backward => (self.before.checked_sub(1), node.before()),
            };
            if let Some(index) = next {
                self.check_order(index)?;
                self.current = index;
                self.has_current = true;
                self.before = if self.direction == Direction::Forward { index + 1 } else { index };
                return Ok(true);
            }
            self.turn(follower)?;
        }
    }

    /// Goes to the next leaf, or to the end where there is none.
    fn turn(&mut self, follower: PageNumber) -> Result<(), Error> {
        if self.has_current {
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

    /// Refuses an entry whose key does not lie beyond the one that was passed last. So no links lead a cursor in a circle.
    fn check_order(&self, index: usize) -> Result<(), Error> {
        let last = if self.has_current { Some(self.key()?) } else { self.last_key.as_deref() };
        let Some(last) = last else { return Ok(()) };
        let order = compare(self.key_at(index)?, last);
        let is_beyond = if self.direction == Direction::Forward { order.is_gt() } else { order.is_lt() };
        if is_beyond { Ok(()) } else { Err(self.damaged("the keys are not in order")) }
    }

    /// An error in the leaf that the cursor is in.
    pub(super) fn damaged(&self, what: &str) -> Error {
        self.tree.damaged(what, self.offset())
    }

    fn offset(&self) -> u64 {
        self.leaf.as_ref().map_or(0, |leaf| leaf.number.offset())
    }

    fn cell(&self, index: usize) -> Result<&[u8], Error> {
        let cell = self.leaf.as_ref().and_then(|leaf| leaf.node().cell(index));
        cell.ok_or_else(|| self.damaged("a page is damaged"))
    }

    fn key_at(&self, index: usize) -> Result<&[u8], Error> {
        leaf_key(self.cell(index)?).ok_or_else(|| self.damaged("a page is damaged"))
    }

    /// The key of the entry that was passed last.
    pub(crate) fn key(&self) -> Result<&[u8], Error> {
        self.key_at(self.current)
    }

    /// The key and the value of the entry that was passed last.
    pub(crate) fn entry(&mut self) -> Result<(&[u8], &[u8]), Error> {
        if let Value::Long { length, first } = self.value()? {
            self.long = self.tree.read_long(length, first)?;
        }
        let key = self.key()?;
        match self.value()? {
            Value::Local(value) => Ok((key, value)),
            Value::Long { .. } => Ok((key, &self.long)),
        }
    }

    fn value(&self) -> Result<Value<'_>, Error> {
        leaf_value(self.cell(self.current)?).ok_or_else(|| self.damaged("a page is damaged"))
    }
}

//! Finding keys in a tree that is being changed.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::change::{Change, LastLeaf};
use super::page::{Node, PageNumber, Value, leaf_key, leaf_value};
use crate::base::bytes::{common_prefix, compare};

/// Position of a key, or its insertion point: a leaf among the pages of a change, and the index in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) leaf: usize,
    pub(super) found: Result<usize, usize>,
}

/// Result of the search for a key in a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Located {
    /// `None` in an empty tree.
    pub(super) position: Option<Position>,
    /// Version of the leaf for which the position is valid.
    pub(super) version: u32,
}

/// Returns the length of the common prefix of the separators on both sides of a child, or 0 if there is only
/// one.
fn common_around(node: Node<'_>, child: usize) -> Option<usize> {
    match child.checked_sub(1) {
        Some(left) if child < node.len() => {
            Some(common_prefix(node.inner_key(left)?, node.inner_key(child)?))
        }
        _ => Some(0),
    }
}

impl<M: Memory> Change<'_, M> {
    /// Finds a key.
    pub(super) fn locate(&mut self, key: &[u8]) -> Result<Located, Error> {
        let position = self.find(key)?;
        Ok(self.located(position))
    }

    /// Finds the first key that is not less than a bound. Returns `None` if there is none.
    pub(super) fn locate_from(&mut self, bound: &[u8]) -> Result<Option<Located>, Error> {
        let Some(Position { leaf, found }) = self.find(bound)? else { return Ok(None) };
        let (Ok(index) | Err(index)) = found;
        let node = self.pages[leaf].node();
        let (leaf, index) = match node.after() {
            _ if index < node.len() => (leaf, index),
            PageNumber::NONE => return Ok(None),
            after => (self.leaf(after)?, 0),
        };
        // Every leaf has at least one entry.
        if self.pages[leaf].node().len() == 0 {
            return Err(self.tree.damaged_page(self.pages[leaf].number));
        }
        Ok(Some(self.located(Some(Position { leaf, found: Ok(index) }))))
    }

    fn located(&self, position: Option<Position>) -> Located {
        Located { position, version: position.map_or(0, |Position { leaf, .. }| self.pages[leaf].version) }
    }

    /// Returns the position of a key that was located before, possibly before other changes. An entry leaves
    /// its leaf only by a change of the leaf.
    pub(super) fn position(&mut self, located: Located, key: &[u8]) -> Result<Option<Position>, Error> {
        let is_good = match located.position {
            Some(Position { leaf, .. }) => self.pages[leaf].version == located.version,
            None => self.header.root.is_none(),
        };
        if is_good { Ok(located.position) } else { self.find(key) }
    }

    fn find(&mut self, key: &[u8]) -> Result<Option<Position>, Error> {
        if self.header.root.is_none() {
            return Ok(None);
        }
        let leaf = match self.last_leaf(key)? {
            Some(leaf) => leaf,
            None => self.descend(key)?,
        };
        let found = match self.tree.find_equal(&mut self.pages[leaf], key)? {
            (Err(index), false) if !self.have_all_prefix(leaf)? => {
                self.tree.place_by_prefix(&mut self.pages[leaf], key, index)?
            }
            (found, _) => found,
        };
        Ok(Some(Position { leaf, found }))
    }

    /// Returns whether every key of the leaf that was found last has the page's prefix. The separators on
    /// both sides decide this without reading a key.
    fn have_all_prefix(&self, leaf: usize) -> Result<bool, Error> {
        let Some(LastLeaf { parent, child, .. }) = self.last else { return Ok(false) };
        let prefix_len = self.pages[leaf].node().prefix_len();
        Ok(prefix_len == 0 || self.look(parent, |node| common_around(node, child))? >= prefix_len)
    }

    /// Returns the leaf of a key, searching from the root.
    fn descend(&mut self, key: &[u8]) -> Result<usize, Error> {
        let (mut number, mut last) = (self.header.root, None);
        for _ in 1..self.header.levels {
            let parent = number;
            let child;
            (child, number) = self.look(parent, |node| {
                let child = node.child_for(key)?;
                Some((child, node.child(child)?))
            })?;
            last = Some((parent, child));
        }
        let leaf = self.leaf(number)?;
        self.last = last.map(|(parent, child)| LastLeaf { leaf, parent, child, shape: self.shape });
        Ok(leaf)
    }

    /// Returns the leaf of the previous search, if it certainly contains the key: if the key is between the
    /// separators on both sides, or after the left one of the last leaf.
    fn last_leaf(&self, key: &[u8]) -> Result<Option<usize>, Error> {
        let Some(LastLeaf { leaf, parent, child, .. }) = self.last.filter(|last| last.shape == self.shape)
        else {
            return Ok(None);
        };
        let is_last = self.pages[leaf].node().after().is_none();
        let belongs = self.look(parent, |node| {
            let (Some(left), right) = (child.checked_sub(1), child) else { return Some(false) };
            Some(match right < node.len() {
                true => {
                    compare(node.inner_key(right)?, key).is_gt()
                        && compare(node.inner_key(left)?, key).is_le()
                }
                false => is_last && compare(node.inner_key(left)?, key).is_le(),
            })
        })?;
        Ok(belongs.then_some(leaf))
    }

    /// Calls `f` with the value of a located key, if it exists. Nothing may have changed since.
    pub(super) fn value_at<R>(
        &mut self,
        located: Located,
        f: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, Error> {
        match located.position {
            Some(Position { found: Ok(_), .. }) => self.entry_at(located, |_, value| f(value)).map(Some),
            _ => Ok(None),
        }
    }

    /// Calls `f` with the key and the value of a located entry. Nothing may have changed since.
    pub(super) fn entry_at<R>(
        &mut self,
        located: Located,
        f: impl FnOnce(&[u8], &[u8]) -> R,
    ) -> Result<R, Error> {
        let Some(Position { leaf, found: Ok(index) }) = located.position else {
            return Err(self.tree.damaged("an entry is missing", 0));
        };
        debug_assert_eq!(located.version, self.pages[leaf].version, "the leaf has changed since");
        let span = self.tree.know_cell(&mut self.pages[leaf], index)?;
        let page = &self.pages[leaf];
        let cell = &page.bytes()[span.start..span.end];
        let damaged = || self.tree.damaged_page(page.number);
        let key = leaf_key(cell).ok_or_else(damaged)?;
        match leaf_value(cell).ok_or_else(damaged)? {
            Value::Local(value) => Ok(f(key, value)),
            Value::Long { length, first } => Ok(f(key, &self.read_long(length, first)?)),
        }
    }
}

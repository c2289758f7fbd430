//! The entries of a tree in key order.

use std::ops::Bound;

use ic_stable_structures::Memory;
use storage_api::Error;

use super::node::{Node, OwnedEntry};
use super::tree::Tree;

/// A place between two entries, which moves on from one to the next.
pub(super) struct Cursor<'a, M: Memory> {
    tree: &'a Tree<M>,
    /// The nodes from the root down to the place, each with the entry that comes next in it.
    way: Vec<(Node, usize)>,
    /// What the next key must be greater than.
    last_key: Option<Vec<u8>>,
}

impl<'a, M: Memory> Cursor<'a, M> {
    /// In front of the first entry from a key on.
    pub(super) fn new(tree: &'a Tree<M>, start: Bound<&[u8]>) -> Result<Self, Error> {
        let last_key = if let Bound::Excluded(key) = start { Some(key.to_vec()) } else { None };
        let mut cursor = Self { tree, way: Vec::new(), last_key };
        let mut next = tree.head.get().root();
        while let Some(address) = next {
            let node = cursor.load(address)?;
            let (at, is_here) = match start {
                Bound::Unbounded => (0, false),
                Bound::Included(key) => match node.search(key) {
                    Ok(at) => (at, true),
                    Err(at) => (at, false),
                },
                Bound::Excluded(key) => node.search(key).map_or_else(|at| (at, false), |at| (at + 1, false)),
            };
            next = node.child(at).filter(|_| !is_here);
            cursor.way.push((node, at));
        }
        Ok(cursor)
    }

    fn load(&self, address: u64) -> Result<Node, Error> {
        self.tree.check_levels(self.way.len() + 1, address)?;
        Node::load(self.tree, address)
    }

    /// The next entry, if there is one and its key is wanted. The value behind a key that is not wanted is not read.
    pub(super) fn next(&mut self, wanted: impl Fn(&[u8]) -> bool) -> Result<Option<OwnedEntry>, Error> {
        while self.way.last().is_some_and(|(node, at)| *at == node.len()) {
            self.way.pop();
        }
        let Some((node, at)) = self.way.last_mut() else { return Ok(None) };
        let key = node.key(*at).to_vec();
        if self.last_key.as_ref().is_some_and(|last| *last >= key) {
            return Err(self.tree.damaged("the keys are not in order", 0));
        }
        if !wanted(&key) {
            return Ok(None);
        }
        let value = node.load_value(self.tree, *at)?.to_vec();
        *at += 1;
        let mut below = node.child(*at);
        while let Some(address) = below {
            let node = self.load(address)?;
            below = node.child(0);
            self.way.push((node, 0));
        }
        let last = self.last_key.get_or_insert_default();
        last.clear();
        last.extend_from_slice(&key);
        Ok(Some((key, value)))
    }
}

//! The B-tree as it lies in memory: opening it, and finding what is in it.

use std::cell::Cell;

use ic_stable_structures::Memory;
use storage_api::Error;

use super::layout::{CHUNK_BYTES, HEAD_BYTES, Head, IN_USE_AT, MAX_LEVELS, chunk_number};
use super::node::Node;
use crate::layout::PAGE_BYTES;
use crate::open::OpenError;

/// A B-tree. Generic over the memory that holds nothing but it.
pub(super) struct Tree<M: Memory> {
    pub(super) memory: M,
    /// What errors call it.
    pub(super) name: &'static str,
    /// The length of a key in bytes, where all have the same.
    pub(super) key_bytes: Option<u32>,
    /// The most bytes that a key and its value have together.
    pub(super) max_entry_bytes: u64,
    /// The head as it is in memory, or that of a new map where the memory is empty.
    pub(super) head: Cell<Head>,
}

impl<M: Memory> Tree<M> {
    pub(super) fn open(
        memory: M,
        name: &'static str,
        key_bytes: Option<u32>,
        max_entry_bytes: u64,
    ) -> Result<Self, OpenError> {
        let mut head = Head::NEW;
        if memory.size() > 0 {
            let mut bytes = [0; HEAD_BYTES];
            memory.read(0, &mut bytes);
            let damaged = || OpenError::damaged(format!("the memory of the {name} holds no map"), 0);
            head = Head::decode(&bytes).ok_or_else(damaged)?;
        }
        Ok(Self { memory, name, key_bytes, max_entry_bytes, head: Cell::new(head) })
    }

    /// An error at a place of the memory.
    pub(super) fn damaged(&self, what: &str, at: u64) -> Error {
        Error::corrupted(format!("{}: {what}", self.name), at)
    }

    /// Refuses a place where no chunk is, of which so many bytes are needed.
    pub(super) fn check_place(&self, at: u64, needed: usize) -> Result<(), Error> {
        debug_assert!(needed <= CHUNK_BYTES);
        let end = at.checked_add(needed as u64);
        let is_inside = end.is_some_and(|end| end <= self.memory.size() * PAGE_BYTES);
        if is_inside && chunk_number(at).is_some() {
            Ok(())
        } else {
            Err(self.damaged("a link leads to where no chunk is", at))
        }
    }

    /// Refuses to go on from a count of more chunks than the memory can hold.
    pub(super) fn check_count(&self) -> Result<(), Error> {
        let bytes = self.head.get().in_use.saturating_mul(CHUNK_BYTES as u64);
        if bytes <= self.memory.size() * PAGE_BYTES {
            Ok(())
        } else {
            Err(self.damaged("it counts more chunks than its memory has", IN_USE_AT))
        }
    }

    /// The value under a key.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut address = self.head.get().root;
        for _ in 0..MAX_LEVELS {
            if address == 0 {
                return Ok(None);
            }
            let mut node = Node::load(self, address)?;
            match node.search(key) {
                Ok(at) => return Ok(Some(node.load_value(self, at)?.to_vec())),
                Err(at) => address = node.child(at).unwrap_or(0),
            }
        }
        Err(self.too_many_levels(address))
    }

    pub(super) fn too_many_levels(&self, address: u64) -> Error {
        self.damaged("it has more levels than it can have", address)
    }
}

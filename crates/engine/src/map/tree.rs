//! The B-tree as it lies in memory: opening it, and finding what is in it.

use std::cell::Cell;

use ic_stable_structures::Memory;
use storage_api::Error;

use super::layout::{
    CHUNK_BYTES, CHUNK_HEADER_BYTES, HEAD_BYTES, Head, IN_USE_AT, MAX_LEVELS, chunk_link, chunk_number,
};
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
    #[cold]
    pub(super) fn damaged(&self, what: &str, at: u64) -> Error {
        Error::corrupted(format!("{}: {what}", self.name), at)
    }

    /// Refuses a place where no chunk is, of which so many bytes are needed.
    fn check_place(&self, at: u64, needed: usize) -> Result<(), Error> {
        debug_assert!(needed <= CHUNK_BYTES);
        let end = at.checked_add(needed as u64);
        let is_inside = end.is_some_and(|end| end <= self.memory.size() * PAGE_BYTES);
        if is_inside && chunk_number(at).is_some() {
            Ok(())
        } else {
            Err(self.damaged("a link leads to where no chunk is", at))
        }
    }

    /// The chunk whose content has this address, of which all has to be there.
    pub(super) fn chunk_of(&self, address: u64) -> Result<u64, Error> {
        let at = address.saturating_sub(CHUNK_HEADER_BYTES as u64);
        self.check_place(at, CHUNK_BYTES).map(|()| at)
    }

    /// The link in the header of a chunk that is in use or is not.
    pub(super) fn link_in(&self, header: &[u8], at: u64, in_use: bool) -> Result<u64, Error> {
        chunk_link(header, in_use).ok_or_else(|| self.damaged("the header of a chunk is damaged", at))
    }

    /// The free chunk behind a free one, or 0.
    pub(super) fn free_behind(&self, at: u64) -> Result<u64, Error> {
        self.check_place(at, CHUNK_HEADER_BYTES)?;
        let mut header = [0; CHUNK_HEADER_BYTES];
        self.memory.read(at, &mut header);
        self.link_in(&header, at, false)
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
        let (mut next, mut levels) = (self.head.get().root(), 0);
        while let Some(address) = next {
            levels += 1;
            self.check_levels(levels, address)?;
            let mut node = Node::load(self, address)?;
            match node.search(key) {
                Ok(at) => return Ok(Some(node.load_value(self, at)?.to_vec())),
                Err(at) => next = node.child(at),
            }
        }
        Ok(None)
    }

    /// Refuses a node that lies deeper than there can be levels, as one that leads back to itself does.
    pub(super) fn check_levels(&self, levels: usize, address: u64) -> Result<(), Error> {
        if levels <= MAX_LEVELS {
            Ok(())
        } else {
            Err(self.damaged("it has more levels than it can have", address))
        }
    }
}

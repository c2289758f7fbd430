//! Taking chunks and giving them back.

use std::collections::BTreeSet;

use ic_stable_structures::Memory;
use storage_api::Error;

use super::layout::{CHUNK_BYTES, FIRST_CHUNK_AT, chunk_header, chunk_number};
use super::tree::Tree;

/// The chunks as they will be. Nothing is written until [`write`](Self::write).
#[derive(Debug)]
pub(super) struct Chunks {
    pub(super) in_use: u64,
    /// The first free chunk in memory.
    free: u64,
    /// Whether that is the new end, whose header is not in memory yet.
    is_new_end: bool,
    /// Chunks that have been given back and not been taken again. The lowest is the next to be taken.
    freed: BTreeSet<u64>,
}

impl Chunks {
    pub(super) fn of<M: Memory>(tree: &Tree<M>) -> Self {
        let head = tree.head.get();
        Self {
            in_use: head.in_use,
            free: head.free,
            is_new_end: tree.memory.size() == 0,
            freed: BTreeSet::new(),
        }
    }

    /// Takes a chunk, and gives its place.
    pub(super) fn take<M: Memory>(&mut self, tree: &Tree<M>) -> Result<u64, Error> {
        let at = match self.freed.pop_first() {
            Some(at) => at,
            None => self.take_free(tree)?,
        };
        self.in_use += 1;
        Ok(at)
    }

    fn take_free<M: Memory>(&mut self, tree: &Tree<M>) -> Result<u64, Error> {
        let at = self.free;
        let next = if self.is_new_end { 0 } else { tree.free_behind(at)? };
        if next != 0 {
            self.free = next;
            return Ok(at);
        }
        // The last free chunk is the end, so all in front of it are in use.
        if chunk_number(at) != Some(self.in_use) {
            return Err(tree.damaged("the list of free chunks ends too early", at));
        }
        self.free = at + CHUNK_BYTES as u64;
        self.is_new_end = true;
        Ok(at)
    }

    /// Gives a chunk back.
    pub(super) fn give_back<M: Memory>(&mut self, tree: &Tree<M>, at: u64) -> Result<(), Error> {
        if self.in_use == 0 || !self.freed.insert(at) {
            return Err(tree.damaged("two links lead to the same chunk", at));
        }
        self.in_use -= 1;
        Ok(())
    }

    /// Chunks that the memory must have room for: all in front of the end, where that is new.
    pub(super) fn up_to_end(&self) -> u64 {
        if self.is_new_end { (self.free - FIRST_CHUNK_AT) / CHUNK_BYTES as u64 } else { 0 }
    }

    /// Writes the headers of chunks that are free now, and gives the first of them.
    pub(super) fn write<M: Memory>(&self, memory: &M) -> u64 {
        if self.is_new_end {
            memory.write(self.free, &chunk_header(false, 0));
        }
        self.freed.iter().rev().fold(self.free, |next, at| {
            memory.write(*at, &chunk_header(false, next));
            *at
        })
    }
}

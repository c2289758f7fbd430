//! The free lists: one for each class, doubly linked, with the most recently freed block first.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::blocks::{Block, Blocks};
use super::class::Class;
use super::control::list_head;
use super::tag::TAG_BYTES;

/// The links of a free block in the list of its class. Each is an offset, or 0 for none.
#[derive(Clone, Copy)]
enum Link {
    Next,
    Previous,
}

impl Link {
    /// Returns the offset of this link of the block at `offset`.
    const fn of(self, offset: u64) -> u64 {
        match self {
            Self::Next => offset + TAG_BYTES,
            Self::Previous => offset + TAG_BYTES + 8,
        }
    }
}

impl<M: Memory> Blocks<'_, M> {
    /// Inserts a free block of `size` bytes at the front of the list of its class.
    pub(super) fn link(&mut self, offset: u64, size: u64) -> Result<Block, Error> {
        let class = Class::holding(size);
        let next = self.cache.get(list_head(class));
        if self.header.has(class) != (next != 0) {
            return Err(Error::corrupted("a free list of the arena contradicts its bit", list_head(class)));
        }
        if next != 0 {
            self.member(next, class, Link::Previous, 0)?;
            self.cache.set(Link::Previous.of(next), offset);
        }
        self.cache.set(list_head(class), offset);
        self.cache.set(Link::Next.of(offset), next);
        self.cache.set(Link::Previous.of(offset), 0);
        self.header.mark(class);
        self.header.count_slots(size);
        Ok(self.set_free(offset, size))
    }

    /// Removes a free block from the list of its class.
    pub(super) fn unlink(&mut self, block: Block) -> Result<(), Error> {
        let class = Class::holding(block.tag.size);
        self.header.uncount_slots(block.tag.size)?;
        let [_, next, previous] = self.cache.header(block.offset);
        if next != 0 {
            self.member(next, class, Link::Previous, block.offset)?;
            self.cache.set(Link::Previous.of(next), previous);
        }
        if previous != 0 {
            self.member(previous, class, Link::Next, block.offset)?;
            self.cache.set(Link::Next.of(previous), next);
            return Ok(());
        }
        if self.cache.get(list_head(class)) != block.offset || !self.header.has(class) {
            return Err(Error::corrupted("a free block is not in the list of its class", block.offset));
        }
        self.cache.set(list_head(class), next);
        if next == 0 {
            self.header.clear(class);
        }
        Ok(())
    }

    /// Returns the first block in the list of `class`, which the bitmaps mark as not empty.
    pub(super) fn first(&mut self, class: Class) -> Result<Block, Error> {
        let offset = self.cache.get(list_head(class));
        self.member(offset, class, Link::Previous, 0)
    }

    /// Returns the block after this one in the list of `class`, if there is one.
    pub(super) fn next_in_class(&mut self, block: Block, class: Class) -> Result<Option<Block>, Error> {
        match self.cache.get(Link::Next.of(block.offset)) {
            0 => Ok(None),
            next => self.member(next, class, Link::Previous, block.offset).map(Some),
        }
    }

    /// Returns the block at `offset`, which must be a free block of `class` whose link points to `expected`.
    fn member(&mut self, offset: u64, class: Class, link: Link, expected: u64) -> Result<Block, Error> {
        let block = self.block(offset)?;
        let found = self.cache.get(link.of(offset));
        if !block.tag.free || Class::holding(block.tag.size) != class || found != expected {
            return Err(Error::corrupted("a free list of the arena is inconsistent", offset));
        }
        Ok(block)
    }
}

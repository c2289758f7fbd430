//! Allocating and freeing, all or nothing.

use ic_stable_structures::Memory;
use storage_api::Error;

use super::class::Class;
use super::control::{FIRST_BLOCK, Head, SENTINEL_BYTES, list_head};
use super::tag::{FOOTER_BYTES, GRAIN_BYTES, TAG_BYTES, Tag};
use super::words::Words;
use super::{Arena, BUCKET_BYTES, Extent, MAX_ARENA_BYTES, MAX_EXTENT_BYTES, PAGE_BYTES, block_bytes};

/// A block and its tag, as it was when it was read.
#[derive(Clone, Copy)]
struct Block {
    at: u64,
    tag: Tag,
}

/// Allocations and frees that become true together, at [`commit`](Self::commit).
///
/// Until then nothing is written, and dropping the transaction leaves no trace. Every error that there can be is found
/// before the commit.
#[must_use = "a transaction that is not committed leaves no trace"]
pub struct Transaction<'a, M: Memory> {
    arena: &'a Arena<M>,
    /// The head as it is in the memory.
    stored: Head,
    /// The head as it will be.
    head: Head,
    words: Words<'a, M>,
    /// The size of the memory, in pages.
    pages: u64,
    /// How many transactions of the arena had been committed when this one began.
    commits: u64,
    /// Corruption was found half-way through a change, so what is in `words` must not be written.
    broken: bool,
}

impl<'a, M: Memory> Transaction<'a, M> {
    /// A transaction without changes over an arena that has this head in a memory of so many pages.
    pub(super) fn new(arena: &'a Arena<M>, head: Head, pages: u64) -> Self {
        let words = Words::new(&arena.memory, pages * PAGE_BYTES);
        Self { arena, stored: head, head, words, pages, commits: arena.commits.get(), broken: false }
    }

    /// Takes an extent of at least `len` bytes, from 1 to [`MAX_EXTENT_BYTES`]. Its content is arbitrary.
    ///
    /// Grows the arena where nothing fits, which [`pages_to_grow`](Self::pages_to_grow) tells. [`Error::OutOfMemory`]
    /// where it would grow beyond its largest size, and the transaction can go on then.
    ///
    /// # Panics
    ///
    /// Where `len` is 0.
    pub fn allocate(&mut self, len: u64) -> Result<Extent, Error> {
        assert!(len > 0, "an extent has at least one byte");
        if len > MAX_EXTENT_BYTES {
            return Err(Error::TooLarge { size: len, limit: MAX_EXTENT_BYTES });
        }
        let taken = self.take(block_bytes(len));
        self.noting(taken)
    }

    /// Gives back an extent that was allocated with `len` bytes. [`Error::Corrupted`] where it cannot be one; the
    /// transaction cannot be committed then.
    pub fn free(&mut self, extent: Extent, len: u64) -> Result<(), Error> {
        let freed = self.give_back(extent, len);
        self.noting(freed)
    }

    /// How much the commit will grow the memory, in pages of 64 KiB: 0, or whole buckets.
    pub fn pages_to_grow(&self) -> u64 {
        (self.head.total_bytes() / PAGE_BYTES).saturating_sub(self.pages)
    }

    /// Makes the changes. The order of the writes does not matter, because a message's writes are atomic.
    ///
    /// # Panics
    ///
    /// Where the memory cannot grow by [`pages_to_grow`](Self::pages_to_grow), which the caller has made sure of; where
    /// an allocation or a free has found corruption; and where another transaction was committed since this one began.
    pub fn commit(self) {
        assert!(!self.broken, "a transaction that found corruption was committed");
        assert_eq!(self.commits, self.arena.commits.get(), "two transactions of an arena overlap");
        self.arena.commits.set(self.commits + 1);
        let pages = self.pages_to_grow();
        if pages > 0 {
            let grown = self.arena.memory.grow(pages);
            assert!(grown >= 0, "the arena's memory refused {pages} pages that the caller had made sure of");
        }
        if let Some((at, bytes)) = self.head.changes(&self.stored) {
            self.arena.memory.write(at, &bytes);
        }
        self.words.write();
    }

    fn noting<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        self.broken |= matches!(result, Err(Error::Corrupted { .. }));
        result
    }

    /// Takes a block of exactly `size` bytes off the free ones.
    fn take(&mut self, size: u64) -> Result<Extent, Error> {
        let block = match self.find(size)? {
            Some(block) => block,
            None => self.grow(size)?,
        };
        self.unlink(block)?;
        let rest = block.tag.size - size;
        if rest > 0 {
            self.link(block.at + size, rest)?;
        } else {
            let next = self.block(block.at + size)?;
            self.set_tag(next.at, Tag { previous_free: false, ..next.tag });
        }
        self.set_tag(block.at, Tag::used(size));
        self.head.count_used(size);
        Ok(Extent(block.at + TAG_BYTES))
    }

    /// A free block of at least `size` bytes.
    fn find(&mut self, size: u64) -> Result<Option<Block>, Error> {
        let (own, fitting) = (Class::holding(size), Class::fitting(size));
        if own != fitting && self.head.has(own) {
            let block = self.first(own)?;
            if block.tag.size >= size {
                return Ok(Some(block));
            }
        }
        self.head.first_from(fitting).map(|class| self.first(class)).transpose()
    }

    fn give_back(&mut self, extent: Extent, len: u64) -> Result<(), Error> {
        let foreign = || Error::corrupted(format!("there is no extent of {len} bytes"), extent.0);
        let at = extent.0.checked_sub(TAG_BYTES).ok_or_else(foreign)?;
        if len == 0 || len > MAX_EXTENT_BYTES || !self.is_place(at) {
            return Err(foreign());
        }
        // The footer of the block before is in the line before; both come with one read.
        self.words.fetch(at - GRAIN_BYTES, 2);
        let block = self.block(at)?;
        if block.tag.free || block.tag.size != block_bytes(len) {
            return Err(foreign());
        }
        self.head.count_freed(block.tag.size)?;
        self.release(block).map(drop)
    }

    /// Makes a block in use a free one, together with its free neighbours.
    fn release(&mut self, block: Block) -> Result<Block, Error> {
        let mut size = block.tag.size;
        let next = self.block(block.at + size)?;
        if next.tag.previous_free {
            return Err(Error::corrupted("an arena block is taken for free by the next one", next.at));
        }
        if next.tag.free {
            self.unlink(next)?;
            size += next.tag.size;
        } else {
            self.set_tag(next.at, Tag { previous_free: true, ..next.tag });
        }
        if !block.tag.previous_free {
            return self.link(block.at, size);
        }
        let previous = self.block_before(block.at)?;
        // Without its tag the extent cannot be freed twice.
        self.words.set(block.at, 0);
        self.enlarge(previous, previous.tag.size + size)
    }

    /// Makes a free block larger, at its end. It keeps its place in its list where it stays in its class, which spares
    /// its neighbours in the list.
    fn enlarge(&mut self, block: Block, size: u64) -> Result<Block, Error> {
        if Class::holding(block.tag.size) != Class::holding(size) {
            self.unlink(block)?;
            return self.link(block.at, size);
        }
        Ok(self.set_free(block.at, size))
    }

    /// Adds as many buckets as make a free block of `size` bytes at the end, and gives that block.
    fn grow(&mut self, size: u64) -> Result<Block, Error> {
        let added = if self.head.is_empty() {
            Block { at: FIRST_BLOCK, tag: Tag::SENTINEL }
        } else {
            self.block(self.head.end())?
        };
        let start = if added.tag.previous_free { self.block_before(added.at)?.at } else { added.at };
        let total = (start + size + SENTINEL_BYTES).next_multiple_of(BUCKET_BYTES);
        let now = self.head.total_bytes();
        if total > MAX_ARENA_BYTES {
            return Err(Error::OutOfMemory { requested: total - now, available: MAX_ARENA_BYTES - now });
        }
        let end = total - SENTINEL_BYTES;
        self.head.set_end(end);
        self.set_tag(end, Tag::SENTINEL);
        // The old sentinel becomes the tag of what was added.
        self.release(Block { tag: Tag { size: end - added.at, ..added.tag }, ..added })
    }

    /// Puts a free block of `size` bytes at the front of the list of its class.
    fn link(&mut self, at: u64, size: u64) -> Result<Block, Error> {
        let class = Class::holding(size);
        let next = self.words.get(list_head(class));
        if self.head.has(class) != (next != 0) {
            return Err(Error::corrupted(
                "a free list of the arena disagrees with its bit",
                list_head(class),
            ));
        }
        if next != 0 {
            self.member(next, class, Link::Previous, 0)?;
            self.words.set(Link::Previous.of(next), at);
        }
        self.words.set(list_head(class), at);
        self.words.set(Link::Next.of(at), next);
        self.words.set(Link::Previous.of(at), 0);
        self.head.mark(class);
        Ok(self.set_free(at, size))
    }

    /// Takes a free block out of the list of its class.
    fn unlink(&mut self, block: Block) -> Result<(), Error> {
        let class = Class::holding(block.tag.size);
        let [_, next, previous] = self.words.header(block.at);
        if next != 0 {
            self.member(next, class, Link::Previous, block.at)?;
            self.words.set(Link::Previous.of(next), previous);
        }
        if previous != 0 {
            self.member(previous, class, Link::Next, block.at)?;
            self.words.set(Link::Next.of(previous), next);
            return Ok(());
        }
        if self.words.get(list_head(class)) != block.at || !self.head.has(class) {
            return Err(Error::corrupted("a free block is not in the list of its class", block.at));
        }
        self.words.set(list_head(class), next);
        if next == 0 {
            self.head.clear(class);
        }
        Ok(())
    }

    /// The first block in the list of `class`, which the bitmaps say is not empty.
    fn first(&mut self, class: Class) -> Result<Block, Error> {
        let at = self.words.get(list_head(class));
        self.member(at, class, Link::Previous, 0)
    }

    /// The block at `at`, which must be a free one of `class` whose link leads to `expected`.
    fn member(&mut self, at: u64, class: Class, link: Link, expected: u64) -> Result<Block, Error> {
        let block = self.block(at)?;
        let found = self.words.get(link.of(at));
        if !block.tag.free || Class::holding(block.tag.size) != class || found != expected {
            return Err(Error::corrupted("a free list of the arena is broken", at));
        }
        Ok(block)
    }

    /// The block at `at`, or the sentinel.
    fn block(&mut self, at: u64) -> Result<Block, Error> {
        if at != self.head.end() && !self.is_place(at) {
            return Err(Error::corrupted("a block of the arena cannot be here", at));
        }
        let [word, ..] = self.words.header(at);
        let tag = Tag::decode(word, at)?;
        let fits = if at == self.head.end() { tag.size == 0 && !tag.free } else { tag.size > 0 };
        if !fits || tag.size > self.head.end() - at {
            return Err(Error::corrupted("a block of the arena has an impossible size", at));
        }
        Ok(Block { at, tag })
    }

    /// The free block before the one at `at`, which says that there is one.
    fn block_before(&mut self, at: u64) -> Result<Block, Error> {
        let footer_at = at - FOOTER_BYTES;
        let footer = Tag::decode(self.words.get(footer_at), footer_at)?;
        let start = at.checked_sub(footer.size).filter(|&start| self.is_place(start) && start < at);
        let start =
            start.ok_or_else(|| Error::corrupted("an arena footer has an impossible size", footer_at))?;
        let block = self.block(start)?;
        if block.tag != Tag::free(footer.size) {
            return Err(Error::corrupted("an arena footer differs from its tag", footer_at));
        }
        Ok(block)
    }

    /// Whether a block, other than the sentinel, can be at `at`.
    fn is_place(&self, at: u64) -> bool {
        at.is_multiple_of(GRAIN_BYTES) && (FIRST_BLOCK..self.head.end()).contains(&at)
    }

    fn set_tag(&mut self, at: u64, tag: Tag) {
        self.words.set(at, tag.encode(at));
    }

    /// Sets the tag and the footer of a free block.
    fn set_free(&mut self, at: u64, size: u64) -> Block {
        let tag = Tag::free(size);
        self.set_tag(at, tag);
        self.set_tag(at + size - FOOTER_BYTES, tag);
        Block { at, tag }
    }
}

/// The links of a free block to its neighbours in the list of its class. Each is an offset, or 0 for none.
#[derive(Clone, Copy)]
pub(super) enum Link {
    Next,
    Previous,
}

impl Link {
    /// Where this link of the block at `at` lies.
    pub(super) const fn of(self, at: u64) -> u64 {
        match self {
            Self::Next => at + TAG_BYTES,
            Self::Previous => at + TAG_BYTES + 8,
        }
    }
}

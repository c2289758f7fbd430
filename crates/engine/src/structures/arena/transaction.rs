//! Allocating and freeing, all or nothing.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::blocks::Blocks;
use super::control::Head;
use super::words::Words;
use super::{Arena, Extent, MAX_EXTENT_BYTES, PAGE_BYTES, block_bytes};

/// Allocations and frees that become true together, at [`commit`](Self::commit).
///
/// Until then nothing is written, and dropping the transaction leaves no trace. Every error that there can be is found
/// before the commit.
#[must_use = "a transaction that is not committed leaves no trace"]
pub struct Transaction<'a, M: Memory> {
    arena: &'a Arena<M>,
    /// The head as it is in the memory.
    stored: Head,
    /// The arena as it will be.
    blocks: Blocks<'a, M>,
    /// The size of the memory, in pages.
    pages: u64,
    /// How many transactions of the arena had been committed when this one began.
    commits: u64,
    /// Corruption was found half-way through a change, so the `blocks` must not be written.
    broken: bool,
}

impl<'a, M: Memory> Transaction<'a, M> {
    /// A transaction without changes over an arena that has this head in a memory of so many pages.
    pub(super) fn new(arena: &'a Arena<M>, head: Head, pages: u64) -> Self {
        let blocks = Blocks::new(head, Words::new(&arena.memory, pages * PAGE_BYTES), arena.bucket_bytes);
        Self { arena, stored: head, blocks, pages, commits: arena.commits.get(), broken: false }
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
        let taken = self.blocks.take(block_bytes(len));
        self.noting(taken)
    }

    /// Gives back an extent that was allocated with `len` bytes. [`Error::Corrupted`] where it cannot be one; the
    /// transaction cannot be committed then.
    pub fn free(&mut self, extent: Extent, len: u64) -> Result<(), Error> {
        let freed = self.blocks.give_back(extent, len);
        self.noting(freed)
    }

    /// Gives back `count` extents of the same length that lie one after the other in memory, each right behind the block
    /// of the one before.
    ///
    /// # Errors
    ///
    /// As [`free`](Self::free).
    pub fn free_run(&mut self, extent: Extent, len: u64, count: u64) -> Result<(), Error> {
        let freed = self.blocks.give_back_run(extent, len, count);
        self.noting(freed)
    }

    /// Makes an extent that was allocated with `from` bytes one of `to` bytes, and gives back what is behind them. The bytes
    /// stay where they are.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] where it cannot be an extent of `from` bytes; the transaction cannot be committed then.
    ///
    /// # Panics
    ///
    /// Where `to` is 0 or more than `from`.
    pub fn cut_extent(&mut self, extent: Extent, from: u64, to: u64) -> Result<(), Error> {
        assert!((1..=from).contains(&to), "an extent of {from} bytes was cut to {to}");
        let shrunk = self.blocks.cut_extent(extent, from, to);
        self.noting(shrunk)
    }

    /// How much the commit will grow the memory, in pages of 64 KiB: 0, or whole buckets.
    pub fn pages_to_grow(&self) -> u64 {
        (self.blocks.head.total_bytes() / PAGE_BYTES).saturating_sub(self.pages)
    }

    /// How many blocks of a slot could be cut from the free blocks after the commit.
    pub fn slots(&self) -> u64 {
        self.blocks.head.slots()
    }

    /// Gives up so many buckets at the end. False, and nothing has changed, where they are not free, or where the transaction
    /// grows the arena. It must not allocate any more then. After the commit the
    /// arena ends before them, and it is for the caller to take them out of the memory.
    pub(crate) fn shrink(&mut self, buckets: u64) -> Result<bool, Error> {
        if self.pages_to_grow() > 0 {
            return Ok(false);
        }
        let shrunk = self.blocks.shrink(buckets);
        self.noting(shrunk)
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
        let Blocks { head, words, .. } = self.blocks;
        if let Some((at, bytes)) = head.changes(&self.stored) {
            self.arena.memory.write(at, &bytes);
        }
        words.write();
    }

    fn noting<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        self.broken |= matches!(result, Err(Error::Corrupted { .. }));
        result
    }
}

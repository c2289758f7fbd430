//! Allocating and freeing, all or nothing.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::blocks::Blocks;
use super::control::ArenaHeader;
use super::write_set::WriteSet;
use super::{Arena, Extent, MAX_EXTENT_BYTES, PAGE_BYTES, block_bytes};

/// Allocations and frees that take effect together, at [`commit`](Self::commit).
///
/// Nothing is written before the commit, and dropping the transaction changes nothing. Every possible error
/// occurs before the commit.
///
/// ```
/// use storage_engine::{VectorMemory, arena::Arena};
///
/// let arena = Arena::new(VectorMemory::default());
/// let mut transaction = arena.begin()?;
/// let extent = transaction.allocate(100_000)?;
/// assert_eq!(transaction.pages_to_grow(), 256);
/// transaction.commit();
///
/// let mut transaction = arena.begin()?;
/// transaction.free(extent, 100_000)?;
/// drop(transaction); // Nothing has changed.
/// assert_eq!(arena.stats()?.extents, 1);
/// # Ok::<(), storage_engine::Error>(())
/// ```
#[must_use = "a transaction that is not committed changes nothing"]
pub struct Transaction<'a, M: Memory> {
    arena: &'a Arena<M>,
    /// The header as it is in the memory.
    stored: ArenaHeader,
    /// The arena after the transaction.
    blocks: Blocks<'a, M>,
    /// Size of the memory, in pages.
    pages: u64,
    /// Number of committed transactions of the arena when this one began.
    commits: u64,
    /// Whether corruption was found in the middle of a change, so that the `blocks` must not be written.
    poisoned: bool,
}

impl<'a, M: Memory> Transaction<'a, M> {
    /// Begins a transaction on an arena with this header, in a memory of `pages` pages.
    pub(super) fn new(arena: &'a Arena<M>, header: ArenaHeader, pages: u64) -> Self {
        let blocks =
            Blocks::new(header, WriteSet::new(&arena.memory, pages * PAGE_BYTES), arena.bucket_bytes);
        Self { arena, stored: header, blocks, pages, commits: arena.commits.get(), poisoned: false }
    }

    /// Allocates an extent of at least `len` bytes, from 1 to [`MAX_EXTENT_BYTES`]. Its contents are
    /// arbitrary.
    ///
    /// Grows the arena if no free block fits; [`pages_to_grow`](Self::pages_to_grow) returns by how much.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`] if the arena would exceed its largest size; the transaction remains usable.
    /// [`Error::Corrupted`]; the transaction cannot be committed in that case.
    ///
    /// # Panics
    ///
    /// Panics if `len` is 0.
    pub fn allocate(&mut self, len: u64) -> Result<Extent, Error> {
        assert!(len > 0, "an extent has at least one byte");
        if len > MAX_EXTENT_BYTES {
            return Err(Error::TooLarge { size: len, limit: MAX_EXTENT_BYTES });
        }
        let taken = self.blocks.allocate(block_bytes(len));
        self.poison_on_corruption(taken)
    }

    /// Frees an extent that was allocated with `len` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] if it is not such an extent; the transaction cannot be committed in that case.
    pub fn free(&mut self, extent: Extent, len: u64) -> Result<(), Error> {
        let freed = self.blocks.free(extent, len);
        self.poison_on_corruption(freed)
    }

    /// Frees `count` contiguous extents of the same length, each directly after the block of the previous
    /// one.
    ///
    /// # Errors
    ///
    /// The same as for [`free`](Self::free).
    pub fn free_run(&mut self, extent: Extent, len: u64, count: u64) -> Result<(), Error> {
        let freed = self.blocks.free_run(extent, len, count);
        self.poison_on_corruption(freed)
    }

    /// Shrinks an extent from `from` to `to` bytes, and frees the rest. The bytes are not moved.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] if it is not an extent of `from` bytes; the transaction cannot be committed in
    /// that case.
    ///
    /// # Panics
    ///
    /// Panics if `to` is 0 or more than `from`.
    pub fn shrink_extent(&mut self, extent: Extent, from: u64, to: u64) -> Result<(), Error> {
        assert!((1..=from).contains(&to), "an extent of {from} bytes cannot shrink to {to}");
        let shrunk = self.blocks.shrink_extent(extent, from, to);
        self.poison_on_corruption(shrunk)
    }

    /// Returns by how much the commit grows the memory, in pages of 64 KiB: 0, or whole buckets.
    pub fn pages_to_grow(&self) -> u64 {
        (self.blocks.header.total_bytes() / PAGE_BYTES).saturating_sub(self.pages)
    }

    /// Returns the number of slots that the free blocks can supply after the commit.
    pub fn slots(&self) -> u64 {
        self.blocks.header.slots()
    }

    /// Frees the last `buckets` buckets. Returns false and changes nothing if they are not free, or if the
    /// transaction grows the arena. The transaction must not allocate after that. After the commit the arena
    /// ends before these buckets, and the caller must remove them from the memory.
    pub(crate) fn shrink(&mut self, buckets: u64) -> Result<bool, Error> {
        if self.pages_to_grow() > 0 {
            return Ok(false);
        }
        let shrunk = self.blocks.shrink(buckets);
        self.poison_on_corruption(shrunk)
    }

    /// Writes the changes. The order of the writes does not matter, because a message's writes are atomic.
    ///
    /// # Panics
    ///
    /// Panics if the memory cannot grow by [`pages_to_grow`](Self::pages_to_grow), which the caller has
    /// reserved; if an allocation or a free has found corruption; or if another transaction was committed
    /// since this one began.
    pub fn commit(self) {
        assert!(!self.poisoned, "a transaction that found corruption was committed");
        assert_eq!(self.commits, self.arena.commits.get(), "two transactions of an arena overlap");
        self.arena.commits.set(self.commits + 1);
        let pages = self.pages_to_grow();
        if pages > 0 {
            let grown = self.arena.memory.grow(pages);
            assert!(grown >= 0, "the arena's memory refused {pages} pages that the caller had reserved");
        }
        let Blocks { header, cache, .. } = self.blocks;
        if let Some((offset, bytes)) = header.changes(&self.stored) {
            self.arena.memory.write(offset, &bytes);
        }
        cache.write();
    }

    fn poison_on_corruption<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        self.poisoned |= matches!(result, Err(Error::Corrupted { .. }));
        result
    }
}

//! Extents of stable memory: an allocator that keeps everything it knows in the memory itself.
//!
//! This is TLSF, two-level segregated fit (Masmano, Ripoll, Crespo and Real, 2004), with boundary tags: taking and
//! giving back cost the same however many extents there are, and free neighbours are always one block.
//!
//! # Layout v1
//!
//! All of it is little-endian words of eight bytes; offsets and sizes are in bytes.
//!
//! ```text
//!          0  +--------------------------------------------+
//!             | "ARENA", 0; version 1 as a u16             |  control page
//!          8  | end: offset of the sentinel                |
//!         16  | bytes of the blocks in use, tags included  |
//!         24  | number of the blocks in use                |
//!         32  | bitmap of the 31 levels with a free block  |
//!         40  | bitmap of the 496 classes with a free one  |
//!        104  | blocks of a slot that the free ones hold   |
//!        112  | zero                                       |
//!        128  | first free block of each class, or 0       |
//!       4096  +--------------------------------------------+
//!             | block | block | block | ...                |  sizes are multiples of 32
//!        end  +--------------------------------------------+
//!             | tag of the sentinel; zeroes                |
//!   end + 32  +--------------------------------------------+  a multiple of 16 MiB
//!
//!   in use:   +0 tag   +8 payload, to the end
//!   free:     +0 tag   +8 next in its class, or 0   +16 previous, or 0   ...   -8 footer: the size again, as in the tag
//! ```
//!
//! A tag is described in `tag.rs`, classes in `class.rs`. Of two neighbours at most one is free, and a block's tag says
//! whether the one before it is. The sentinel counts as a block in use of no bytes. It becomes the tag of a block
//! when the arena grows. A memory of no pages is an arena in which nothing was ever allocated.
//!
//! A block is cut so that less than 128 bytes are left beyond its extent. So a free with a wrong length or a wrong place
//! is found out.
//!
//! The arena grows by buckets, and gives buckets at its end back when they are free and another store needs them. What it
//! grows by need not be zero: it writes all that it reads.

mod blocks;
mod check;
mod class;
mod control;
mod lists;
mod repair;
mod tag;
mod transaction;
mod words;

#[cfg(test)]
mod tests;

use std::cell::Cell;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

pub use self::transaction::Transaction;

use self::control::{FIRST_BLOCK, HEAD_BYTES, Head, list_head};
use self::tag::{GRAIN_BYTES, TAG_BYTES, Tag};
use crate::Problem;

/// The longest extent, in bytes: 16 MiB.
pub const MAX_EXTENT_BYTES: u64 = 16 << 20;

/// The largest arena, in bytes: 512 GiB less a bucket.
pub const MAX_ARENA_BYTES: u64 = (512 << 30) - BUCKET_BYTES;

/// A slot, in bytes: the block that one extent of a large object takes. Free blocks of at least a slot are the only ones of
/// their class and above, so an allocation of [`SLOT_EXTENT_BYTES`] finds one whenever there is one; and a bucket that is
/// added always holds one. So slots can be counted, and promised.
pub const SLOT_BYTES: u64 = 31 << 19;

/// The bytes that an extent of a slot can hold: 15.5 MiB less a tag.
pub const SLOT_EXTENT_BYTES: u64 = SLOT_BYTES - TAG_BYTES;

const _: () = assert!(class::Class::fitting(SLOT_BYTES).index() == class::Class::holding(SLOT_BYTES).index());
const _: () = assert!(FIRST_BLOCK + SLOT_BYTES + control::SENTINEL_BYTES <= BUCKET_BYTES);

const PAGE_BYTES: u64 = 65_536;

/// The arena grows by this many bytes at a time: a bucket of 256 pages (see [`layout`](crate::base::layout)).
const BUCKET_BYTES: u64 = 256 * PAGE_BYTES;

/// The smallest block that holds an extent of `len` bytes: a tag and the extent, rounded up to a multiple of 32.
pub(crate) const fn block_bytes(len: u64) -> u64 {
    (TAG_BYTES + len).next_multiple_of(GRAIN_BYTES)
}

/// An extent: where its payload starts, in bytes from the start of the arena's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extent(u64);

impl Extent {
    /// The extent whose payload starts at `offset`.
    pub const fn at(offset: u64) -> Self {
        Self(offset)
    }

    /// Where the payload starts, in bytes from the start of the arena's memory.
    pub const fn offset(self) -> u64 {
        self.0
    }
}

/// How full an arena is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArenaStats {
    /// The bytes of all blocks in use, tags included.
    pub used_bytes: u64,
    /// The bytes of all free blocks.
    pub free_bytes: u64,
    /// The number of extents.
    pub extents: u64,
    /// The size of a free block of the highest class that has one, in bytes. No free block is larger by more than a
    /// sixteenth.
    pub largest_free_bytes: u64,
    /// The bytes of memory that the arena takes, all told.
    pub size_bytes: u64,
    /// How many blocks of [`SLOT_BYTES`] could be cut from the free blocks.
    pub slots: u64,
}

/// An allocator of extents over one memory, which it has to itself.
pub struct Arena<M: Memory> {
    memory: M,
    /// How many transactions were committed, so that overlapping ones are found out.
    commits: Cell<u64>,
    /// It grows by this many bytes at a time: [`BUCKET_BYTES`], and less in tests.
    bucket_bytes: u64,
}

impl<M: Memory> Arena<M> {
    /// The arena in this memory. Reads nothing and writes nothing.
    pub fn new(memory: M) -> Self {
        Self { memory, commits: Cell::new(0), bucket_bytes: BUCKET_BYTES }
    }

    /// An arena that grows by so many bytes at a time, so that it meets its end often.
    #[cfg(test)]
    fn with_bucket(memory: M, bucket_bytes: u64) -> Self {
        Self { memory, commits: Cell::new(0), bucket_bytes }
    }

    /// The memory that holds the arena and nothing else.
    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// Begins a transaction. [`Error::Corrupted`] where the memory has pages, but no arena that can be one.
    pub fn begin(&self) -> Result<Transaction<'_, M>, Error> {
        Ok(Transaction::new(self, self.head()?, self.memory.size()))
    }

    /// Reads what lies `offset` bytes into an extent. [`Error::Corrupted`] where that is not in the memory.
    ///
    /// Does not look at the extent's tag, because this is the hot path of all reads: whether the range is within the
    /// extent is for the caller to know.
    pub fn read(&self, extent: Extent, offset: u64, dst: &mut [u8]) -> Result<(), Error> {
        let at = self.place(extent, offset, dst.len());
        let at = at.ok_or_else(|| Error::corrupted("an extent lies outside of the arena", extent.0))?;
        self.memory.read(at, dst);
        Ok(())
    }

    /// Writes what lies `offset` bytes into an extent that the caller has.
    ///
    /// # Panics
    ///
    /// Where that is not in the memory.
    pub fn write(&self, extent: Extent, offset: u64, src: &[u8]) {
        let at = self.place(extent, offset, src.len()).expect("the extent lies within the arena");
        self.memory.write(at, src);
    }

    /// Makes sure that a block in use of at least `len` bytes starts with this extent. For an extent that was found where no
    /// checksum covers it, before something is written there. One read.
    pub(crate) fn require(&self, extent: Extent, len: u64) -> Result<(), Error> {
        let nowhere = || Error::corrupted(format!("there is no extent of {len} bytes"), extent.0);
        let at = self.place(extent, 0, len as usize).and_then(|at| at.checked_sub(TAG_BYTES));
        let at = at.filter(|at| at.is_multiple_of(GRAIN_BYTES)).ok_or_else(nowhere)?;
        let [word] = read_words(&self.memory, at);
        let tag = Tag::decode(word, at)?;
        if tag.free || tag.size < block_bytes(len) { Err(nowhere()) } else { Ok(()) }
    }

    /// How full the arena is. Costs the same however much it holds.
    pub fn stats(&self) -> Result<ArenaStats, Error> {
        let head = self.head()?;
        if head.is_empty() {
            return Ok(ArenaStats::default());
        }
        Ok(ArenaStats {
            used_bytes: head.used_bytes(),
            free_bytes: head.end() - FIRST_BLOCK - head.used_bytes(),
            extents: head.used_blocks(),
            largest_free_bytes: self.largest_free_bytes(&head)?,
            size_bytes: head.total_bytes(),
            slots: head.slots(),
        })
    }

    /// How many blocks of [`SLOT_BYTES`] could be cut from the free blocks. One read.
    pub fn slots(&self) -> Result<u64, Error> {
        Ok(self.head()?.slots())
    }

    /// Walks every block and every free list, and reports what is not as it must be, at most 100 problems.
    ///
    /// Calls `owned` with each extent there is and the bytes of its payload, so that the caller can compare them with
    /// the extents it knows of. Ends on any image, and reads nothing outside of the memory.
    pub fn check(&self, owned: &mut dyn FnMut(Extent, u64), problems: &mut Vec<Problem>) {
        check::check(&self.memory, self.bucket_bytes, owned, problems);
    }

    /// Writes the sentinel anew where it was lost and everything else is in order, and tells so. Walks every block.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] where something else is damaged, too; nothing has been written then.
    pub fn repair(&self) -> Result<Option<Problem>, Error> {
        repair::repair(&self.memory, self.bucket_bytes)
    }

    fn head(&self) -> Result<Head, Error> {
        let head = read_head(&self.memory, self.bucket_bytes)?;
        head.verify()?;
        Ok(head)
    }

    /// Where the range lies in the memory, if it does.
    fn place(&self, extent: Extent, offset: u64, len: usize) -> Option<u64> {
        let at = extent.0.checked_add(offset)?;
        let end = at.checked_add(len as u64)?;
        (extent.0 >= FIRST_BLOCK + TAG_BYTES && end <= self.memory.size() * PAGE_BYTES).then_some(at)
    }

    fn largest_free_bytes(&self, head: &Head) -> Result<u64, Error> {
        let Some(class) = head.highest() else { return Ok(0) };
        let [at] = read_words(&self.memory, list_head(class));
        if !at.is_multiple_of(GRAIN_BYTES) || !(FIRST_BLOCK..head.end()).contains(&at) {
            return Err(Error::corrupted("a free list of the arena starts nowhere", list_head(class)));
        }
        let [word] = read_words(&self.memory, at);
        Ok(Tag::decode(word, at)?.size)
    }
}

/// The head of the arena in `memory`, with what cannot be done without checked.
fn read_head<M: Memory>(memory: &M, bucket_bytes: u64) -> Result<Head, Error> {
    let pages = memory.size();
    if pages == 0 {
        return Ok(Head::EMPTY);
    }
    let mut bytes = [0; HEAD_BYTES];
    memory.read(0, &mut bytes);
    Head::decode(&bytes, pages * PAGE_BYTES, bucket_bytes)
}

/// The words at `at`, which must be in the memory, with one read.
fn read_words<M: Memory, const N: usize>(memory: &M, at: u64) -> [u64; N] {
    let mut bytes = [[0; 8]; N];
    memory.read(at, bytes.as_flattened_mut());
    bytes.map(u64::from_le_bytes)
}

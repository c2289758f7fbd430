//! Arena: an allocator of extents of stable memory, with all of its state in that memory.
//!
//! The algorithm is TLSF, two-level segregated fit (Masmano, Ripoll, Crespo and Real, 2004), with boundary
//! tags. The costs of allocating and freeing do not depend on the number of extents, and free neighbours
//! always form one block.
//!
//! # Layout v1
//!
//! The memory consists of little-endian words of eight bytes; offsets and sizes are in bytes.
//!
//! ```text
//!          0  +--------------------------------------------+
//!             | "ARENA", 0; version 1 as a u16             |  control page
//!          8  | end: offset of the sentinel                |
//!         16  | bytes of the used blocks, with their tags  |
//!         24  | number of used blocks                      |
//!         32  | bitmap of the 31 levels with a free block  |
//!         40  | bitmap of the 496 classes with a free block|
//!        104  | slots that the free blocks can supply      |
//!        112  | zero                                       |
//!        128  | first free block of each class, or 0       |
//!       4096  +--------------------------------------------+
//!             | block | block | block | ...                |  sizes are multiples of 32
//!        end  +--------------------------------------------+
//!             | tag of the sentinel; zeroes                |
//!   end + 32  +--------------------------------------------+  a multiple of 16 MiB
//!
//!   in use:   +0 tag   +8 payload, to the end
//!   free:     +0 tag   +8 next in its class, or 0   +16 previous, or 0   ...   -8 footer: a copy of the tag
//! ```
//!
//! `tag.rs` describes a tag, `class.rs` the classes. Two free blocks are never adjacent, and the tag of a
//! block states whether the previous block is free. The sentinel counts as a used block without bytes; when
//! the arena grows, it becomes the tag of a block. A memory of no pages is an arena in which nothing was ever
//! allocated.
//!
//! A block has less than 128 bytes more than its extent needs. A free with a wrong length or offset is
//! therefore detected.
//!
//! The arena grows by buckets. It frees buckets at its end if they are unused and another memory needs them.
//! New buckets need not be zero, because the arena writes everything that it reads.

mod blocks;
mod check;
mod class;
mod control;
mod lists;
mod repair;
mod tag;
mod transaction;
mod write_set;

#[cfg(test)]
mod tests;

use std::cell::Cell;

use ic_stable_structures::Memory;
use stable_storage_api::Error;

pub use self::transaction::Transaction;

use self::control::{ArenaHeader, FIRST_BLOCK, HEADER_BYTES, list_head};
use self::tag::{ALIGNMENT, TAG_BYTES, Tag};
use crate::Problem;
pub use crate::base::layout::SLOT_BYTES;
use crate::base::layout::{BUCKET_BYTES, PAGE_BYTES};

/// Largest extent, in bytes: 16 MiB.
pub const MAX_EXTENT_BYTES: u64 = 16 << 20;

/// Largest arena, in bytes: 512 GiB less a bucket.
pub const MAX_ARENA_BYTES: u64 = (512 << 30) - BUCKET_BYTES;

/// Size of a full extent, in bytes: 15.5 MiB less a tag.
pub const SLOT_EXTENT_BYTES: u64 = SLOT_BYTES - TAG_BYTES;

const _: () = assert!(class::Class::fitting(SLOT_BYTES).index() == class::Class::holding(SLOT_BYTES).index());
const _: () = assert!(FIRST_BLOCK + SLOT_BYTES + control::SENTINEL_BYTES <= BUCKET_BYTES);

/// Returns the size of the smallest block for an extent of `len` bytes: a tag and the extent, rounded up to a
/// multiple of 32.
pub(crate) const fn block_bytes(len: u64) -> u64 {
    (TAG_BYTES + len).next_multiple_of(ALIGNMENT)
}

/// An extent, identified by the offset of its payload from the start of the arena's memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extent(u64);

impl Extent {
    /// Creates the extent whose payload starts at `offset`.
    pub const fn at(offset: u64) -> Self {
        Self(offset)
    }

    /// Returns the offset of the payload from the start of the arena's memory, in bytes.
    pub const fn offset(self) -> u64 {
        self.0
    }
}

/// Space used and free in an arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArenaStats {
    /// Bytes of all used blocks, including tags.
    pub used_bytes: u64,
    /// Bytes of all free blocks.
    pub free_bytes: u64,
    /// Number of extents.
    pub extents: u64,
    /// Size of a free block of the highest class that has one, in bytes. The largest free block is at most a
    /// sixteenth larger.
    pub largest_free_bytes: u64,
    /// Size of the whole arena, in bytes.
    pub size_bytes: u64,
    /// Number of blocks of [`SLOT_BYTES`] that the free blocks can supply.
    pub slots: u64,
}

/// Allocator of extents in a separate memory.
///
/// ```
/// use storage_engine::{VectorMemory, arena::Arena};
///
/// let arena = Arena::new(VectorMemory::default());
/// let mut transaction = arena.begin()?;
/// let extent = transaction.allocate(5)?;
/// transaction.commit();
///
/// arena.write(extent, 0, b"hello");
/// let mut bytes = [0; 5];
/// arena.read(extent, 0, &mut bytes)?;
/// assert_eq!(&bytes, b"hello");
/// assert_eq!(arena.stats()?.extents, 1);
/// # Ok::<(), storage_engine::Error>(())
/// ```
pub struct Arena<M: Memory> {
    memory: M,
    /// Number of committed transactions, to detect overlapping ones.
    commits: Cell<u64>,
    /// Number of bytes by which the arena grows: [`BUCKET_BYTES`], or less in tests.
    bucket_bytes: u64,
}

impl<M: Memory> Arena<M> {
    /// Creates an arena over this memory. Reads nothing and writes nothing.
    pub fn new(memory: M) -> Self {
        Self { memory, commits: Cell::new(0), bucket_bytes: BUCKET_BYTES }
    }

    /// Creates an arena that grows by multiples of `bucket_bytes`.
    pub(crate) fn with_bucket(memory: M, bucket_bytes: u64) -> Self {
        Self { memory, commits: Cell::new(0), bucket_bytes }
    }

    /// Returns the memory of the arena.
    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] if the memory has pages that are not an arena.
    pub fn begin(&self) -> Result<Transaction<'_, M>, Error> {
        Ok(Transaction::new(self, self.header()?, self.memory.size()))
    }

    /// Reads bytes at an offset of an extent.
    ///
    /// Does not read the extent's tag, because this is the hot path of all reads: the caller must know that
    /// the range is within the extent.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] if the range is not within the memory.
    pub fn read(&self, extent: Extent, offset: u64, dst: &mut [u8]) -> Result<(), Error> {
        let address = self.address_of(extent, offset, dst.len());
        let address = address.ok_or_else(|| Error::corrupted("an extent is outside the arena", extent.0))?;
        self.memory.read(address, dst);
        Ok(())
    }

    /// Writes bytes at an offset of an extent that the caller owns.
    ///
    /// # Panics
    ///
    /// Panics if the range is not within the memory.
    pub fn write(&self, extent: Extent, offset: u64, src: &[u8]) {
        let address = self.address_of(extent, offset, src.len()).expect("the extent is within the arena");
        self.memory.write(address, src);
    }

    /// Checks that this extent is a used block of at least `len` bytes, with one read. Needed before writing
    /// to an extent whose offset is not covered by a checksum.
    pub(crate) fn require(&self, extent: Extent, len: u64) -> Result<(), Error> {
        let nowhere = || Error::corrupted(format!("there is no extent of {len} bytes"), extent.0);
        let address =
            self.address_of(extent, 0, len as usize).and_then(|address| address.checked_sub(TAG_BYTES));
        let address = address.filter(|address| address.is_multiple_of(ALIGNMENT)).ok_or_else(nowhere)?;
        let [word] = read_words(&self.memory, address);
        let tag = Tag::decode(word, address)?;
        if tag.free || tag.size < block_bytes(len) { Err(nowhere()) } else { Ok(()) }
    }

    /// Returns the space used and free. The cost does not depend on the number of extents.
    pub fn stats(&self) -> Result<ArenaStats, Error> {
        let header = self.header()?;
        if header.is_empty() {
            return Ok(ArenaStats::default());
        }
        Ok(ArenaStats {
            used_bytes: header.used_bytes(),
            free_bytes: header.end() - FIRST_BLOCK - header.used_bytes(),
            extents: header.used_blocks(),
            largest_free_bytes: self.largest_free_bytes(&header)?,
            size_bytes: header.total_bytes(),
            slots: header.slots(),
        })
    }

    /// Returns the number of blocks of [`SLOT_BYTES`] that the free blocks can supply. One read.
    pub fn slots(&self) -> Result<u64, Error> {
        Ok(self.header()?.slots())
    }

    /// Checks every block and every free list, and reports at most 100 problems.
    ///
    /// Calls `owned` with each extent and the bytes of its payload, so that the caller can compare them with
    /// its own extents. Terminates on any image, and reads nothing outside the memory.
    pub fn check(&self, owned: &mut dyn FnMut(Extent, u64), problems: &mut Vec<Problem>) {
        check::check(&self.memory, self.bucket_bytes, owned, problems);
    }

    /// Restores the sentinel if it is lost and everything else is valid, and returns the problem. Reads every
    /// block.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] if anything else is corrupt; nothing has been written in that case.
    pub fn repair(&self) -> Result<Option<Problem>, Error> {
        repair::repair(&self.memory, self.bucket_bytes)
    }

    fn header(&self) -> Result<ArenaHeader, Error> {
        let header = read_header(&self.memory, self.bucket_bytes)?;
        header.verify()?;
        Ok(header)
    }

    /// Returns the offset of the range in the memory, if the memory contains it.
    fn address_of(&self, extent: Extent, offset: u64, len: usize) -> Option<u64> {
        let address = extent.0.checked_add(offset)?;
        let end = address.checked_add(len as u64)?;
        (extent.0 >= FIRST_BLOCK + TAG_BYTES && end <= self.memory.size() * PAGE_BYTES).then_some(address)
    }

    fn largest_free_bytes(&self, header: &ArenaHeader) -> Result<u64, Error> {
        let Some(class) = header.highest() else { return Ok(0) };
        let [address] = read_words(&self.memory, list_head(class));
        if !address.is_multiple_of(ALIGNMENT) || !(FIRST_BLOCK..header.end()).contains(&address) {
            return Err(Error::corrupted(
                "the head of a free list points outside the arena",
                list_head(class),
            ));
        }
        let [word] = read_words(&self.memory, address);
        Ok(Tag::decode(word, address)?.size)
    }
}

/// Reads the header of the arena in `memory`; checks only the fields needed to interpret the rest.
fn read_header<M: Memory>(memory: &M, bucket_bytes: u64) -> Result<ArenaHeader, Error> {
    let pages = memory.size();
    if pages == 0 {
        return Ok(ArenaHeader::EMPTY);
    }
    let mut bytes = [0; HEADER_BYTES];
    memory.read(0, &mut bytes);
    ArenaHeader::decode(&bytes, pages * PAGE_BYTES, bucket_bytes)
}

/// Reads the words at `offset`, which must be in the memory, with one read.
fn read_words<M: Memory, const N: usize>(memory: &M, offset: u64) -> [u64; N] {
    let mut bytes = [[0; 8]; N];
    memory.read(offset, bytes.as_flattened_mut());
    bytes.map(u64::from_le_bytes)
}

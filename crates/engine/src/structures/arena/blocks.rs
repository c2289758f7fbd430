//! The blocks in a transaction: splitting, coalescing and growing.

use ic_stable_structures::Memory;
use stable_storage_api::Error;

use super::class::Class;
use super::control::{ArenaHeader, FIRST_BLOCK, SENTINEL_BYTES};
use super::tag::{ALIGNMENT, FOOTER_BYTES, TAG_BYTES, Tag};
use super::write_set::WriteSet;
use super::{Extent, MAX_ARENA_BYTES, MAX_EXTENT_BYTES, block_bytes};

/// Smallest rest that is split off a block, in bytes; a smaller rest stays with the extent.
///
/// Few extents are short enough for such a hole, but each hole would be inserted into a list and removed
/// again, which touches two pages of other blocks. In a churn of extents of 1 to 4 KiB this saves 17 % of the
/// cost of overwriting (`tests/costs.rs`), at the same utilisation.
const MIN_REST_BYTES: u64 = 128;

const _: () = assert!(MIN_REST_BYTES >= ALIGNMENT && MIN_REST_BYTES.is_multiple_of(ALIGNMENT));

/// Largest number of blocks of a size's own class that are searched before the arena grows.
///
/// Such a block may be too small, so each must be read. The limit bounds the cost of an allocation. A growth
/// adds 16 MiB, so the search is rare.
const MAX_SEARCHED_BLOCKS: usize = 32;

/// A block and its tag at the time it was read.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// Offset of the block from the start of the memory, in bytes.
    pub(super) offset: u64,
    pub(super) tag: Tag,
}

/// The arena after the transaction. Every value that is read is checked before it is followed or changed.
pub(super) struct Blocks<'a, M: Memory> {
    pub(super) header: ArenaHeader,
    pub(super) cache: WriteSet<'a, M>,
    /// Number of bytes by which the arena grows.
    bucket_bytes: u64,
}

impl<'a, M: Memory> Blocks<'a, M> {
    /// Creates the blocks of the arena with this header and these cache lines.
    pub(super) fn new(header: ArenaHeader, cache: WriteSet<'a, M>, bucket_bytes: u64) -> Self {
        Self { header, cache, bucket_bytes }
    }

    /// Allocates a block of at least `size` bytes.
    pub(super) fn allocate(&mut self, size: u64) -> Result<Extent, Error> {
        let block = match self.find(size)? {
            Some(block) => block,
            None => self.search_or_grow(size)?,
        };
        self.unlink(block)?;
        let size = self.split_block(block, size)?;
        self.set_tag(block.offset, Tag::used(size));
        self.header.count_used(size);
        Ok(Extent(block.offset + TAG_BYTES))
    }

    /// Splits a free block after `size` bytes if the rest is large enough, and returns the remaining size.
    fn split_block(&mut self, block: Block, size: u64) -> Result<u64, Error> {
        let rest = block.tag.size - size;
        if rest >= MIN_REST_BYTES {
            self.link(block.offset + size, rest)?;
            return Ok(size);
        }
        let next = self.block(block.offset + block.tag.size)?;
        if next.tag.free || !next.tag.previous_free {
            return Err(Error::corrupted("an arena block contradicts the free block before it", next.offset));
        }
        self.set_tag(next.offset, Tag { previous_free: false, ..next.tag });
        Ok(block.tag.size)
    }

    /// Returns a free block of at least `size` bytes, if the search by class finds one. The search sees every
    /// block of the classes above that of `size`, and the first block of that class.
    ///
    /// The first block of the class of `size` is tried first, although it may be too small: otherwise extents
    /// of equal length would not reuse the holes that they leave.
    fn find(&mut self, size: u64) -> Result<Option<Block>, Error> {
        let (own, fitting) = (Class::holding(size), Class::fitting(size));
        if own != fitting && self.header.has(own) {
            let block = self.first(own)?;
            if block.tag.size >= size {
                return Ok(Some(block));
            }
        }
        self.header.first_from(fitting).map(|class| self.first(class)).transpose()
    }

    /// Frees the block of an extent of `len` bytes.
    pub(super) fn free(&mut self, extent: Extent, len: u64) -> Result<(), Error> {
        self.free_run(extent, len, 1)
    }

    /// Frees contiguous extents of the same length as a single block, which is cheaper than freeing them
    /// individually.
    pub(super) fn free_run(&mut self, extent: Extent, len: u64, count: u64) -> Result<(), Error> {
        let offset = extent.0.checked_sub(TAG_BYTES).ok_or_else(|| foreign(extent.0, len))?;
        if len == 0 || len > MAX_EXTENT_BYTES || !self.is_place(offset) {
            return Err(foreign(extent.0, len));
        }
        // The footer of the previous block is in the previous line; one read fetches both.
        self.cache.fetch(offset - ALIGNMENT, 2);
        let first = self.used_block(offset, len)?;
        self.header.count_freed(first.tag.size)?;
        let (mut size, mut last) = (first.tag.size, first.tag.size);
        for _ in 1..count {
            // Only the last block may be larger than its extent needs; otherwise the next one would be
            // elsewhere.
            if last != block_bytes(len) {
                return Err(foreign(offset + size + TAG_BYTES, len));
            }
            let next = checked_use(self.peek(offset + size)?, len)?;
            if next.tag.previous_free {
                return Err(Error::corrupted(
                    "an arena block contradicts the used block before it",
                    next.offset,
                ));
            }
            self.header.count_freed(next.tag.size)?;
            last = next.tag.size;
            size += last;
        }
        if count > 1 {
            // Without its tag an extent cannot be freed twice, in this transaction or later.
            self.cache.clear(offset + block_bytes(len), block_bytes(len), count - 1);
        }
        self.release(Block { tag: Tag { size, ..first.tag }, ..first }).map(drop)
    }

    /// Shrinks the block of an extent from `from` to `to` bytes, and frees the rest if it is large enough.
    pub(super) fn shrink_extent(&mut self, extent: Extent, from: u64, to: u64) -> Result<(), Error> {
        let offset = extent.0.checked_sub(TAG_BYTES).ok_or_else(|| foreign(extent.0, from))?;
        if from > MAX_EXTENT_BYTES || !self.is_place(offset) {
            return Err(foreign(extent.0, from));
        }
        let block = self.used_block(offset, from)?;
        let size = block_bytes(to);
        let rest = block.tag.size - size;
        if rest < MIN_REST_BYTES {
            return Ok(());
        }
        self.header.count_freed(block.tag.size)?;
        self.header.count_used(size);
        self.set_tag(offset, Tag { size, ..block.tag });
        self.release(Block { offset: offset + size, tag: Tag::used(rest) }).map(drop)
    }

    /// Returns the used block of an extent of `len` bytes.
    fn used_block(&mut self, offset: u64, len: u64) -> Result<Block, Error> {
        checked_use(self.block(offset)?, len)
    }

    /// Makes a used block a free one, and coalesces it with its free neighbours.
    fn release(&mut self, block: Block) -> Result<Block, Error> {
        let mut size = block.tag.size;
        let next = self.block(block.offset + size)?;
        if next.tag.previous_free {
            return Err(Error::corrupted(
                "the next arena block states that a used block is free",
                next.offset,
            ));
        }
        if next.tag.free {
            self.unlink(next)?;
            size += next.tag.size;
        } else {
            self.set_tag(next.offset, Tag { previous_free: true, ..next.tag });
        }
        if !block.tag.previous_free {
            return self.link(block.offset, size);
        }
        let previous = self.block_before(block.offset)?;
        // Without its tag the extent cannot be freed twice.
        self.cache.set(block.offset, 0);
        self.enlarge(previous, previous.tag.size + size)
    }

    /// Enlarges a free block at its end. If its class stays the same, it keeps its position in its list, so
    /// its list neighbours are not written.
    fn enlarge(&mut self, block: Block, size: u64) -> Result<Block, Error> {
        if Class::holding(block.tag.size) != Class::holding(size) {
            self.unlink(block)?;
            return self.link(block.offset, size);
        }
        self.header.uncount_slots(block.tag.size)?;
        self.header.count_slots(size);
        Ok(self.set_free(block.offset, size))
    }

    /// Returns a free block of at least `size` bytes that [`find`](Self::find) did not find: one that the
    /// search by class skips, or a new one at the end.
    fn search_or_grow(&mut self, size: u64) -> Result<Block, Error> {
        if self.header.is_empty() {
            return self.grow(size, Block { offset: FIRST_BLOCK, tag: Tag::SENTINEL }, None);
        }
        if let Some(block) = self.search_class(size)? {
            return Ok(block);
        }
        let sentinel = self.block(self.header.end())?;
        let last = sentinel.tag.previous_free.then(|| self.block_before(sentinel.offset)).transpose()?;
        match last {
            // Growing would start from this block, and add nothing to it.
            Some(last) if last.tag.size >= size => Ok(last),
            last => self.grow(size, sentinel, last),
        }
    }

    /// Searches the blocks of the class of `size`, after the first.
    fn search_class(&mut self, size: u64) -> Result<Option<Block>, Error> {
        let class = Class::holding(size);
        if !self.header.has(class) {
            return Ok(None);
        }
        let mut block = self.first(class)?;
        for _ in 1..MAX_SEARCHED_BLOCKS {
            match self.next_in_class(block, class)? {
                Some(next) if next.tag.size >= size => return Ok(Some(next)),
                Some(next) => block = next,
                None => break,
            }
        }
        Ok(None)
    }

    /// Adds as many buckets as a free block of `size` bytes at the end needs, and returns that block. A free
    /// last block is too small, and becomes a part of it.
    fn grow(&mut self, size: u64, sentinel: Block, last: Option<Block>) -> Result<Block, Error> {
        let start = last.map_or(sentinel.offset, |last| last.offset);
        let total = (start + size + SENTINEL_BYTES).next_multiple_of(self.bucket_bytes);
        let now = self.header.total_bytes();
        if total > MAX_ARENA_BYTES {
            return Err(Error::OutOfMemory { requested: total - now, available: MAX_ARENA_BYTES - now });
        }
        // Otherwise the new sentinel would overwrite the old one, or a block.
        assert!(total > now, "growing enlarges the arena");
        let end = total - SENTINEL_BYTES;
        self.set_sentinel(end, false);
        // The old sentinel becomes the tag of the new space.
        self.release(Block { tag: Tag { size: end - sentinel.offset, ..sentinel.tag }, ..sentinel })
    }

    /// Moves the end of the arena before its last `buckets` buckets. Returns false and changes nothing if
    /// they are not free.
    pub(super) fn shrink(&mut self, buckets: u64) -> Result<bool, Error> {
        let Some(last) = self.last_free()?.filter(|last| self.buckets_after(last.offset) >= buckets) else {
            return Ok(false);
        };
        let end = self.header.end() - buckets * self.bucket_bytes;
        let rest = end - last.offset;
        self.unlink(last)?;
        self.set_sentinel(end, rest > 0);
        if rest > 0 {
            self.link(last.offset, rest)?;
        }
        Ok(true)
    }

    /// Returns the last block, if it is free.
    fn last_free(&mut self) -> Result<Option<Block>, Error> {
        if self.header.is_empty() {
            return Ok(None);
        }
        let sentinel = self.block(self.header.end())?;
        sentinel.tag.previous_free.then(|| self.block_before(sentinel.offset)).transpose()
    }

    /// Returns the number of whole buckets after `offset`, which is the start of a block, and the sentinel
    /// that would follow it.
    fn buckets_after(&self, offset: u64) -> u64 {
        (self.header.total_bytes() - offset - SENTINEL_BYTES) / self.bucket_bytes
    }

    /// Ends the arena at `end`. The previous contents there are arbitrary.
    fn set_sentinel(&mut self, end: u64, previous_free: bool) {
        self.header.set_end(end);
        self.set_tag(end, Tag { previous_free, ..Tag::SENTINEL });
        (TAG_BYTES..SENTINEL_BYTES).step_by(8).for_each(|zeroes| self.cache.set(end + zeroes, 0));
    }

    /// Returns the block at `offset`, or the sentinel.
    pub(super) fn block(&mut self, offset: u64) -> Result<Block, Error> {
        self.check_place(offset)?;
        let [word, ..] = self.cache.header(offset);
        self.checked(offset, word)
    }

    /// Returns the block at `offset` without caching it.
    fn peek(&self, offset: u64) -> Result<Block, Error> {
        self.check_place(offset)?;
        self.checked(offset, self.cache.peek(offset))
    }

    fn check_place(&self, offset: u64) -> Result<(), Error> {
        if offset == self.header.end() || self.is_place(offset) {
            return Ok(());
        }
        Err(Error::corrupted("an arena block has an impossible offset", offset))
    }

    /// Returns the block whose tag is this word.
    fn checked(&self, offset: u64, word: u64) -> Result<Block, Error> {
        let tag = Tag::decode(word, offset)?;
        let fits = if offset == self.header.end() { tag.size == 0 && !tag.free } else { tag.size > 0 };
        if !fits || tag.size > self.header.end() - offset {
            return Err(Error::corrupted("an arena block has an impossible size", offset));
        }
        Ok(Block { offset, tag })
    }

    /// Returns the free block before the one at `offset`, whose tag states that it exists.
    fn block_before(&mut self, offset: u64) -> Result<Block, Error> {
        let footer_at = offset - FOOTER_BYTES;
        let footer = Tag::decode(self.cache.get(footer_at), footer_at)?;
        let block = self.block(offset.saturating_sub(footer.size))?;
        if block.tag != Tag::free(footer.size) {
            return Err(Error::corrupted("an arena footer differs from its tag", footer_at));
        }
        Ok(block)
    }

    /// Returns whether `offset` is valid for a block other than the sentinel.
    fn is_place(&self, offset: u64) -> bool {
        offset.is_multiple_of(ALIGNMENT) && (FIRST_BLOCK..self.header.end()).contains(&offset)
    }

    fn set_tag(&mut self, offset: u64, tag: Tag) {
        self.cache.set(offset, tag.encode(offset));
    }

    /// Sets the tag and the footer of a free block.
    pub(super) fn set_free(&mut self, offset: u64, size: u64) -> Block {
        let tag = Tag::free(size);
        self.set_tag(offset, tag);
        self.set_tag(offset + size - FOOTER_BYTES, tag);
        Block { offset, tag }
    }
}

/// Refuses a block that does not belong to an extent of `len` bytes.
fn checked_use(block: Block, len: u64) -> Result<Block, Error> {
    let spare = block.tag.size.checked_sub(block_bytes(len));
    if block.tag.free || spare.is_none_or(|spare| spare >= MIN_REST_BYTES) {
        return Err(foreign(block.offset + TAG_BYTES, len));
    }
    Ok(block)
}

fn foreign(offset: u64, len: u64) -> Error {
    Error::corrupted(format!("there is no extent of {len} bytes"), offset)
}

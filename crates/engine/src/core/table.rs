//! The extents of a large object: a table in an extent of its own.
//!
//! # Layout v1
//!
//! ```text
//! offset    bytes  field
//!      0    8 * e  offsets of the e extents, in order; 0 for one that is not there yet (uploads only)
//!  8 * e    c / 8  bitmap of the c chunks that have been received, rounded up; the lowest bit of a byte is the first
//! ```
//!
//! Every extent but the last holds [`SLOT_EXTENT_BYTES`], whatever the object; so the place of a byte follows from its
//! offset. The bitmap is of use while the object is being uploaded, and stays where it is.

use ic_stable_structures::Memory;
use stable_storage_api::Error;
use stable_storage_api::limits::CHUNK_BYTES;

use crate::structures::arena::{Arena, Extent, MAX_EXTENT_BYTES, SLOT_EXTENT_BYTES};

const OFFSET_BYTES: u64 = 8;

/// Bytes of the table that are read at once, where all of it is.
const READ_BYTES: u64 = 65_536;

/// Where a table lies, and of how large an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    extent: Extent,
    size: u64,
}

/// The bit of a chunk in the bitmap of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkBit {
    /// Where its byte is, from the start of the table.
    pub(crate) offset: u64,
    byte: u8,
    mask: u8,
}

impl ChunkBit {
    /// Whether the chunk has been received.
    pub(crate) fn is_set(self) -> bool {
        self.byte & self.mask != 0
    }

    /// The byte with the bit.
    pub(crate) fn set(self) -> u8 {
        self.byte | self.mask
    }
}

/// A part of an object that lies in one extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Number of the extent.
    pub(crate) number: u64,
    /// Where the part starts in the extent.
    pub(crate) offset: u64,
    /// How long it is, in bytes.
    pub(crate) length: u64,
}

/// The parts of a range of an object, in order.
pub(crate) fn pieces(offset: u64, length: u64) -> impl Iterator<Item = Piece> {
    let end = offset + length;
    let numbers =
        if length == 0 { 0..0 } else { offset / SLOT_EXTENT_BYTES..end.div_ceil(SLOT_EXTENT_BYTES) };
    numbers.map(move |number| {
        let start = number * SLOT_EXTENT_BYTES;
        let from = offset.max(start);
        Piece { number, offset: from - start, length: end.min(start + SLOT_EXTENT_BYTES) - from }
    })
}

impl Table {
    /// Whether the table of an object of so many bytes fits one extent, as that of anything below 30 TiB does.
    pub(crate) fn can_hold(size: u64) -> bool {
        size > 0 && bytes_for(size) <= MAX_EXTENT_BYTES
    }

    /// The table of an object of so many bytes that lies here.
    pub(crate) fn at(extent: Extent, size: u64) -> Self {
        Self { extent, size }
    }

    /// The size of the object, or how many bytes it has places for.
    pub(crate) fn size(self) -> u64 {
        self.size
    }

    pub(crate) fn extent(self) -> Extent {
        self.extent
    }

    /// Bytes of the table itself.
    pub(crate) fn bytes(self) -> u64 {
        bytes_for(self.size)
    }

    /// How many extents the object has.
    pub(crate) fn extents(self) -> u64 {
        extents_for(self.size)
    }

    /// How many chunks the object has.
    pub(crate) fn chunks(self) -> u64 {
        self.size.div_ceil(CHUNK_BYTES)
    }

    /// How many bytes an extent of the object holds.
    pub(crate) fn extent_bytes(self, number: u64) -> u64 {
        SLOT_EXTENT_BYTES.min(self.size - number * SLOT_EXTENT_BYTES)
    }

    /// The bytes of the table of a new upload, of which nothing is there but perhaps the last extent.
    pub(crate) fn fresh(self, last: Option<Extent>) -> Vec<u8> {
        let mut bytes = vec![0; self.bytes() as usize];
        if let Some(last) = last {
            let at = ((self.extents() - 1) * OFFSET_BYTES) as usize;
            bytes[at..at + OFFSET_BYTES as usize].copy_from_slice(&last.offset().to_le_bytes());
        }
        bytes
    }

    /// The bytes of another table of the same upload, with the extents and chunks that this one has.
    pub(crate) fn bytes_for<M: Memory>(self, other: Self, arena: &Arena<M>) -> Result<Vec<u8>, Error> {
        let (bitmap_at, mut bytes) = (other.bitmap_at() as usize, vec![0; other.bytes() as usize]);
        let (offsets, chunks) = bytes.split_at_mut(bitmap_at);
        let extents = self.extents().min(other.extents());
        arena.read(self.extent, 0, &mut offsets[..(extents * OFFSET_BYTES) as usize])?;
        let count = chunks.len().min(self.chunks().div_ceil(8) as usize);
        arena.read(self.extent, self.bitmap_at(), &mut chunks[..count])?;
        Ok(bytes)
    }

    /// The extent with a number, if it is there.
    pub(crate) fn get<M: Memory>(self, arena: &Arena<M>, number: u64) -> Result<Option<Extent>, Error> {
        let mut bytes = [0; OFFSET_BYTES as usize];
        arena.read(self.extent, number * OFFSET_BYTES, &mut bytes)?;
        Ok(extent_at(u64::from_le_bytes(bytes)))
    }

    /// The extent with a number, of an object that has all of them.
    pub(crate) fn require<M: Memory>(self, arena: &Arena<M>, number: u64) -> Result<Extent, Error> {
        self.get(arena, number)?.ok_or_else(|| {
            Error::corrupted(format!("extent {number} of a large object is not there"), self.extent.offset())
        })
    }

    /// Where the table has an extent, and what it has there.
    pub(crate) fn entry(number: u64, extent: Extent) -> (u64, [u8; OFFSET_BYTES as usize]) {
        (number * OFFSET_BYTES, extent.offset().to_le_bytes())
    }

    /// Every extent that is there, with how many bytes it holds.
    pub(crate) fn each<M: Memory>(
        self,
        arena: &Arena<M>,
        mut f: impl FnMut(Extent, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let per_read = READ_BYTES / OFFSET_BYTES;
        let mut buffer = vec![0; READ_BYTES.min(self.extents() * OFFSET_BYTES) as usize];
        for first in (0..self.extents()).step_by(per_read as usize) {
            let count = per_read.min(self.extents() - first);
            let bytes = &mut buffer[..(count * OFFSET_BYTES) as usize];
            arena.read(self.extent, first * OFFSET_BYTES, bytes)?;
            let (offsets, _) = bytes.as_chunks();
            for (number, offset) in (first..).zip(offsets) {
                if let Some(extent) = extent_at(u64::from_le_bytes(*offset)) {
                    f(extent, self.extent_bytes(number))?;
                }
            }
        }
        Ok(())
    }

    /// Reads what the bitmap says of a chunk.
    pub(crate) fn chunk_bit<M: Memory>(self, arena: &Arena<M>, index: u64) -> Result<ChunkBit, Error> {
        let bit = ChunkBit { offset: self.bitmap_at() + index / 8, byte: 0, mask: 1 << (index % 8) };
        let mut byte = [0];
        arena.read(self.extent, bit.offset, &mut byte)?;
        Ok(ChunkBit { byte: byte[0], ..bit })
    }

    /// The same in the bytes of a table that is not in memory yet.
    pub(crate) fn chunk_bit_in(self, bytes: &[u8], index: u64) -> ChunkBit {
        let offset = self.bitmap_at() + index / 8;
        ChunkBit { offset, byte: bytes[offset as usize], mask: 1 << (index % 8) }
    }

    /// The bitmap of the chunks.
    pub(crate) fn bitmap<M: Memory>(self, arena: &Arena<M>) -> Result<Vec<u8>, Error> {
        let mut bitmap = vec![0; self.chunks().div_ceil(8) as usize];
        arena.read(self.extent, self.bitmap_at(), &mut bitmap)?;
        Ok(bitmap)
    }

    fn bitmap_at(self) -> u64 {
        self.extents() * OFFSET_BYTES
    }
}

fn extents_for(size: u64) -> u64 {
    size.div_ceil(SLOT_EXTENT_BYTES)
}

fn bytes_for(size: u64) -> u64 {
    extents_for(size) * OFFSET_BYTES + size.div_ceil(CHUNK_BYTES).div_ceil(8)
}

/// An offset of the table as an extent; no extent has the offset 0.
fn extent_at(offset: u64) -> Option<Extent> {
    (offset != 0).then(|| Extent::at(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_a_range_and_nothing_else() {
        let slot = SLOT_EXTENT_BYTES;
        for (offset, length) in
            [(0, 1), (0, slot), (0, slot + 1), (slot - 1, 2), (5 * slot, 3 * slot), (7, 0)]
        {
            let mut at = offset;
            for piece in pieces(offset, length) {
                assert_eq!(piece.number * slot + piece.offset, at);
                assert!(piece.length > 0 && piece.offset + piece.length <= slot);
                at += piece.length;
            }
            assert_eq!(at, offset + length);
        }
    }

    /// Two full extents and one of a chunk.
    #[test]
    fn the_bytes_are_those_of_the_picture() {
        let table = Table::at(Extent::at(4_104), 2 * SLOT_EXTENT_BYTES + CHUNK_BYTES);
        assert_eq!((table.bytes(), table.chunks(), table.bitmap_at()), (27, 17, 24));
        let last = Extent::at(0x0102_0304_0508);
        let mut bytes = table.fresh(Some(last));
        assert_eq!(bytes[..16], [0; 16]);
        assert_eq!(bytes[16..], [8, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0]);
        assert_eq!(Table::entry(2, last), (16, [8, 5, 4, 3, 2, 1, 0, 0]));
        assert_eq!(table.fresh(None), [0; 27]);

        bytes[25] = 0b0011_0000;
        for (index, is_set, set) in
            [(11, false, 0b0011_1000), (12, true, 0b0011_0000), (13, true, 0b0011_0000)]
        {
            let bit = table.chunk_bit_in(&bytes, index);
            assert_eq!((bit.offset, bit.is_set(), bit.set()), (25, is_set, set), "chunk {index}");
        }
        assert_eq!(table.chunk_bit_in(&bytes, 16).set(), 1);
    }

    #[test]
    fn tables_of_everything_a_canister_can_hold_fit_one_extent() {
        assert!(Table::can_hold(1));
        assert!(Table::can_hold(500 << 30));
        assert!(!Table::can_hold(0));
        assert!(!Table::can_hold(u64::MAX));
        let table = Table::at(Extent::at(4_104), SLOT_EXTENT_BYTES * 2 + 1);
        assert_eq!(
            (table.extents(), table.extent_bytes(1), table.extent_bytes(2)),
            (3, SLOT_EXTENT_BYTES, 1)
        );
    }
}

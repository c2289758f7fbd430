//! The extents of a large object: a table in a separate extent.
//!
//! # Layout v1
//!
//! ```text
//! offset    bytes  field
//!      0    8 * e  offsets of the e extents, in order; 0 for one that is not allocated yet (uploads only)
//!  8 * e    c / 8  bitmap of the c chunks, set if received, rounded up; the lowest bit of a byte is the first
//! ```
//!
//! Every extent except the last has [`SLOT_EXTENT_BYTES`] bytes, so the extent of a byte follows from its
//! offset. The bitmap is used only during the upload; it is kept afterwards.

use ic_stable_structures::Memory;
use stable_storage_api::Error;
use stable_storage_api::limits::CHUNK_BYTES;

use crate::structures::arena::{Arena, Extent, MAX_EXTENT_BYTES, SLOT_EXTENT_BYTES};

const OFFSET_BYTES: u64 = 8;

/// Number of bytes per read when the whole table is read.
const READ_BYTES: u64 = 65_536;

/// Location of a table, and size of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    extent: Extent,
    size: u64,
}

/// Bit of a chunk in the bitmap of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkBit {
    /// Offset of its byte from the start of the table.
    pub(crate) offset: u64,
    byte: u8,
    mask: u8,
}

impl ChunkBit {
    /// Returns whether the chunk has been received.
    pub(crate) fn is_set(self) -> bool {
        self.byte & self.mask != 0
    }

    /// Returns the byte with the bit set.
    pub(crate) fn set(self) -> u8 {
        self.byte | self.mask
    }
}

/// Part of an object within one extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Index of the extent.
    pub(crate) number: u64,
    /// Offset of the part in the extent.
    pub(crate) offset: u64,
    /// Length of the part, in bytes.
    pub(crate) length: u64,
}

/// Returns the parts of a range of an object, in order.
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
    /// Returns whether the table of an object of `size` bytes fits in one extent. It does for sizes below 30 TiB.
    pub(crate) fn can_hold(size: u64) -> bool {
        size > 0 && bytes_for(size) <= MAX_EXTENT_BYTES
    }

    /// Returns the table at this extent for an object of `size` bytes.
    pub(crate) fn at(extent: Extent, size: u64) -> Self {
        Self { extent, size }
    }

    /// Returns the size of the object, or the number of bytes that the table has room for.
    pub(crate) fn size(self) -> u64 {
        self.size
    }

    pub(crate) fn extent(self) -> Extent {
        self.extent
    }

    /// Returns the size of the table itself, in bytes.
    pub(crate) fn bytes(self) -> u64 {
        bytes_for(self.size)
    }

    /// Returns the number of extents of the object.
    pub(crate) fn extents(self) -> u64 {
        extents_for(self.size)
    }

    /// Returns the number of chunks of the object.
    pub(crate) fn chunks(self) -> u64 {
        self.size.div_ceil(CHUNK_BYTES)
    }

    /// Returns the number of bytes in an extent of the object.
    pub(crate) fn extent_bytes(self, number: u64) -> u64 {
        SLOT_EXTENT_BYTES.min(self.size - number * SLOT_EXTENT_BYTES)
    }

    /// Returns the bytes of the table of a new upload, with no extent allocated except perhaps the last.
    pub(crate) fn fresh(self, last: Option<Extent>) -> Vec<u8> {
        let mut bytes = vec![0; self.bytes() as usize];
        if let Some(last) = last {
            let position = ((self.extents() - 1) * OFFSET_BYTES) as usize;
            bytes[position..position + OFFSET_BYTES as usize].copy_from_slice(&last.offset().to_le_bytes());
        }
        bytes
    }

    /// Returns the bytes of the table of an object with these extents, as an upload leaves it: all chunks are received.
    pub(crate) fn filled(self, extents: &[Extent]) -> Vec<u8> {
        assert_eq!(extents.len() as u64, self.extents(), "the object has all its extents");
        let mut bytes: Vec<u8> = extents.iter().flat_map(|extent| extent.offset().to_le_bytes()).collect();
        bytes.resize(self.bytes() as usize, 0);
        set_bits(&mut bytes[self.bitmap_at() as usize..], 0..self.chunks());
        bytes
    }

    /// Returns the bytes of a resized table of the same upload, with the extents and chunks of this one.
    pub(crate) fn bytes_for<M: Memory>(self, other: Self, arena: &Arena<M>) -> Result<Vec<u8>, Error> {
        let (bitmap_at, mut bytes) = (other.bitmap_at() as usize, vec![0; other.bytes() as usize]);
        let (offsets, chunks) = bytes.split_at_mut(bitmap_at);
        let extents = self.extents().min(other.extents());
        arena.read(self.extent, 0, &mut offsets[..(extents * OFFSET_BYTES) as usize])?;
        let count = chunks.len().min(self.chunks().div_ceil(8) as usize);
        arena.read(self.extent, self.bitmap_at(), &mut chunks[..count])?;
        Ok(bytes)
    }

    /// Returns an extent by index, or `None` if it is not allocated yet.
    pub(crate) fn get<M: Memory>(self, arena: &Arena<M>, number: u64) -> Result<Option<Extent>, Error> {
        let mut bytes = [0; OFFSET_BYTES as usize];
        arena.read(self.extent, number * OFFSET_BYTES, &mut bytes)?;
        Ok(extent_at(u64::from_le_bytes(bytes)))
    }

    /// Returns an extent by index, for an object that has all of them.
    pub(crate) fn require<M: Memory>(self, arena: &Arena<M>, number: u64) -> Result<Extent, Error> {
        self.get(arena, number)?.ok_or_else(|| {
            Error::corrupted(format!("extent {number} of a large object is missing"), self.extent.offset())
        })
    }

    /// Returns the offset and the bytes of the table's entry for an extent.
    pub(crate) fn entry(number: u64, extent: Extent) -> (u64, [u8; OFFSET_BYTES as usize]) {
        (number * OFFSET_BYTES, extent.offset().to_le_bytes())
    }

    /// Calls `f` for every allocated extent with the number of bytes in it.
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

    /// Reads the bit of a chunk from the bitmap.
    pub(crate) fn chunk_bit<M: Memory>(self, arena: &Arena<M>, index: u64) -> Result<ChunkBit, Error> {
        let bit = ChunkBit { offset: self.bitmap_at() + index / 8, byte: 0, mask: 1 << (index % 8) };
        let mut byte = [0];
        arena.read(self.extent, bit.offset, &mut byte)?;
        Ok(ChunkBit { byte: byte[0], ..bit })
    }

    /// Returns the bit of a chunk from the bytes of a table that is not written yet.
    pub(crate) fn chunk_bit_in(self, bytes: &[u8], index: u64) -> ChunkBit {
        let offset = self.bitmap_at() + index / 8;
        ChunkBit { offset, byte: bytes[offset as usize], mask: 1 << (index % 8) }
    }

    /// Reads the bitmap of the chunks.
    pub(crate) fn bitmap<M: Memory>(self, arena: &Arena<M>) -> Result<Vec<u8>, Error> {
        let mut bitmap = vec![0; self.chunks().div_ceil(8) as usize];
        arena.read(self.extent, self.bitmap_at(), &mut bitmap)?;
        Ok(bitmap)
    }

    /// Returns the offset of the bitmap from the start of the table, in bytes.
    pub(crate) fn bitmap_at(self) -> u64 {
        self.extents() * OFFSET_BYTES
    }
}

/// Sets the bits of chunks in a bitmap.
pub(crate) fn set_bits(bitmap: &mut [u8], chunks: impl IntoIterator<Item = u64>) {
    for index in chunks {
        bitmap[(index / 8) as usize] |= 1 << (index % 8);
    }
}

fn extents_for(size: u64) -> u64 {
    size.div_ceil(SLOT_EXTENT_BYTES)
}

fn bytes_for(size: u64) -> u64 {
    extents_for(size) * OFFSET_BYTES + size.div_ceil(CHUNK_BYTES).div_ceil(8)
}

/// Returns the extent at an offset of the table; 0 is not an extent.
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
            let mut position = offset;
            for piece in pieces(offset, length) {
                assert_eq!(piece.number * slot + piece.offset, position);
                assert!(piece.length > 0 && piece.offset + piece.length <= slot);
                position += piece.length;
            }
            assert_eq!(position, offset + length);
        }
    }

    /// Two full extents and one of a chunk.
    #[test]
    fn encoding_matches_the_layout_table() {
        let table = Table::at(Extent::at(4_104), 2 * SLOT_EXTENT_BYTES + CHUNK_BYTES);
        assert_eq!((table.bytes(), table.chunks(), table.bitmap_at()), (27, 17, 24));
        let last = Extent::at(0x0102_0304_0508);
        let mut bytes = table.fresh(Some(last));
        assert_eq!(bytes[..16], [0; 16]);
        assert_eq!(bytes[16..], [8, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0]);
        assert_eq!(Table::entry(2, last), (16, [8, 5, 4, 3, 2, 1, 0, 0]));
        assert_eq!(table.fresh(None), [0; 27]);

        let full = table.filled(&[Extent::at(1), Extent::at(2), last]);
        assert_eq!(full[..9], [1, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(full[16..], [8, 5, 4, 3, 2, 1, 0, 0, 0xff, 0xff, 1]);

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

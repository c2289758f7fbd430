//! The bytes of a map.
//!
//! They are those that ic-stable-structures documents for its `BTreeMap` v2 with chunks of 1,024 bytes, so that a map can be
//! opened with that library, too. A test does.
//!
//! ```text
//! offset  bytes  field
//!      0      4  magic "BTR" and the version 2
//!      4      8  bytes of a chunk, 1,024; ff ff ff ff
//!     12      8  address of the root, or 0
//!     20      8  how many entries
//!     28     24  reserved, zero
//!     52      8  magic "BTA" and the version 1; zeroes
//!     60      8  bytes of a chunk
//!     68      8  how many chunks are in use
//!     76      8  the first free chunk
//!     84     16  reserved, zero
//!    100         chunks, one after the other, up to the last free one
//!
//! chunk:     +0 "CHK" and the version 1   +4 whether it is in use   +5 zeroes   +8 the next free one, or 0   +16 content
//! node:      +0 "BTN" and the version 2   +4 0 leaf, 1 internal   +5 entries (2)   +7 overflow, or 0 (8)   +15 children,
//!            keys and values; in front of each key that may have any length, and of each value, its length (4)
//! overflow:  +0 "NOF"   +3 the next one, or 0 (8)   +11 what does not fit the node
//! ```
//!
//! An address of a node or an overflow is that of the content of its chunk. Of the free chunks, the last one in the list is
//! the end of what was ever in use.

use crate::checksum::u64_at;
use crate::layout::PAGE_BYTES;

pub(super) const ROOT_AT: u64 = 12;
pub(super) const LENGTH_AT: u64 = 20;
pub(super) const IN_USE_AT: u64 = 68;
pub(super) const FREE_AT: u64 = 76;
pub(super) const HEAD_BYTES: usize = 100;

/// What a map starts with, up to the address of the root.
const MAGIC: [u8; ROOT_AT as usize] = *b"BTR\x02\0\x04\0\0\xff\xff\xff\xff";
const ALLOCATOR_AT: usize = 52;
const ALLOCATOR_MAGIC: [u8; 16] = *b"BTA\x01\0\0\0\0\0\x04\0\0\0\0\0\0";

pub(super) const FIRST_CHUNK_AT: u64 = HEAD_BYTES as u64;
pub(super) const CHUNK_HEADER_BYTES: usize = 16;
pub(super) const CONTENT_BYTES: usize = 1_024;
/// From the start of a chunk to the start of the next one.
pub(super) const CHUNK_BYTES: usize = CHUNK_HEADER_BYTES + CONTENT_BYTES;
const CHUNK_MAGIC: [u8; 4] = *b"CHK\x01";

pub(super) const NODE_MAGIC: [u8; 4] = *b"BTN\x02";
pub(super) const OVERFLOW_MAGIC: [u8; 3] = *b"NOF";

/// Bytes of a node's first chunk in front of its children, keys and values.
pub(super) const NODE_FRONT_BYTES: usize = CHUNK_HEADER_BYTES + 15;
/// Bytes of an overflow's chunk in front of what it holds.
pub(super) const OVERFLOW_FRONT_BYTES: usize = CHUNK_HEADER_BYTES + 11;

pub(super) const MAX_ENTRIES: usize = 11;
/// What every node has at least, but the root.
pub(super) const MIN_ENTRIES: usize = 5;
/// More levels than this no map has: each has six times the nodes of the one above.
pub(super) const MAX_LEVELS: usize = 26;

const _: () = assert!(HEAD_BYTES.is_multiple_of(4));

/// What a map knows of itself besides its chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Address of the root, or 0.
    pub(super) root: u64,
    /// How many entries there are.
    pub(super) length: u64,
    /// How many chunks are in use.
    pub(super) in_use: u64,
    /// The first free chunk.
    pub(super) free: u64,
}

impl Head {
    /// That of a map without a chunk.
    pub(super) const NEW: Self = Self { root: 0, length: 0, in_use: 0, free: FIRST_CHUNK_AT };

    /// Address of the root, if there is one.
    pub(super) fn root(&self) -> Option<u64> {
        (self.root != 0).then_some(self.root)
    }

    pub(super) fn encode(&self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
        bytes[ALLOCATOR_AT..ALLOCATOR_AT + 16].copy_from_slice(&ALLOCATOR_MAGIC);
        let fields =
            [(ROOT_AT, self.root), (LENGTH_AT, self.length), (IN_USE_AT, self.in_use), (FREE_AT, self.free)];
        for (at, word) in fields {
            bytes[at as usize..at as usize + 8].copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// Nothing for bytes that no map starts with.
    pub(super) fn decode(bytes: &[u8; HEAD_BYTES]) -> Option<Self> {
        let word = |at: u64| u64_at(bytes, at as usize);
        let head = Self {
            root: word(ROOT_AT),
            length: word(LENGTH_AT),
            in_use: word(IN_USE_AT),
            free: word(FREE_AT),
        };
        // By words, because an upgrade does this for each map, and in WebAssembly comparing bytes is a loop over each of them.
        let expected = head.encode();
        let mut words = expected.as_chunks::<4>().0.iter().zip(bytes.as_chunks::<4>().0);
        words.all(|(one, other)| u32::from_le_bytes(*one) == u32::from_le_bytes(*other)).then_some(head)
    }
}

/// The header of a chunk.
pub(super) fn chunk_header(in_use: bool, next: u64) -> [u8; CHUNK_HEADER_BYTES] {
    let mut header = [0; CHUNK_HEADER_BYTES];
    header[..4].copy_from_slice(&CHUNK_MAGIC);
    header[4] = in_use.into();
    header[8..].copy_from_slice(&next.to_le_bytes());
    header
}

/// The next free chunk, from the header of one that is in use or is not. Nothing for another header.
pub(super) fn chunk_link(header: &[u8], in_use: bool) -> Option<u64> {
    let expected = chunk_header(in_use, 0);
    (header.first_chunk::<8>() == expected.first_chunk()).then(|| u64_at(header, 8))
}

/// The number of the chunk at this place, if one can be there.
pub(super) fn chunk_number(at: u64) -> Option<u64> {
    let offset = at.checked_sub(FIRST_CHUNK_AT)?;
    offset.is_multiple_of(CHUNK_BYTES as u64).then_some(offset / CHUNK_BYTES as u64)
}

/// Pages that so many chunks take, with the header of the free one behind them.
pub(super) fn pages_for(chunks: u64) -> u64 {
    (FIRST_CHUNK_AT + chunks * CHUNK_BYTES as u64 + CHUNK_HEADER_BYTES as u64).div_ceil(PAGE_BYTES)
}

/// Overflows of a node of so many bytes, its front and the header of its chunk included.
pub(super) fn overflows_for(node_bytes: usize) -> usize {
    node_bytes.saturating_sub(CHUNK_BYTES).div_ceil(CHUNK_BYTES - OVERFLOW_FRONT_BYTES)
}

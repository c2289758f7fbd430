//! Changes of the bytes of a store.

use arbitrary::Arbitrary;
use ic_stable_structures::Memory;
use storage_testkit::SparseMemory;

use super::base::{ARENA, Base, FIRST_REGION, LOG, LOG_INDEX, MAPS};

/// A change of bytes.
#[derive(Arbitrary, Debug)]
pub(crate) struct Patch<'a> {
    place: Place,
    change: Change<'a>,
}

/// A location in the store.
#[derive(Arbitrary, Debug)]
enum Place {
    /// The header.
    Header(u8),
    /// The header, the counters and the ledger, and the bytes between them.
    Start(u16),
    /// The bucket table.
    Manager(u16),
    /// The control page of the arena.
    Arena(u16),
    /// A block of the arena, and the offset in it.
    Block(u8, u8),
    /// The start and the entries of the log.
    Log(u16),
    /// The index of the log.
    LogIndex(u8),
    /// The header and the pages of a map.
    Map(u8, u16),
    /// The bytes of a region.
    Region(bool, u16),
}

/// The bytes to write.
#[derive(Arbitrary, Debug)]
enum Change<'a> {
    Flip(u8),
    Add(i16),
    Word(u64),
    Bytes(&'a [u8]),
    /// The tag of a block with a valid check.
    Tag {
        grains: u16,
        flags: u8,
    },
}

/// Makes all changes, and then makes the checksums match if requested.
pub(crate) fn apply_all(patches: &[Patch<'_>], sealed: bool, base: &Base, memory: &SparseMemory) {
    patches.iter().for_each(|patch| patch.apply(base, memory));
    if sealed {
        seal_all(memory);
    }
}

impl Patch<'_> {
    /// Makes the change, if the location exists.
    fn apply(&self, base: &Base, memory: &SparseMemory) {
        let Some((address, offset)) = self.place.address(base) else { return };
        let mut word = [0; 8];
        memory.read(address, &mut word);
        let number = u64::from_le_bytes(word);
        match self.change {
            Change::Flip(bit) => memory.write(address, &(number ^ 1 << (bit % 64)).to_le_bytes()),
            Change::Add(more) => {
                memory.write(address, &number.wrapping_add_signed(more.into()).to_le_bytes());
            }
            Change::Word(word) => memory.write(address, &word.to_le_bytes()),
            Change::Bytes(bytes) => memory.write(address, &bytes[..bytes.len().min(1_024)]),
            Change::Tag { grains, flags } => {
                memory.write(address, &tag(grains, flags, offset).to_le_bytes());
            }
        }
    }
}

impl Place {
    /// Returns the physical offset, and the offset in the memory.
    fn address(&self, base: &Base) -> Option<(u64, u64)> {
        let (memory, offset) = match *self {
            Self::Header(at) => return Some((u64::from(at % 64), 0)),
            Self::Start(at) => return Some((u64::from(at % 4_096), 0)),
            Self::Manager(at) => return Some((65_536 + u64::from(at % 4_096), 0)),
            Self::Arena(at) => (ARENA, u64::from(at % 4_096)),
            Self::Block(number, at) => {
                let start = *base.blocks.get(usize::from(number) % base.blocks.len())?;
                (ARENA, start + u64::from(at))
            }
            Self::Log(at) => (LOG, u64::from(at)),
            Self::LogIndex(at) => (LOG_INDEX, u64::from(at)),
            Self::Map(map, at) => (MAPS[usize::from(map) % MAPS.len()], u64::from(at)),
            Self::Region(second, at) => (FIRST_REGION + usize::from(second), u64::from(at)),
        };
        Some((base.address(memory, offset)?, offset))
    }
}

/// Returns the tag of a block of `grains` times 32 bytes at an offset of the arena, as in `arena/tag.rs`.
fn tag(grains: u16, flags: u8, at: u64) -> u64 {
    let body = (u64::from(grains) * 32) | u64::from(flags % 4);
    let check = (body ^ at.wrapping_mul(0xD6E8_FEB8_6659_FD93)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
    body | check << 48
}

/// Offset of the log's mark in page 0, as in `layout.rs`.
pub(crate) const LOG_MARK_AT: u64 = 3_328;

/// Makes the checksums of page 0 match.
pub(crate) fn seal_all(memory: &SparseMemory) {
    for (start, length) in [(0, 64), (512, 644), (2_048, 36)] {
        let mut bytes = vec![0; length];
        memory.read(start, &mut bytes);
        seal(&mut bytes);
        memory.write(start, &bytes);
    }
    for tree in MAPS {
        let start = 2_304 + 64 * tree as u64;
        let mut words = [[0; 8]; 5];
        memory.read(start, words.as_flattened_mut());
        words[4] = mix(&words[..4]).to_le_bytes();
        memory.write(start, words.as_flattened());
    }
    let mut mark = [[0; 8]; 3];
    memory.read(LOG_MARK_AT, mark.as_flattened_mut());
    mark[2] = (mix(&mark[..2]) | 1 << 63).to_le_bytes();
    memory.write(LOG_MARK_AT, mark.as_flattened());
}

/// Returns the check of a tree's header, as in `checksum.rs`.
fn mix(words: &[[u8; 8]]) -> u64 {
    words.iter().fold(0x9e37_79b9_7f4a_7c15, |sum, word| {
        let product = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        product ^ (product >> 32)
    })
}

/// Writes the CRC-32 of everything before the last four bytes into them.
pub(crate) fn seal(bytes: &mut [u8]) {
    if let Some((body, crc)) = bytes.split_last_chunk_mut::<4>() {
        *crc = crc32fast::hash(body).to_le_bytes();
    }
}

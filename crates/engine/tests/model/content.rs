//! The bytes of values: zeroes with marks at both ends, so that large ones cost little and what is left over from others
//! shows.

use storage_api::limits::CHUNK_BYTES;

/// Bytes of the mark in front.
const MARK_BYTES: u64 = 40;

/// So many bytes with the marks of a seed.
pub(crate) fn marked(size: u64, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0; size as usize];
    let mark = bytes.iter_mut().take(MARK_BYTES as usize).enumerate();
    mark.for_each(|(i, byte)| *byte = (i as u8).wrapping_mul(31) ^ seed);
    if let Some(last) = bytes.last_mut() {
        *last = !seed;
    }
    bytes
}

/// A value: parts one after the other, each so long and with the marks of its seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content(Vec<(u64, u8)>);

impl Content {
    pub(crate) fn one(size: u64, seed: u8) -> Self {
        Self(vec![(size, seed)])
    }

    /// An upload whose chunks had these seeds.
    pub(crate) fn of_chunks(size: u64, seeds: impl Iterator<Item = u8>) -> Self {
        Self(seeds.enumerate().map(|(index, seed)| (chunk_bytes(size, index as u64), seed)).collect())
    }

    pub(crate) fn size(&self) -> u64 {
        self.0.iter().map(|(size, _)| size).sum()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.iter().map(|(size, seed)| marked(*size, *seed)).collect::<Vec<_>>().concat()
    }
}

/// The length of a chunk of an upload.
pub(crate) fn chunk_bytes(size: u64, index: u64) -> u64 {
    CHUNK_BYTES.min(size - index * CHUNK_BYTES)
}

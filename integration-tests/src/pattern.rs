//! Object of any size that takes no memory: its bytes are computed at any offset, at the speed of a copy.

use std::io::{self, Read, Seek, SeekFrom};

use crate::data;

/// Repeated bytes.
const BLOCK_BYTES: usize = 65_536;

/// Distance between the marks that make each part of the object different.
const MARK_EVERY: u64 = 4_096;

/// Bytes of an object: a repeated block with the offset written into each 4 KiB, so that all pages differ.
#[derive(Clone, Debug)]
pub struct Pattern {
    block: Vec<u8>,
    size: u64,
    position: u64,
}

impl Pattern {
    /// Creates an object of `size` bytes that depends on the seed.
    pub fn new(seed: u64, size: u64) -> Self {
        Self { block: data::bytes(seed, BLOCK_BYTES), size, position: 0 }
    }

    /// Returns the bytes from an offset on: as many as requested and exist.
    pub fn range(&self, offset: u64, length: u64) -> Vec<u8> {
        let end = self.size.min(offset.saturating_add(length));
        let mut bytes = Vec::with_capacity(end.saturating_sub(offset) as usize);
        let mut at = offset;
        while at < end {
            let within = (at % BLOCK_BYTES as u64) as usize;
            let part = (BLOCK_BYTES - within).min((end - at) as usize);
            bytes.extend_from_slice(&self.block[within..within + part]);
            at += part as u64;
        }
        self.mark(offset, &mut bytes);
        bytes
    }

    /// Writes the marks in a range; the first and the last one may be partial.
    fn mark(&self, offset: u64, bytes: &mut [u8]) {
        let end = offset + bytes.len() as u64;
        for mark in (offset / MARK_EVERY..end.div_ceil(MARK_EVERY)).map(|number| number * MARK_EVERY) {
            for (at, byte) in (mark..).zip(mark.to_le_bytes()) {
                if (offset..end).contains(&at) {
                    bytes[(at - offset) as usize] ^= byte;
                }
            }
        }
    }
}

impl Read for Pattern {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.range(self.position, buffer.len() as u64);
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }
}

impl Seek for Pattern {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any range equals that part of the whole, and all pages differ.
    #[test]
    fn ranges_are_parts_of_the_whole() {
        let mut pattern = Pattern::new(1, 300_001);
        let mut whole = Vec::new();
        pattern.read_to_end(&mut whole).unwrap();
        assert_eq!(whole.len(), 300_001);
        for (offset, length) in [(0, 1), (1, 9_000), (65_530, 70_000), (4_099, 2), (300_000, 5), (300_001, 1)]
        {
            let end = whole.len().min(offset + length);
            assert!(
                pattern.range(offset as u64, length as u64) == whole[offset..end],
                "{length} at {offset}"
            );
        }
        let pages: Vec<_> = whole.chunks_exact(4_096).collect();
        for (number, page) in pages.iter().enumerate() {
            assert!(!pages[..number].contains(page), "page {number}");
        }
    }
}

//! The one checksum of the format: CRC-32 (IEEE 802.3), little-endian, at the end of what it covers.

/// Width of a checksum in bytes.
pub(crate) const CRC_BYTES: usize = 4;

/// Writes the CRC-32 of everything before the last four bytes into the last four bytes.
pub(crate) fn seal(block: &mut [u8]) {
    let (body, crc) = block.split_at_mut(block.len() - CRC_BYTES);
    crc.copy_from_slice(&crc32fast::hash(body).to_le_bytes());
}

/// Appends the CRC-32 of everything that there is.
pub(crate) fn append_seal(block: &mut Vec<u8>) {
    let crc = crc32fast::hash(block).to_le_bytes();
    block.extend_from_slice(&crc);
}

/// Whether the last four bytes are the CRC-32 of everything before them.
#[must_use]
pub(crate) fn is_sealed(block: &[u8]) -> bool {
    let (body, crc) = block.split_at(block.len() - CRC_BYTES);
    crc == crc32fast::hash(body).to_le_bytes()
}

/// A check of a few words that most messages change, at a few instructions a word where a CRC-32 takes some thirty.
///
/// The bytes are whole little-endian words of eight. Each is added to the sum so far, which is then multiplied by an odd
/// number and mixed. Both steps lose nothing, so a change within one word always changes the check.
pub(crate) fn mix(block: &[u8]) -> u64 {
    let (words, rest) = block.as_chunks::<8>();
    debug_assert!(rest.is_empty(), "whole words");
    words.iter().fold(0x9e37_79b9_7f4a_7c15, |sum, word| {
        let product = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        product ^ (product >> 32)
    })
}

/// The little-endian `u64` at an offset of a block that is long enough by construction.
pub(crate) fn u64_at(block: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(block[offset..offset + 8].try_into().expect("a range of eight has eight bytes"))
}

/// The little-endian `u32` at an offset of a block that is long enough by construction.
pub(crate) fn u32_at(block: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(block[offset..offset + 4].try_into().expect("a range of four has four bytes"))
}

/// Reads the fields of a block that is long enough by construction, one after the other.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields from the start of these bytes on.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(count);
        self.rest = rest;
        bytes
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        self.bytes(N).try_into().expect("as many bytes were taken")
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_a_sealed_block_is_noticed() {
        let mut block = *b"some bytes of a header....";
        seal(&mut block);
        assert!(is_sealed(&block));
        for bit in 0..block.len() * 8 {
            let mut damaged = block;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_sealed(&damaged), "bit {bit}");
        }
    }
}

//! The checksums of the format: CRC-32 (IEEE 802.3), little-endian, stored after the bytes it covers; and a
//! faster check for fields that most messages change.

/// Width of a checksum in bytes.
pub(crate) const CRC_BYTES: usize = 4;

/// Writes the CRC-32 of everything before the last four bytes into the last four bytes.
pub(crate) fn write_crc(block: &mut [u8]) {
    let (body, crc) = block.split_at_mut(block.len() - CRC_BYTES);
    crc.copy_from_slice(&crc32fast::hash(body).to_le_bytes());
}

/// Appends the CRC-32 of the whole block.
pub(crate) fn append_crc(block: &mut Vec<u8>) {
    let crc = crc32fast::hash(block).to_le_bytes();
    block.extend_from_slice(&crc);
}

/// Returns whether the last four bytes are the CRC-32 of everything before them.
#[must_use]
pub(crate) fn has_valid_crc(block: &[u8]) -> bool {
    let (body, crc) = block.split_at(block.len() - CRC_BYTES);
    crc == crc32fast::hash(body).to_le_bytes()
}

/// Returns a check of a few words that most messages change. It costs a few instructions per word; CRC-32
/// costs about thirty.
///
/// The bytes must be whole little-endian words of eight bytes. Each word is combined with the sum so far,
/// which is then multiplied by an odd number and mixed. Both steps are bijective, so a change within one word
/// always changes the check.
pub(crate) fn mix(block: &[u8]) -> u64 {
    let (words, rest) = block.as_chunks::<8>();
    debug_assert!(rest.is_empty(), "whole words");
    words.iter().fold(0x9e37_79b9_7f4a_7c15, |sum, word| {
        let product = (sum ^ u64::from_le_bytes(*word)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        product ^ (product >> 32)
    })
}

/// Returns the little-endian `u64` at an offset. The block must be long enough.
pub(crate) fn u64_at(block: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(block[offset..offset + 8].try_into().expect("a range of eight has eight bytes"))
}

/// Returns the little-endian `u32` at an offset. The block must be long enough.
pub(crate) fn u32_at(block: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(block[offset..offset + 4].try_into().expect("a range of four has four bytes"))
}

/// Reader of consecutive fields of a block that is long enough by construction.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Creates a reader that starts at the first byte.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(count);
        self.rest = rest;
        bytes
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        self.bytes(N).try_into().expect("`bytes` returns N bytes")
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
        write_crc(&mut block);
        assert!(has_valid_crc(&block));
        for bit in 0..block.len() * 8 {
            let mut damaged = block;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!has_valid_crc(&damaged), "bit {bit}");
        }
    }

    /// The check value of CRC-32 in the usual catalogues.
    #[test]
    fn a_seal_is_the_crc_32_of_what_is_before_it_in_little_endian() {
        let mut block = b"123456789".to_vec();
        append_crc(&mut block);
        assert_eq!(block[9..], 0xcbf4_3926_u32.to_le_bytes());
        assert!(has_valid_crc(&block));
    }

    /// Of no words, of a zero, and of 1, 2, 3: what a program that knows only the format comes to.
    #[test]
    fn the_mix_of_words_is_that_of_the_format() {
        let mix_of =
            |words: &[u64]| mix(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
        assert_eq!(mix_of(&[]), 0x9e37_79b9_7f4a_7c15);
        assert_eq!(mix_of(&[0]), 0x4d0a_2bbe_78b9_2ab1);
        assert_eq!(mix_of(&[1, 2, 3]), 0x4593_5630_f63d_3208);
    }

    #[test]
    fn fields_are_read_one_after_the_other() {
        let bytes: Vec<u8> = (1..=20).collect();
        let mut fields = Fields::of(&bytes);
        assert_eq!((fields.bytes(2), fields.array()), (&[1, 2][..], [3, 4]));
        assert_eq!(fields.u64(), 0x0c0b_0a09_0807_0605);
        assert_eq!((u64_at(&bytes, 4), u32_at(&bytes, 12)), (0x0c0b_0a09_0807_0605, 0x100f_0e0d));
        assert_eq!(fields.bytes(8), &bytes[12..]);
    }
}

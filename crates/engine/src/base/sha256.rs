//! SHA-256 (FIPS 180-4) from a state that is kept: for messages that are hashed in steps, or begin alike.

use sha2::digest::generic_array::GenericArray;

/// Block size of the compression function, in bytes.
pub(crate) const BLOCK_BYTES: usize = 64;

/// Initial state: the first 32 bits of the fractional parts of the square roots of the first eight primes.
pub(crate) const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Compresses whole blocks, and returns the rest.
pub(crate) fn compress<'a>(state: &mut [u32; 8], bytes: &'a [u8]) -> &'a [u8] {
    let blocks = bytes.chunks_exact(BLOCK_BYTES);
    let rest = blocks.remainder();
    for block in blocks {
        sha2::compress256(state, std::slice::from_ref(GenericArray::from_slice(block)));
    }
    rest
}

/// Returns the digest after the last, incomplete block of a message: pads it with a one bit, zeroes and the
/// length in bits.
pub(crate) fn finish(mut state: [u32; 8], rest: &[u8], message_bytes: u64) -> [u8; 32] {
    let mut tail = rest.to_vec();
    tail.push(0x80);
    while tail.len() % BLOCK_BYTES != BLOCK_BYTES - 8 {
        tail.push(0);
    }
    tail.extend((message_bytes * 8).to_be_bytes());
    compress(&mut state, &tail);
    to_bytes(state)
}

/// Returns a state as a digest.
pub(crate) fn to_bytes(state: [u32; 8]) -> [u8; 32] {
    let mut digest = [0; 32];
    for (target, word) in digest.chunks_exact_mut(4).zip(state) {
        target.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn digests_around_the_block_size_match_the_library() {
        let bytes: Vec<u8> = (0..300).map(|i| i as u8).collect();
        for length in 0..bytes.len() {
            let mut state = INITIAL;
            let rest = compress(&mut state, &bytes[..length]);
            let expected: [u8; 32] = Sha256::digest(&bytes[..length]).into();
            assert_eq!(finish(state, rest, length as u64), expected, "{length} bytes");
        }
    }
}

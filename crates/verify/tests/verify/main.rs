//! Replies with proofs by other people's code, which are accepted as they are and refused with any change.

#![expect(clippy::unwrap_used, reason = "a test may panic where it fails")]

mod certificates;
mod hostile;
mod log;
mod mountains;
mod network;
mod objects;
mod pages;
mod store;
mod vectors;

/// Calls a function with each copy of some bytes in which one bit differs, a bit of another place in each byte.
fn for_each_flip(bytes: &[u8], mut check: impl FnMut(usize, Vec<u8>)) {
    for index in 0..bytes.len() {
        let mut flipped = bytes.to_vec();
        flipped[index] ^= 1 << (index % 8);
        check(index, flipped);
    }
}

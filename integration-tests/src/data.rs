//! Bytes and keys to store.

/// Generator of pseudorandom bytes that are the same in every run (xorshift64*).
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Creates a generator whose numbers depend on the seed.
    pub fn new(seed: u64) -> Self {
        // The state must not be zero, and similar seeds should give different starts.
        Self { state: (seed ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9) | 1 }
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next_u64() % bound as u64) as usize
    }
}

/// Returns `length` bytes that depend on the seed, so that values differ.
pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next_u64().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Returns a key of exactly `length` bytes.
pub fn key_of_length(length: usize) -> String {
    "k".repeat(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same seed gives the same bytes, another one gives others, with the requested length.
    #[test]
    fn bytes_are_repeatable() {
        assert_eq!(bytes(1, 1_001), bytes(1, 1_001));
        assert_ne!(bytes(1, 1_001), bytes(2, 1_001));
        assert_eq!(bytes(3, 0), Vec::<u8>::new());
        assert_eq!(bytes(3, 13).len(), 13);
    }
}

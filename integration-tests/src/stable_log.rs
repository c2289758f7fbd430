//! Minimal model of Motoko's StableLog, with which the canister's log is compared.
//!
//! The documented pattern keeps a base and an end offset into a region. `log(t)` writes the UTF-8 bytes of `t` at the
//! end, then their count as a 32-bit little-endian number, and moves the end after it. `readLast(n)` walks back from
//! the end, reading the count first and then the bytes, until it has `n` entries or reached the base.

/// Bytes of the count after each entry.
const TRAILER_BYTES: usize = 4;

/// Log in memory, with the layout of StableLog from its base on.
#[derive(Clone, Debug, Default)]
pub struct StableLog {
    region: Vec<u8>,
}

impl StableLog {
    /// Appends a text.
    pub fn log(&mut self, text: &str) {
        let length = u32::try_from(text.len()).expect("StableLog counts the bytes of an entry in 32 bits");
        self.region.extend_from_slice(text.as_bytes());
        self.region.extend_from_slice(&length.to_le_bytes());
    }

    /// Returns the last `count` texts, newest first.
    pub fn read_last(&self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        let mut offset = self.region.len();
        while texts.len() < count && offset > 0 {
            offset -= TRAILER_BYTES;
            let trailer = &self.region[offset..offset + TRAILER_BYTES];
            let length = u32::from_le_bytes(trailer.try_into().expect("a trailer has four bytes")) as usize;
            offset -= length;
            let text = self.region[offset..offset + length].to_vec();
            texts.push(String::from_utf8(text).expect("only texts were appended"));
        }
        texts
    }

    /// Returns the bytes from the base to the end.
    pub fn bytes(&self) -> &[u8] {
        &self.region
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The model itself: the layout of two entries, and reading beyond the first.
    #[test]
    fn the_model_is_what_motoko_documents() {
        let mut log = StableLog::default();
        log.log("ab");
        log.log("");
        assert_eq!(log.bytes(), b"ab\x02\0\0\0\0\0\0\0");
        assert_eq!(log.read_last(3), ["", "ab"]);
        assert_eq!(log.read_last(1), [""]);
        assert_eq!(log.read_last(0), Vec::<String>::new());
    }
}

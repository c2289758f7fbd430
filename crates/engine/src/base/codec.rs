//! Fields of variable length: numbers as unsigned LEB128, and bytes preceded by their length.
//!
//! Each byte of a number has seven of its bits, the lowest first. The highest bit of a byte is set if another
//! byte follows.

/// Largest length of an encoded number, in bytes.
pub(crate) const MAX_NUMBER_BYTES: usize = u64::BITS.div_ceil(7) as usize;

/// Appends a number.
pub(crate) fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends bytes preceded by their length.
pub(crate) fn put_bytes(bytes: &mut Vec<u8>, content: &[u8]) {
    put_number(bytes, content.len() as u64);
    bytes.extend_from_slice(content);
}

/// Returns the length of an encoded number, in bytes.
pub(crate) fn number_bytes(number: u64) -> usize {
    (u64::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

/// Reader of fields from the front of a slice. A field that is incomplete or invalid is `None`; nothing is
/// read past the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    /// Reads a number. Returns `None` if it does not fit in 64 bits.
    #[inline]
    pub(crate) fn number(&mut self) -> Option<u64> {
        // Most numbers have one byte or three.
        match self.0 {
            [one @ 0..0x80, rest @ ..] => {
                self.0 = rest;
                Some(u64::from(*one))
            }
            [one, two, three @ 0..0x80, rest @ ..] if *two >= 0x80 => {
                self.0 = rest;
                let bits = |byte: &u8| u64::from(byte & 0x7f);
                Some(bits(one) | bits(two) << 7 | bits(three) << 14)
            }
            _ => self.long_number(),
        }
    }

    fn long_number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            number |= bits << shift;
            if byte < 0x80 {
                return (bits << shift >> shift == bits).then_some(number);
            }
        }
        None
    }

    /// Reads a little-endian `u64`.
    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (&array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(array)
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// Reads bytes preceded by their length.
    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// Reads UTF-8 text preceded by its length.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_were_written() {
        let edges = (0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit]);
        for number in edges.chain([u64::MAX]) {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            assert_eq!(bytes.len(), number_bytes(number), "{number}");
            let mut reader = Reader(&bytes);
            assert_eq!((reader.number(), reader.0.len()), (Some(number), 0));
            for cut in 0..bytes.len() {
                assert_eq!(Reader(&bytes[..cut]).number(), None, "{number}, {cut} bytes");
            }
        }
        assert_eq!(number_bytes(u64::MAX), MAX_NUMBER_BYTES);
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_none() {
        let mut bytes = [0xff; 10];
        bytes[9] = 1;
        assert_eq!(Reader(&bytes).number(), Some(u64::MAX));
        bytes[9] = 2;
        assert_eq!(Reader(&bytes).number(), None);
        assert_eq!(Reader(&[0x80; 20]).number(), None);
    }

    #[test]
    fn fields_are_taken_one_after_the_other() {
        let bytes: Vec<u8> = (1..=14).collect();
        let mut reader = Reader(&bytes);
        assert_eq!((reader.byte(), reader.take(2)), (Some(1), Some(&[2, 3][..])));
        assert_eq!((reader.u64(), reader.array()), (Some(0x0b0a_0908_0706_0504), Some([12, 13])));
        assert_eq!((reader.take(2), reader.u64(), reader.array::<2>()), (None, None, None));
        assert_eq!((reader.byte(), reader.byte()), (Some(14), None));
    }

    #[test]
    fn bytes_are_bounded_by_what_is_there() {
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, "é".as_bytes());
        assert_eq!(Reader(&bytes).text(), Some("é"));
        assert_eq!(Reader(&bytes[..2]).bytes(), None);
        assert_eq!(Reader(&[2, 0xff, 0xff]).text(), None);
        let mut huge = Vec::new();
        put_number(&mut huge, u64::MAX);
        assert_eq!(Reader(&huge).bytes(), None);
    }
}

//! The part of CBOR that certificates and hash trees use: byte strings, texts, arrays and maps of a definite length.
//!
//! Nothing is allocated here, so a length that exceeds the bytes costs nothing.

use crate::error::{Part, VerifyError};

/// The tag with which an encoding describes itself as CBOR: 55,799.
const SELF_DESCRIBED: [u8; 3] = [0xd9, 0xd9, 0xf7];

/// The kinds of items.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Major {
    Unsigned = 0,
    Bytes = 2,
    Text = 3,
    Array = 4,
    Map = 5,
}

/// Reads items from the start of some bytes to their end.
pub(crate) struct Reader<'a> {
    part: Part,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first item. The tag before it is optional.
    pub(crate) fn new(part: Part, bytes: &'a [u8]) -> Self {
        let at = if bytes.starts_with(&SELF_DESCRIBED) { SELF_DESCRIBED.len() } else { 0 };
        Self { part, bytes, at }
    }

    /// Returns the error for what was read last.
    pub(crate) fn error(&self, problem: &'static str) -> VerifyError {
        VerifyError::Encoding { part: self.part, offset: self.at, problem }
    }

    /// Reads a byte string.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], VerifyError> {
        let length = self.header(Major::Bytes, "a byte string is expected")?;
        self.take(length)
    }

    /// Reads a text. It is compared with known ones, so it need not be UTF-8.
    pub(crate) fn text(&mut self) -> Result<&'a [u8], VerifyError> {
        let length = self.header(Major::Text, "a text is expected")?;
        self.take(length)
    }

    /// Reads a number.
    pub(crate) fn unsigned(&mut self) -> Result<u64, VerifyError> {
        self.header(Major::Unsigned, "a number is expected")
    }

    /// Reads the header of an array, and returns the number of items that follow.
    pub(crate) fn array(&mut self) -> Result<u64, VerifyError> {
        self.header(Major::Array, "an array is expected")
    }

    /// Reads the header of a map, and returns the number of pairs that follow.
    pub(crate) fn map(&mut self) -> Result<u64, VerifyError> {
        self.header(Major::Map, "a map is expected")
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// If bytes are left.
    pub(crate) fn end(self) -> Result<(), VerifyError> {
        if self.at < self.bytes.len() { Err(self.error("bytes follow the end")) } else { Ok(()) }
    }

    fn header(&mut self, major: Major, expected: &'static str) -> Result<u64, VerifyError> {
        let first = *self.bytes.get(self.at).ok_or_else(|| self.error(expected))?;
        if first >> 5 != major as u8 {
            return Err(self.error(expected));
        }
        let width = match first & 0x1f {
            value @ 0..24 => {
                self.at += 1;
                return Ok(u64::from(value));
            }
            width @ 24..28 => 1 << (width - 24),
            _ => return Err(self.error("lengths are definite")),
        };
        self.at += 1;
        Ok(self.take(width)?.iter().fold(0, |value, &byte| (value << 8) | u64::from(byte)))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], VerifyError> {
        let rest = &self.bytes[self.at..];
        let length = usize::try_from(length).ok().filter(|&length| length <= rest.len());
        let length = length.ok_or_else(|| self.error("the length exceeds the bytes"))?;
        self.at += length;
        Ok(&rest[..length])
    }
}

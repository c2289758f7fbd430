//! Decoding arguments: the shapes that clients send at once, everything else with Candid.

use candid::types::{Serializer, Type};
use candid::utils::{ArgumentDecoder, decode_args_with_config};
use candid::{CandidType, DecoderConfig};
use serde::{Deserialize, Deserializer};
use serde_bytes::Bytes;

/// What ic-cdk allows an argument to make Candid skip.
const SKIPPING_QUOTA: usize = 10_000;

/// Arguments of a method. Where an implementation says nothing of their shape, Candid decodes them all.
pub(crate) trait Arguments<'a>: ArgumentDecoder<'a> {
    /// What their encodings start with: the magic, the types in the order of one of the common encoders, and how many
    /// arguments there are.
    const HEADERS: &'static [&'static [u8]] = &[];

    /// The values behind a header. Nothing where the bytes do not hold them, and then Candid says what is wrong.
    fn values(_bytes: &mut Input<'a>) -> Option<Self> {
        None
    }

    /// What stands for arguments that cannot be decoded. For all but a method that answers even those, the error.
    fn instead(error: String) -> Result<Self, String> {
        Err(error)
    }
}

/// Decodes the arguments of a method.
///
/// # Errors
///
/// What Candid has against them, as text.
pub(crate) fn decode<'a, A: Arguments<'a>>(bytes: &'a [u8]) -> Result<A, String> {
    match at_once(bytes) {
        Some(arguments) => Ok(arguments),
        None => with_candid(bytes).or_else(A::instead),
    }
}

fn at_once<'a, A: Arguments<'a>>(bytes: &'a [u8]) -> Option<A> {
    let mut input = Input(A::HEADERS.iter().find_map(|header| bytes.strip_prefix(*header))?);
    A::values(&mut input).filter(|_| input.0.is_empty())
}

/// Decodes arguments with Candid alone.
///
/// # Errors
///
/// As [`decode`].
#[cold]
pub(crate) fn with_candid<'a, A: ArgumentDecoder<'a>>(bytes: &'a [u8]) -> Result<A, String> {
    let mut config = DecoderConfig::new();
    config.set_skipping_quota(SKIPPING_QUOTA);
    // As with ic-cdk, no bytes are no arguments.
    let bytes = if bytes.is_empty() { b"DIDL\0\0" } else { bytes };
    decode_args_with_config(bytes, &config)
        .map_err(|error| format!("the arguments are not those of this method: {error}"))
}

/// Bytes of which values are taken from the front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// An unsigned LEB128 number that fits a length of this machine.
    fn length(&mut self) -> Option<usize> {
        let mut number = 0usize;
        for shift in (0..usize::BITS).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let bits = usize::from(byte & 0x7f);
            number |= bits << shift;
            if byte < 0x80 {
                return (bits << shift >> shift == bits).then_some(number);
            }
        }
        None
    }

    fn blob(&mut self) -> Option<&'a Bytes> {
        let length = self.length()?;
        let (blob, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Bytes::new(blob))
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.blob()?).ok()
    }

    fn text_bytes(&mut self) -> Option<Text<'a>> {
        let bytes = self.blob()?;
        (is_ascii(bytes) || std::str::from_utf8(bytes).is_ok()).then_some(Text(bytes))
    }

    fn nat64(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    fn blobs(&mut self) -> Option<Vec<&'a Bytes>> {
        let count = self.length()?;
        // Each takes a byte at least, so a count that is a lie takes no memory.
        if count > self.0.len() {
            return None;
        }
        (0..count).map(|_| self.blob()).collect()
    }
}

/// A text of which nothing but its UTF-8 is needed. Most texts are ASCII, which is found out in a fraction of what making a
/// `str` costs; a `str` could only be made of the result with `unsafe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(&'a [u8]);

impl AsRef<[u8]> for Text<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

impl CandidType for Text<'_> {
    fn _ty() -> Type {
        str::_ty()
    }

    fn idl_serialize<S: Serializer>(&self, serializer: S) -> Result<(), S::Error> {
        serializer.serialize_text(std::str::from_utf8(self.0).expect("a text is UTF-8"))
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&str>::deserialize(deserializer).map(|text| Self(text.as_bytes()))
    }
}

fn is_ascii(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let mut bits = rest.iter().fold(0, |bits, byte| bits | byte);
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        let word = words.iter().fold(0, |bits, word| bits | u64::from_le_bytes(*word));
        // Only the highest bit of each byte matters.
        bits |= u8::from(word & 0x8080_8080_8080_8080 != 0) << 7;
    }
    bits < 0x80
}

impl<'a> Arguments<'a> for (Text<'a>,) {
    const HEADERS: &'static [&'static [u8]] = &[b"DIDL\x00\x01\x71"];

    fn values(bytes: &mut Input<'a>) -> Option<Self> {
        Some((bytes.text_bytes()?,))
    }
}

impl<'a> Arguments<'a> for (String,) {
    const HEADERS: &'static [&'static [u8]] = <(Text,)>::HEADERS;

    fn values(bytes: &mut Input<'a>) -> Option<Self> {
        Some((bytes.text()?.to_owned(),))
    }
}

impl<'a> Arguments<'a> for (&'a str,) {
    const HEADERS: &'static [&'static [u8]] = <(Text,)>::HEADERS;

    fn values(bytes: &mut Input<'a>) -> Option<Self> {
        Some((bytes.text()?,))
    }
}

impl<'a> Arguments<'a> for (&'a str, &'a Bytes) {
    const HEADERS: &'static [&'static [u8]] = &[b"DIDL\x01\x6d\x7b\x02\x71\x00"];

    fn values(bytes: &mut Input<'a>) -> Option<Self> {
        Some((bytes.text()?, bytes.blob()?))
    }
}

impl<'a> Arguments<'a> for (u64, u64, &'a Bytes) {
    const HEADERS: &'static [&'static [u8]] = &[b"DIDL\x01\x6d\x7b\x03\x78\x78\x00"];

    fn values(bytes: &mut Input<'a>) -> Option<Self> {
        Some((bytes.nat64()?, bytes.nat64()?, bytes.blob()?))
    }
}

impl Arguments<'_> for (u64, u64, u64) {}

impl<'a> Arguments<'a> for (Vec<&'a Bytes>,) {
    /// The outer type first, as candid of Rust has it, and the inner type first, as agent-js has it.
    const HEADERS: &'static [&'static [u8]] =
        &[b"DIDL\x02\x6d\x01\x6d\x7b\x01\x00", b"DIDL\x02\x6d\x7b\x6d\x00\x01\x01"];

    fn values(bytes: &mut Input<'a>) -> Option<Self> {
        Some((bytes.blobs()?,))
    }
}

#[cfg(test)]
mod tests;

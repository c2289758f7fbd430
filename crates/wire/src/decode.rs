//! Decoding values whose types are known to be the expected ones.

use std::mem::size_of;

use candid::Principal;
use serde_bytes::{ByteBuf, Bytes};

use crate::{Type, Typed};

/// Most bytes that are allocated for the items of a vector before any of them is decoded. A vector with a larger count grows
/// with its items.
const MAX_RESERVED_BYTES: usize = 1 << 20;

/// Value that can be decoded, and may borrow from the bytes.
pub trait Decode<'a>: Typed + Sized {
    /// Decodes a value from the start. `None` if the bytes are invalid.
    fn decode(input: &mut Input<'a>) -> Option<Self>;

    /// Returns the value of an argument that was not sent. `None` if it is required.
    fn absent() -> Option<Self> {
        None
    }
}

/// Arguments of a method: a tuple of values.
pub trait Arguments<'a>: Sized {
    /// Their types.
    const TYPES: &'static [&'static Type];

    /// Whether one of them [is strict](Typed::IS_STRICT).
    const IS_STRICT: bool;

    /// Decodes the values from the start, all but the last `missing`. `None` if the bytes are invalid, or if a required value is
    /// missing.
    fn decode(input: &mut Input<'a>, missing: usize) -> Option<Self>;
}

/// Bytes from which values are decoded in order.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// Creates an input of these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns whether no bytes are left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the next byte.
    pub fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    /// Returns the next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    /// Returns the next `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Decodes an unsigned LEB128 number that fits a `usize`.
    pub fn length(&mut self) -> Option<usize> {
        let mut number = 0usize;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = usize::from(byte & 0x7f);
            number |= bits << shift;
            if byte < 0x80 {
                return (bits << shift >> shift == bits).then_some(number);
            }
        }
        None
    }

    /// Returns the bytes between this state and a later one.
    pub(crate) fn up_to(&self, later: &Self) -> &'a [u8] {
        &self.0[..self.0.len() - later.0.len()]
    }

    fn blob(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.bytes(length)
    }

    fn text(&mut self) -> Option<&'a str> {
        text(self.blob()?)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl Decode<'_> for $number {
            fn decode(input: &mut Input<'_>) -> Option<Self> {
                input.array().map(Self::from_le_bytes)
            }
        })*
    };
}

numbers!(u8, u16, u32, u64, i8, i16, i32, i64, f64);

impl Decode<'_> for bool {
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        match input.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// A `nat`. `None` if it does not fit.
impl Decode<'_> for u128 {
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        let (mut number, mut shift) = (0u128, 0u32);
        loop {
            let byte = input.byte()?;
            let bits = u128::from(byte & 0x7f);
            if bits != 0 {
                let fits = shift < u128::BITS && bits << shift >> shift == bits;
                number |= fits.then(|| bits << shift)?;
            }
            shift = shift.saturating_add(7);
            if byte < 0x80 {
                return Some(number);
            }
        }
    }
}

impl<'a> Decode<'a> for &'a str {
    fn decode(input: &mut Input<'a>) -> Option<Self> {
        input.text()
    }
}

impl Decode<'_> for String {
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        input.text().map(str::to_owned)
    }
}

impl<'a> Decode<'a> for &'a Bytes {
    fn decode(input: &mut Input<'a>) -> Option<Self> {
        input.blob().map(Bytes::new)
    }
}

impl Decode<'_> for ByteBuf {
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        input.blob().map(ByteBuf::from)
    }
}

impl Decode<'_> for Principal {
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        match input.byte()? {
            1 => Principal::try_from_slice(input.blob()?).ok(),
            _ => None,
        }
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Option<T> {
    fn decode(input: &mut Input<'a>) -> Option<Self> {
        match input.byte()? {
            0 => Some(None),
            1 => T::decode(input).map(Some),
            _ => None,
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Vec<T> {
    fn decode(input: &mut Input<'a>) -> Option<Self> {
        let count = input.length()?;
        // Each item takes at least a byte, so a wrong count allocates no memory.
        if count > input.0.len() {
            return None;
        }
        let mut items = Vec::with_capacity(count.min(MAX_RESERVED_BYTES / size_of::<T>().max(1)));
        for _ in 0..count {
            items.push(T::decode(input)?);
        }
        Some(items)
    }
}

impl<'a, A: Decode<'a>, B: Decode<'a>> Decode<'a> for (A, B) {
    fn decode(input: &mut Input<'a>) -> Option<Self> {
        Some((A::decode(input)?, B::decode(input)?))
    }
}

/// Items of a vector, up to one more than `MAX`. A larger batch is rejected, so the rest is not decoded. It must be the last
/// argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<T, const MAX: usize>(pub Vec<T>);

impl<T: Typed, const MAX: usize> Typed for Batch<T, MAX> {
    const TYPE: &'static Type = <Vec<T>>::TYPE;
}

impl<'a, T: Decode<'a>, const MAX: usize> Decode<'a> for Batch<T, MAX> {
    fn decode(input: &mut Input<'a>) -> Option<Self> {
        let count = input.length()?;
        if count > input.0.len() {
            return None;
        }
        let mut items = Vec::with_capacity(count.min(MAX + 1));
        for _ in 0..count.min(MAX + 1) {
            items.push(T::decode(input)?);
        }
        if count > MAX {
            *input = Input(&[]);
        }
        Some(Self(items))
    }
}

macro_rules! arguments {
    ($($part:ident $value:ident)*) => {
        impl<'a, $($part: Decode<'a>),*> Arguments<'a> for ($($part,)*) {
            const TYPES: &'static [&'static Type] = &[$($part::TYPE),*];
            const IS_STRICT: bool = false $(|| $part::IS_STRICT)*;

            #[allow(unused, reason = "for methods without arguments")]
            fn decode(input: &mut Input<'a>, missing: usize) -> Option<Self> {
                let mut left = Self::TYPES.len().checked_sub(missing)?;
                $(let $value = match left.checked_sub(1) {
                    Some(after) => {
                        left = after;
                        $part::decode(input)?
                    }
                    None => $part::absent()?,
                };)*
                Some(($($value,)*))
            }
        }
    };
}

arguments!();
arguments!(A a);
arguments!(A a B b);
arguments!(A a B b C c);

/// Text of which only the validity is needed. Most texts are ASCII, which is checked for a fraction of the cost of making a
/// `str`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// Returns the text if the bytes are UTF-8.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        (is_ascii(bytes) || std::str::from_utf8(bytes).is_ok()).then_some(Self(bytes))
    }
}

impl AsRef<[u8]> for Text<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

impl Typed for Text<'_> {
    const TYPE: &'static Type = str::TYPE;
}

impl<'a> Decode<'a> for Text<'a> {
    fn decode(input: &mut Input<'a>) -> Option<Self> {
        Self::new(input.blob()?)
    }
}

/// Whether no byte has its highest bit set. By words, and the last word overlaps the one before it, so that short texts take
/// few instructions as well.
fn is_ascii(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let mut bits = short_bits(rest);
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        let word = |index: usize| u64::from_le_bytes(words[index]);
        bits |= word(0) | word(1) | word(2) | word(3) | word(4) | word(5) | word(6) | word(7);
    }
    bits & 0x8080_8080_8080_8080 == 0
}

/// The bits that are set in any of the words of fewer than 64 bytes.
fn short_bits(bytes: &[u8]) -> u64 {
    if let Some(last) = bytes.last_chunk::<8>() {
        let (words, _) = bytes.as_chunks::<8>();
        return words.iter().fold(u64::from_le_bytes(*last), |bits, word| bits | u64::from_le_bytes(*word));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first) | u32::from_le_bytes(*last));
    }
    u64::from(bytes.iter().fold(0, |bits, byte| bits | byte))
}

/// These bytes as text, if they are UTF-8. Most texts are ASCII, which is found out for a fraction of what the check of the
/// standard library costs.
#[expect(unsafe_code, reason = "the standard library has no other way to skip its check")]
fn text(bytes: &[u8]) -> Option<&str> {
    if is_ascii(bytes) {
        // SAFETY: ASCII is UTF-8.
        return Some(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes).ok()
}

/// `nat` that saturates at 2^64 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub u64);

impl Typed for Count {
    const TYPE: &'static Type = u128::TYPE;
}

impl Decode<'_> for Count {
    fn decode(input: &mut Input<'_>) -> Option<Self> {
        let (mut number, mut shift, mut is_more) = (0u64, 0u32, false);
        loop {
            let byte = input.byte()?;
            let bits = u64::from(byte & 0x7f);
            let fits = shift < u64::BITS && bits << shift >> shift == bits;
            is_more |= !fits && bits != 0;
            number |= if fits { bits << shift } else { 0 };
            shift = shift.saturating_add(7);
            if byte < 0x80 {
                return Some(Self(if is_more { u64::MAX } else { number }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ascii_is_recognized(text in "[ -~]{0,80}", at: prop::sample::Index, byte in 0x80u8..) {
            let mut bytes = text.into_bytes();
            prop_assert!(is_ascii(&bytes));
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
                prop_assert!(!is_ascii(&bytes));
            }
        }
    }

    #[test]
    fn a_count_saturates() {
        let count = |number: u128| {
            let bytes = candid::Nat::from(number);
            let mut encoded = Vec::new();
            bytes.encode(&mut encoded).unwrap();
            let mut input = Input::new(&encoded);
            let count = Count::decode(&mut input).unwrap();
            assert!(input.is_empty());
            count.0
        };
        for number in [0, 1, 127, 128, u64::MAX - 1, u64::MAX] {
            assert_eq!(count(number.into()), number);
        }
        for number in [1 << 64, 1 << 70, u128::MAX] {
            assert_eq!(count(number), u64::MAX);
        }
        assert_eq!(Count::decode(&mut Input::new(&[0x80])), None);
        // Trailing zeroes of a number have no effect.
        assert_eq!(Count::decode(&mut Input::new(&[0x81, 0x80, 0x80, 0])), Some(Count(1)));
    }
}

//! Encoding values. Their types precede them, in a [`Header`](crate::Header).

use std::marker::PhantomData;

use candid::Principal;
use serde_bytes::{ByteBuf, Bytes};

use crate::{Text, Type, Typed};

/// Receiver of encoded bytes.
pub trait Output {
    /// Appends bytes.
    fn bytes(&mut self, bytes: &[u8]);

    /// Appends `N` bytes.
    fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes(&bytes);
    }
}

impl Output for Vec<u8> {
    fn bytes(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Value that can be encoded.
pub trait Encode: Typed {
    /// Returns the bits of the optional fields that have a value, here or in any part.
    fn present(&self) -> u32 {
        0
    }

    /// Writes the value. Optional fields without a bit in `present` are not in the type, so they are omitted.
    fn encode(&self, present: u32, out: &mut impl Output);
}

/// Variant whose values can each be encoded with only their own case in the type, which is a subtype of the variant.
pub trait Cases {
    /// Number of cases.
    const COUNT: usize;

    /// Returns the index of this value's case, in the order of the ids.
    fn case(&self) -> usize;

    /// Writes the content of the case.
    fn encode_case(&self, out: &mut impl Output);
}

/// Writes an unsigned LEB128 number.
pub fn encode_length(mut number: usize, out: &mut impl Output) {
    while number >= 0x80 {
        out.array([number as u8 | 0x80]);
        number >>= 7;
    }
    out.array([number as u8]);
}

fn encode_blob(bytes: &[u8], out: &mut impl Output) {
    encode_length(bytes.len(), out);
    out.bytes(bytes);
}

/// Encoded items of a `vec` of `T`.
#[derive(Clone, Copy, Debug)]
pub struct Encoded<'a, T> {
    bytes: &'a [u8],
    count: usize,
    present: u32,
    items: PhantomData<fn() -> T>,
}

impl<'a, T: Encode> Encoded<'a, T> {
    /// Creates a vector of `count` items, each encoded with `present`, which has the bits of all of them.
    #[must_use]
    pub fn new(bytes: &'a [u8], count: usize, present: u32) -> Self {
        Self { bytes, count, present, items: PhantomData }
    }
}

impl<T: Typed> Typed for Encoded<'_, T> {
    const TYPE: &'static Type = <Vec<T>>::TYPE;
    const OPTIONAL: u32 = <Vec<T>>::OPTIONAL;
}

impl<T: Encode> Encode for Encoded<'_, T> {
    fn present(&self) -> u32 {
        self.present
    }

    fn encode(&self, _present: u32, out: &mut impl Output) {
        encode_length(self.count, out);
        out.bytes(self.bytes);
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl Encode for $number {
            fn encode(&self, _present: u32, out: &mut impl Output) {
                out.array(self.to_le_bytes());
            }
        })*
    };
}

numbers!(u8, u16, u32, u64, i8, i16, i32, i64, f64);

impl Encode for () {
    fn encode(&self, _present: u32, _out: &mut impl Output) {}
}

impl Encode for bool {
    fn encode(&self, _present: u32, out: &mut impl Output) {
        out.array([u8::from(*self)]);
    }
}

/// A `nat`.
impl Encode for u128 {
    fn encode(&self, _present: u32, out: &mut impl Output) {
        let mut number = *self;
        while number >= 0x80 {
            out.array([number as u8 | 0x80]);
            number >>= 7;
        }
        out.array([number as u8]);
    }
}

impl Encode for str {
    fn encode(&self, _present: u32, out: &mut impl Output) {
        encode_blob(self.as_bytes(), out);
    }
}

impl Encode for String {
    fn encode(&self, _present: u32, out: &mut impl Output) {
        encode_blob(self.as_bytes(), out);
    }
}

impl Encode for Bytes {
    fn encode(&self, _present: u32, out: &mut impl Output) {
        encode_blob(self, out);
    }
}

impl Encode for ByteBuf {
    fn encode(&self, _present: u32, out: &mut impl Output) {
        encode_blob(self, out);
    }
}

impl Encode for Text<'_> {
    fn encode(&self, _present: u32, out: &mut impl Output) {
        encode_blob(self.as_ref(), out);
    }
}

impl Encode for Principal {
    fn encode(&self, _present: u32, out: &mut impl Output) {
        out.array([1]);
        encode_blob(self.as_slice(), out);
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn present(&self) -> u32 {
        T::present(self)
    }

    fn encode(&self, present: u32, out: &mut impl Output) {
        T::encode(self, present, out);
    }
}

impl<T: Encode> Encode for Option<T> {
    fn present(&self) -> u32 {
        self.as_ref().map_or(0, T::present)
    }

    fn encode(&self, present: u32, out: &mut impl Output) {
        out.array([u8::from(self.is_some())]);
        if let Some(value) = self {
            value.encode(present, out);
        }
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn present(&self) -> u32 {
        if T::OPTIONAL == 0 {
            return 0;
        }
        self.iter().fold(0, |present, item| present | item.present())
    }

    fn encode(&self, present: u32, out: &mut impl Output) {
        encode_length(self.len(), out);
        for item in self {
            item.encode(present, out);
        }
    }
}

impl<A: Encode, B: Encode> Encode for (A, B) {
    fn present(&self) -> u32 {
        let (one, other) = self;
        let shifted = if B::OPTIONAL == 0 { 0 } else { other.present() << A::OPTIONAL };
        one.present() | shifted
    }

    fn encode(&self, present: u32, out: &mut impl Output) {
        let (one, other) = self;
        one.encode(present, out);
        other.encode(if B::OPTIONAL == 0 { 0 } else { present >> A::OPTIONAL }, out);
    }
}

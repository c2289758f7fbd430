//! Candid types as constants.

/// Candid type. Recursive types, functions and services are not supported: the contract has none.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// Type without parts.
    Plain(Plain),
    /// `opt`.
    Opt(&'static Type),
    /// `vec`.
    Vec(&'static Type),
    /// `record`, with its fields in the order of their ids.
    Record(&'static [Field]),
    /// `variant`, with its cases in the order of their ids.
    Variant(&'static [Field]),
}

/// Type without parts, by its opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of Candid")]
pub enum Plain {
    Null = 0x7f,
    Bool = 0x7e,
    Nat = 0x7d,
    Nat8 = 0x7b,
    Nat16 = 0x7a,
    Nat32 = 0x79,
    Nat64 = 0x78,
    Int8 = 0x77,
    Int16 = 0x76,
    Int32 = 0x75,
    Int64 = 0x74,
    Float64 = 0x72,
    Text = 0x71,
    Principal = 0x68,
}

/// Field of a record, or case of a variant.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Hash of its name, or its index in a tuple.
    pub id: u32,
    /// Its name; empty in a tuple.
    pub name: &'static str,
    /// Its type.
    pub ty: &'static Type,
    /// For an optional field of a record: the bit that states whether any value of a message has it.
    pub bit: Option<u32>,
    /// Index of the first bit of the nested fields.
    pub inner_bits: u32,
}

/// Rust type with a Candid type.
pub trait Typed {
    /// Its Candid type.
    const TYPE: &'static Type;

    /// Number of optional fields, including nested ones. Each has a bit in the masks of [`Encode`](crate::Encode).
    const OPTIONAL: u32 = 0;

    /// Whether values are an error that the specification would read as none or skip: an optional field of another type, and an
    /// unknown field. Set by `#[wire(strict)]` on a struct.
    const IS_STRICT: bool = false;
}

/// Returns the id of a field with this name.
#[must_use]
pub const fn id_of(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let (mut id, mut at) = (0u32, 0);
    while at < bytes.len() {
        id = id.wrapping_mul(223).wrapping_add(bytes[at] as u32);
        at += 1;
    }
    id
}

impl Type {
    /// Returns whether two types are equal.
    #[must_use]
    pub const fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(one), Self::Plain(other)) => *one as u8 == *other as u8,
            (Self::Opt(one), Self::Opt(other)) | (Self::Vec(one), Self::Vec(other)) => one.is(other),
            (Self::Record(one), Self::Record(other)) | (Self::Variant(one), Self::Variant(other)) => {
                are(one, other)
            }
            _ => false,
        }
    }
}

const fn are(one: &[Field], other: &[Field]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at].id != other[at].id || !one[at].ty.is(other[at].ty) {
            return false;
        }
        at += 1;
    }
    true
}

/// Returns whether one name sorts before another, byte by byte.
pub(crate) const fn is_before(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() {
        if one[at] != other[at] {
            return one[at] < other[at];
        }
        at += 1;
    }
    one.len() < other.len()
}

macro_rules! plain {
    ($($rust:ty => $plain:ident),* $(,)?) => {
        $(impl Typed for $rust {
            const TYPE: &'static Type = &Type::Plain(Plain::$plain);
        })*
    };
}

plain! {
    () => Null, bool => Bool, u8 => Nat8, u16 => Nat16, u32 => Nat32, u64 => Nat64, u128 => Nat,
    i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64, f64 => Float64,
    str => Text, String => Text, candid::Principal => Principal,
}

const BLOB: &Type = &Type::Vec(u8::TYPE);

impl Typed for serde_bytes::Bytes {
    const TYPE: &'static Type = BLOB;
}

impl Typed for serde_bytes::ByteBuf {
    const TYPE: &'static Type = BLOB;
}

impl<T: Typed + ?Sized> Typed for &T {
    const TYPE: &'static Type = T::TYPE;
    const OPTIONAL: u32 = T::OPTIONAL;
}

impl<T: Typed> Typed for Option<T> {
    const TYPE: &'static Type = &Type::Opt(T::TYPE);
    const OPTIONAL: u32 = T::OPTIONAL;
    const IS_STRICT: bool = T::IS_STRICT;
}

impl<T: Typed> Typed for Vec<T> {
    const TYPE: &'static Type = &Type::Vec(T::TYPE);
    const OPTIONAL: u32 = T::OPTIONAL;
}

impl<A: Typed, B: Typed> Typed for (A, B) {
    const TYPE: &'static Type = &Type::Record(&[
        Field { id: 0, name: "", ty: A::TYPE, bit: None, inner_bits: 0 },
        Field { id: 1, name: "", ty: B::TYPE, bit: None, inner_bits: A::OPTIONAL },
    ]);
    const OPTIONAL: u32 = A::OPTIONAL + B::OPTIONAL;
}

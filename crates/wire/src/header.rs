//! Headers of encodings: the magic, the type table, and the types of the arguments.
//!
//! All of it is `const`, so the canister contains the bytes and does not build them.

use crate::types::{Field, Type, is_before};

/// Longest header, in bytes.
const MAX_BYTES: usize = 1_024;

/// Most types in a table.
const MAX_TYPES: usize = 64;

/// The bits of all optional fields.
pub const ALL: u32 = u32::MAX;

/// Order in which an encoder numbers the types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A type before its parts, fields in the order of their ids: the `candid` crate of Rust.
    Rust,
    /// The parts before the type: the JavaScript libraries.
    JavaScript,
    /// A type before its parts, fields in the order of their names: Motoko.
    Motoko,
}

/// Start of an encoding.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    bytes: [u8; MAX_BYTES],
    len: usize,
}

impl Header {
    /// Returns the header for arguments of these types.
    #[must_use]
    pub const fn of_arguments(types: &[&'static Type], order: Order) -> Self {
        let mut table = Table::new();
        let mut at = 0;
        while at < types.len() {
            table.add(types[at], ALL, order);
            at += 1;
        }
        let mut header = Self::start(table.len);
        table.write(&mut header);
        header.leb128(types.len() as u64);
        at = 0;
        while at < types.len() {
            header.reference(&table, types[at], ALL, 0);
            at += 1;
        }
        header
    }

    /// Returns the header for a value inside variants of one case each, the outermost first: the types, and the indices of the
    /// cases. A variant of fewer cases is a subtype, and so is a record without optional fields: those without a bit in
    /// `present` are omitted.
    #[must_use]
    pub const fn of_reply(cases: &[u32], ty: &'static Type, present: u32) -> Self {
        let mut table = Table::new();
        table.add(ty, present, Order::Rust);
        let mut header = Self::start(table.len + cases.len());
        let mut at = 0;
        while at < cases.len() {
            header.push(VARIANT);
            header.push(1);
            header.leb128(cases[at] as u64);
            at += 1;
            if at < cases.len() {
                header.sleb128(at as i64);
            } else {
                header.reference(&table, ty, present, cases.len());
            }
        }
        table.write_after(&mut header, cases.len());
        header.push(1);
        if cases.is_empty() {
            header.reference(&table, ty, present, 0);
        } else {
            header.push(0);
        }
        at = 0;
        while at < cases.len() {
            header.push(0);
            at += 1;
        }
        header
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_slice(&self) -> &[u8] {
        self.bytes.split_at(self.len).0
    }

    /// Returns the number of bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a header is never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns the bytes as an array of `N` bytes, padded with zeroes.
    ///
    /// # Panics
    ///
    /// If there are more than `N`.
    #[must_use]
    pub const fn to_array<const N: usize>(&self) -> [u8; N] {
        let mut array = [0; N];
        let mut at = 0;
        while at < self.len {
            array[at] = self.bytes[at];
            at += 1;
        }
        array
    }

    const fn start(types: usize) -> Self {
        let mut header = Self { bytes: [0; MAX_BYTES], len: 0 };
        header.push(b'D');
        header.push(b'I');
        header.push(b'D');
        header.push(b'L');
        header.leb128(types as u64);
        header
    }

    const fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    const fn leb128(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.push(number as u8);
    }

    const fn sleb128(&mut self, mut number: i64) {
        loop {
            let byte = number as u8 & 0x7f;
            number >>= 7;
            if (number == 0 && byte & 0x40 == 0) || (number == -1 && byte & 0x40 != 0) {
                return self.push(byte);
            }
            self.push(byte | 0x80);
        }
    }

    /// Writes the opcode of a plain type, or the index of another one in the table, which starts after `after` other types.
    const fn reference(&mut self, table: &Table, ty: &'static Type, present: u32, after: usize) {
        match ty {
            Type::Plain(plain) => self.push(*plain as u8),
            _ => match table.find(ty, present) {
                Some(at) => self.sleb128((at + after) as i64),
                None => panic!("a type is not in the table"),
            },
        }
    }
}

const OPT: u8 = 0x6e;
const VEC: u8 = 0x6d;
const RECORD: u8 = 0x6c;
const VARIANT: u8 = 0x6b;

/// Types of a table, each with the optional fields that it has there.
struct Table {
    types: [Option<(&'static Type, u32)>; MAX_TYPES],
    len: usize,
}

impl Table {
    const fn new() -> Self {
        Self { types: [None; MAX_TYPES], len: 0 }
    }

    const fn find(&self, ty: &Type, present: u32) -> Option<usize> {
        let mut at = 0;
        while at < self.len {
            if let Some((other, others)) = self.types[at]
                && other.is(ty)
                && others == present & bits_of(ty)
            {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    const fn push(&mut self, ty: &'static Type, present: u32) {
        self.types[self.len] = Some((ty, present & bits_of(ty)));
        self.len += 1;
    }

    /// Adds a type and its parts, unless they are in the table.
    const fn add(&mut self, ty: &'static Type, present: u32, order: Order) {
        if matches!(ty, Type::Plain(_)) || self.find(ty, present).is_some() {
            return;
        }
        let parts_first = matches!(order, Order::JavaScript);
        if !parts_first {
            self.push(ty, present);
        }
        match ty {
            Type::Plain(_) => {}
            Type::Opt(part) | Type::Vec(part) => self.add(part, present, order),
            Type::Record(fields) | Type::Variant(fields) => self.add_fields(fields, present, order),
        }
        if parts_first {
            self.push(ty, present);
        }
    }

    const fn add_fields(&mut self, fields: &'static [Field], present: u32, order: Order) {
        let mut last = None;
        let mut at = 0;
        while at < fields.len() {
            let field = match order {
                Order::Motoko => next_by_name(fields, last),
                _ => at,
            };
            last = Some(field);
            at += 1;
            if fields[field].is_in(present) {
                self.add(fields[field].ty, present >> fields[field].inner_bits, order);
            }
        }
    }

    const fn write(&self, header: &mut Header) {
        self.write_after(header, 0);
    }

    /// Writes the types, which follow others in the table.
    const fn write_after(&self, header: &mut Header, after: usize) {
        let mut at = 0;
        while at < self.len {
            if let Some((ty, present)) = self.types[at] {
                match ty {
                    Type::Plain(_) => {}
                    Type::Opt(part) => {
                        header.push(OPT);
                        header.reference(self, part, present, after);
                    }
                    Type::Vec(part) => {
                        header.push(VEC);
                        header.reference(self, part, present, after);
                    }
                    Type::Record(fields) => self.write_fields(header, RECORD, fields, present, after),
                    Type::Variant(fields) => self.write_fields(header, VARIANT, fields, present, after),
                }
            }
            at += 1;
        }
    }

    const fn write_fields(
        &self,
        header: &mut Header,
        opcode: u8,
        fields: &'static [Field],
        present: u32,
        after: usize,
    ) {
        header.push(opcode);
        let (mut count, mut at) = (0, 0);
        while at < fields.len() {
            count += fields[at].is_in(present) as u64;
            at += 1;
        }
        header.leb128(count);
        at = 0;
        while at < fields.len() {
            let field = &fields[at];
            at += 1;
            if field.is_in(present) {
                header.leb128(field.id as u64);
                header.reference(self, field.ty, present >> field.inner_bits, after);
            }
        }
    }
}

impl Field {
    /// Returns whether a record with these optional fields has this one.
    const fn is_in(&self, present: u32) -> bool {
        match self.bit {
            Some(bit) => present >> bit & 1 == 1,
            None => true,
        }
    }
}

/// Returns the bits of the optional fields of a type.
const fn bits_of(ty: &Type) -> u32 {
    match ty {
        Type::Plain(_) | Type::Variant(_) => 0,
        Type::Opt(part) | Type::Vec(part) => bits_of(part),
        Type::Record(fields) => {
            let (mut bits, mut at) = (0, 0);
            while at < fields.len() {
                if let Some(bit) = fields[at].bit {
                    bits |= 1 << bit;
                }
                bits |= bits_of(fields[at].ty) << fields[at].inner_bits;
                at += 1;
            }
            bits
        }
    }
}

/// Returns the index of the field whose name follows that of another one.
const fn next_by_name(fields: &[Field], last: Option<usize>) -> usize {
    let (mut next, mut at) = (None, 0);
    while at < fields.len() {
        let is_later = match last {
            Some(last) => comes_before(&fields[last], &fields[at]),
            None => true,
        };
        let is_first = match next {
            Some(next) => comes_before(&fields[at], &fields[next]),
            None => true,
        };
        if is_later && is_first {
            next = Some(at);
        }
        at += 1;
    }
    match next {
        Some(at) => at,
        None => panic!("there is no field after the last one"),
    }
}

/// Compares by name, or in a tuple by index.
const fn comes_before(one: &Field, other: &Field) -> bool {
    is_before(one.name, other.name) || (one.name.is_empty() && other.name.is_empty() && one.id < other.id)
}

/// Most optional fields for which every combination gets a header at compile time.
const MAX_PREPARED: u32 = 3;

/// Returns the number of reply headers built at compile time.
#[must_use]
pub const fn prepared(optional: u32) -> usize {
    1 << if optional < MAX_PREPARED { optional } else { MAX_PREPARED }
}

/// Returns the length of the longest of the first `count` reply headers.
#[must_use]
pub const fn longest(cases: &[u32], ty: &'static Type, count: usize) -> usize {
    let (mut longest, mut present) = (0, 0);
    while present < count {
        let len = Header::of_reply(cases, ty, present as u32).len;
        if len > longest {
            longest = len;
        }
        present += 1;
    }
    longest
}

/// Returns the first reply headers, each padded with zeroes.
#[must_use]
pub const fn replies<const LEN: usize, const COUNT: usize>(
    cases: &[u32],
    ty: &'static Type,
) -> [[u8; LEN]; COUNT] {
    let (mut headers, mut present) = ([[0; LEN]; COUNT], 0);
    while present < COUNT {
        headers[present] = Header::of_reply(cases, ty, present as u32).to_array();
        present += 1;
    }
    headers
}

/// Returns the same without the padding.
#[must_use]
pub const fn trimmed<const LEN: usize, const COUNT: usize>(
    headers: &'static [[u8; LEN]; COUNT],
    cases: &[u32],
    ty: &'static Type,
) -> [&'static [u8]; COUNT] {
    let (mut slices, mut present) = ([&[] as &[u8]; COUNT], 0);
    while present < COUNT {
        slices[present] = headers[present].split_at(Header::of_reply(cases, ty, present as u32).len).0;
        present += 1;
    }
    slices
}

/// Headers of a value inside variants of one case each, by the bits of its optional fields: `reply_headers!(T,
/// &[id_of("Ok")])` is a `&'static [&'static [u8]]`. Other combinations are built by [`Header::of_reply`].
#[macro_export]
macro_rules! reply_headers {
    ($ty:ty, $cases:expr) => {{
        const CASES: &[u32] = $cases;
        const TYPE: &$crate::Type = <$ty as $crate::Typed>::TYPE;
        const COUNT: usize = $crate::header::prepared(<$ty as $crate::Typed>::OPTIONAL);
        const LEN: usize = $crate::header::longest(CASES, TYPE, COUNT);
        const PADDED: &[[u8; LEN]; COUNT] = &$crate::header::replies(CASES, TYPE);
        const HEADERS: &[&[u8]] = &$crate::header::trimmed(PADDED, CASES, TYPE);
        HEADERS
    }};
}

/// Number of [orders](Order) in which common encoders number types.
pub const ORDERS: usize = 3;

/// Returns the types without the last one.
#[must_use]
pub const fn without_last(types: &'static [&'static Type]) -> &'static [&'static Type] {
    match types {
        [most @ .., _] => most,
        [] => types,
    }
}

/// Returns whether the last argument is optional.
#[must_use]
pub const fn may_lack_last(types: &[&Type]) -> bool {
    matches!(types, [.., Type::Opt(_)])
}

/// Headers of arguments of these types, as written by the common encoders: a `&'static [&'static [u8]]`. Those with all
/// arguments are followed by those without the last one, if it is optional.
#[macro_export]
macro_rules! argument_headers {
    ($($ty:ty),*) => {{
        const TYPES: &[&$crate::Type] = &[$(<$ty as $crate::Typed>::TYPE),*];
        const RUST: $crate::Header = $crate::Header::of_arguments(TYPES, $crate::Order::Rust);
        const JAVASCRIPT: $crate::Header = $crate::Header::of_arguments(TYPES, $crate::Order::JavaScript);
        const MOTOKO: $crate::Header = $crate::Header::of_arguments(TYPES, $crate::Order::Motoko);
        const HEADERS: [&[u8]; $crate::header::ORDERS] = [
            &RUST.to_array::<{ RUST.len() }>(),
            &JAVASCRIPT.to_array::<{ JAVASCRIPT.len() }>(),
            &MOTOKO.to_array::<{ MOTOKO.len() }>(),
        ];
        const MOST: &[&$crate::Type] = $crate::header::without_last(TYPES);
        const SHORT_RUST: $crate::Header = $crate::Header::of_arguments(MOST, $crate::Order::Rust);
        const SHORT_JAVASCRIPT: $crate::Header = $crate::Header::of_arguments(MOST, $crate::Order::JavaScript);
        const SHORT_MOTOKO: $crate::Header = $crate::Header::of_arguments(MOST, $crate::Order::Motoko);
        const ALL_HEADERS: [&[u8]; 2 * $crate::header::ORDERS] = [
            HEADERS[0],
            HEADERS[1],
            HEADERS[2],
            &SHORT_RUST.to_array::<{ SHORT_RUST.len() }>(),
            &SHORT_JAVASCRIPT.to_array::<{ SHORT_JAVASCRIPT.len() }>(),
            &SHORT_MOTOKO.to_array::<{ SHORT_MOTOKO.len() }>(),
        ];
        const CHOSEN: &[&[u8]] = if $crate::header::may_lack_last(TYPES) { &ALL_HEADERS } else { &HEADERS };
        CHOSEN
    }};
}

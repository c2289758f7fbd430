//! The type table of a message, read in place.

use crate::Input;

pub(super) const NULL: u8 = 0x7f;
pub(super) const BOOL: u8 = 0x7e;
pub(super) const NAT: u8 = 0x7d;
pub(super) const INT: u8 = 0x7c;
pub(super) const NAT8: u8 = 0x7b;
pub(super) const TEXT: u8 = 0x71;
pub(super) const RESERVED: u8 = 0x70;
pub(super) const EMPTY: u8 = 0x6f;
pub(super) const PRINCIPAL: u8 = 0x68;

/// Most types of a table, as in the `candid` crate.
const MAX_TYPES: usize = 10_000;

/// Opcodes of types as signed numbers.
const OPT: i64 = -18;
const VEC: i64 = -19;
const RECORD: i64 = -20;
const VARIANT: i64 = -21;
const FUNCTION: i64 = -22;
const SERVICE: i64 = -23;

/// Returns the size of a plain value, if it is fixed.
pub(super) fn width(opcode: u8) -> Option<usize> {
    match opcode {
        NULL | RESERVED => Some(0),
        BOOL | NAT8 | 0x77 => Some(1),
        0x7a | 0x76 => Some(2),
        0x79 | 0x75 | 0x73 => Some(4),
        0x78 | 0x74 | 0x72 => Some(8),
        _ => None,
    }
}

/// Reference to a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// Opcode of a plain type.
    Plain(u8),
    /// Index of a type in the table.
    Entry(usize),
}

/// Structure of a type.
pub(super) enum Part<'a> {
    Plain(u8),
    Opt(Wire),
    Vec(Wire),
    Record(Fields<'a>),
    Variant(Fields<'a>),
    Function,
    Service,
    Future,
}

/// Remaining fields of a type.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    left: usize,
    bytes: Input<'a>,
}

/// Types of a message.
pub(super) struct Table<'a> {
    /// Opcode of each type, and the bytes after it.
    types: Vec<(i8, Input<'a>)>,
}

impl<'a> Table<'a> {
    /// Reads the magic and the table of a message, and returns the bytes after them. Every type in it is well-formed.
    pub(super) fn read(bytes: &'a [u8]) -> Result<(Self, Input<'a>), &'static str> {
        let mut input = Input::new(bytes);
        if input.array() != Some(*b"DIDL") {
            return Err("the bytes do not start with DIDL");
        }
        let count = input.length().ok_or("the number of types is malformed")?;
        if count > MAX_TYPES {
            return Err("there are more than 10,000 types");
        }
        let mut table = Self { types: Vec::new() };
        for _ in 0..count {
            let opcode = signed(&mut input).ok_or("an opcode is malformed")?;
            let start = input;
            skip_type(opcode, &mut input, count)?;
            // All future types have the same form.
            table.types.push((opcode.max(i8::MIN.into()) as i8, start));
        }
        Ok((table, input))
    }

    /// Reads a reference to a type.
    pub(super) fn reference(&self, input: &mut Input<'a>) -> Result<Wire, &'static str> {
        reference(input, self.types.len())
    }

    /// Returns the structure of a type.
    pub(super) fn part(&self, wire: Wire) -> Part<'a> {
        let at = match wire {
            Wire::Plain(opcode) => return Part::Plain(opcode),
            Wire::Entry(at) => at,
        };
        let Some(&(opcode, mut bytes)) = self.types.get(at) else { return Part::Plain(EMPTY) };
        // The type was read before, so its parts exist.
        match i64::from(opcode) {
            OPT => self.reference(&mut bytes).map_or(Part::Plain(EMPTY), Part::Opt),
            VEC => self.reference(&mut bytes).map_or(Part::Plain(EMPTY), Part::Vec),
            RECORD => Part::Record(Fields { left: bytes.length().unwrap_or(0), bytes }),
            VARIANT => Part::Variant(Fields { left: bytes.length().unwrap_or(0), bytes }),
            FUNCTION => Part::Function,
            SERVICE => Part::Service,
            _ => Part::Future,
        }
    }

    /// Returns the next field.
    pub(super) fn field(&self, fields: &mut Fields<'a>) -> Result<Option<(u32, Wire)>, &'static str> {
        if fields.left == 0 {
            return Ok(None);
        }
        fields.left -= 1;
        let id = id(&mut fields.bytes)?;
        Ok(Some((id, self.reference(&mut fields.bytes)?)))
    }
}

fn id(input: &mut Input<'_>) -> Result<u32, &'static str> {
    let id = input.length().and_then(|id| u32::try_from(id).ok());
    id.ok_or("the id of a field is malformed")
}

/// Reads the rest of a type.
fn skip_type(opcode: i64, input: &mut Input<'_>, types: usize) -> Result<(), &'static str> {
    match opcode {
        OPT | VEC => reference(input, types).map(drop),
        RECORD | VARIANT => {
            let mut last = None;
            for _ in 0..length(input)? {
                let id = id(input)?;
                if last.is_some_and(|last| last >= id) {
                    return Err("the fields of a type are not in order");
                }
                last = Some(id);
                reference(input, types)?;
            }
            Ok(())
        }
        FUNCTION => {
            for _ in 0..2 {
                for _ in 0..length(input)? {
                    reference(input, types)?;
                }
            }
            skip_bytes(input)
        }
        SERVICE => {
            for _ in 0..length(input)? {
                skip_bytes(input)?;
                reference(input, types)?;
            }
            Ok(())
        }
        ..=-25 => skip_bytes(input),
        _ => Err("there is no type with this opcode"),
    }
}

fn skip_bytes(input: &mut Input<'_>) -> Result<(), &'static str> {
    let length = length(input)?;
    input.bytes(length).map(drop).ok_or("the bytes end in a type")
}

fn length(input: &mut Input<'_>) -> Result<usize, &'static str> {
    input.length().ok_or("a length in a type is malformed")
}

fn reference(input: &mut Input<'_>, types: usize) -> Result<Wire, &'static str> {
    match signed(input).ok_or("a reference to a type is malformed")? {
        at @ 0.. => match usize::try_from(at) {
            Ok(at) if at < types => Ok(Wire::Entry(at)),
            _ => Err("a type is not in the table"),
        },
        plain @ (-17..=-1 | -24) => Ok(Wire::Plain((plain + 0x80) as u8)),
        _ => Err("there is no plain type with this opcode"),
    }
}

/// Reads a signed LEB128 number of at most 64 bits.
fn signed(input: &mut Input<'_>) -> Option<i64> {
    let (mut number, mut shift) = (0i64, 0u32);
    loop {
        let byte = input.byte()?;
        if shift >= i64::BITS {
            return None;
        }
        number |= i64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            let is_negative = byte & 0x40 != 0 && shift < i64::BITS;
            return Some(if is_negative { number | -1 << shift } else { number });
        }
    }
}

//! Rewriting of arguments of any subtypes to the expected types.
//!
//! This decodes as the `candid` crate does, but the result is not a value but its encoding with the expected types, which
//! [`Input`] decodes. So there is one decoder for all methods. The type table is read in place. As in that crate, types are
//! compared where there are values: an empty vector may have any type except bytes.
//!
//! The work is linear in the bytes of the message, whatever they are: expected values take one of a limited number of steps,
//! and the number of unexpected values is limited.

mod table;

use candid::Principal;

use crate::{Input, Plain, Type};
use table::{Part, Table, Wire};

/// Deepest nesting of skipped values.
const MAX_DEPTH: u32 = 64;

/// Most unexpected values that are skipped, including their parts. The same limit as ic-cdk's.
const MAX_SKIPPED: usize = 10_000;

/// Steps of an empty message.
const LEAST_STEPS: usize = 10_000;

/// Steps per byte of a message. An expected value takes one, and one for each case before its own.
const STEPS_PER_BYTE: usize = 4;

/// Reason why arguments were not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    what: &'static str,
    /// Name of the field, if it is known.
    field: Option<&'static str>,
}

impl DecodeError {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what, field: None }
    }
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.field {
            Some(field) => write!(f, "the field {field}: {}", self.what),
            None => f.write_str(self.what),
        }
    }
}

impl std::error::Error for DecodeError {}

impl From<&'static str> for DecodeError {
    fn from(what: &'static str) -> Self {
        Self::new(what)
    }
}

/// Reason why a value was not decoded.
enum Failure {
    /// Its type is not a subtype of the expected one. A value in an `opt` becomes none then.
    OtherType,
    /// The bytes are not a valid encoding, or take too many steps.
    Malformed(&'static str),
}

type Outcome<T = ()> = Result<T, Failure>;

impl From<&'static str> for Failure {
    fn from(what: &'static str) -> Self {
        Self::Malformed(what)
    }
}

const ENDS: Failure = Failure::Malformed("the bytes end in a value");

/// Writes the values of encoded arguments with the expected types, without a header. No bytes mean no arguments. If
/// `is_strict`, nothing is skipped and nothing becomes none.
///
/// # Errors
///
/// Returns what is wrong with the arguments.
#[cold]
pub fn coerce(
    bytes: &[u8],
    expected: &[&'static Type],
    is_strict: bool,
    values: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let bytes = if bytes.is_empty() { b"DIDL\0\0" } else { bytes };
    values.reserve(bytes.len());
    let (table, mut input) = Table::read(bytes)?;
    let count = input.length().ok_or("the number of arguments is malformed")?;
    if count > expected.len() + MAX_SKIPPED {
        return Err("there are too many arguments".into());
    }
    let mut types = input;
    for _ in 0..count {
        table.reference(&mut input)?;
    }
    let steps = LEAST_STEPS.saturating_add(bytes.len().saturating_mul(STEPS_PER_BYTE));
    let skips = MAX_SKIPPED;
    let mut coercion = Coercion { table, input, steps, skips, is_strict, field: None, values };
    for at in 0..count.max(expected.len()) {
        let wire = if at < count { Some(coercion.table.reference(&mut types)?) } else { None };
        coercion.argument(wire, expected.get(at).copied()).map_err(|failure| match failure {
            Failure::OtherType => DecodeError { what: "the type is another one", field: coercion.field },
            Failure::Malformed(what) => DecodeError { what, field: coercion.field },
        })?;
    }
    if coercion.input.is_empty() { Ok(()) } else { Err("there are bytes after the arguments".into()) }
}

struct Coercion<'a, 'v> {
    table: Table<'a>,
    /// Remaining values.
    input: Input<'a>,
    /// Remaining steps.
    steps: usize,
    /// Remaining values that may be skipped.
    skips: usize,
    is_strict: bool,
    /// Field of a failure.
    field: Option<&'static str>,
    values: &'v mut Vec<u8>,
}

impl<'a> Coercion<'a, '_> {
    /// Rewrites an argument that is expected, or skips one that is not.
    fn argument(&mut self, wire: Option<Wire>, expected: Option<&'static Type>) -> Outcome {
        match (wire, expected) {
            (Some(wire), Some(expected)) => self.value(wire, expected),
            (Some(wire), None) => self.leave_out(wire),
            (None, Some(expected)) => self.absent(expected),
            (None, None) => Ok(()),
        }
    }

    /// Skips an unexpected value.
    fn leave_out(&mut self, wire: Wire) -> Outcome {
        if self.is_strict {
            return Err("there is something that is not known".into());
        }
        self.skip(wire, 0)
    }

    fn step(&mut self) -> Outcome {
        self.steps = self.steps.checked_sub(1).ok_or("decoding takes too many steps")?;
        Ok(())
    }

    /// Writes a missing value, which can only be none.
    fn absent(&mut self, expected: &Type) -> Outcome {
        match expected {
            Type::Opt(_) => self.values.push(0),
            Type::Plain(Plain::Null) => {}
            _ => return Err(Failure::OtherType),
        }
        Ok(())
    }

    fn value(&mut self, wire: Wire, expected: &'static Type) -> Outcome {
        self.step()?;
        match (expected, self.table.part(wire)) {
            (Type::Opt(_), Part::Plain(opcode)) if opcode == table::NULL || self.is_none(opcode) => {
                self.values.push(0);
                Ok(())
            }
            (Type::Opt(expected), Part::Opt(wire)) => match self.input.byte().ok_or(ENDS)? {
                0 => {
                    self.values.push(0);
                    Ok(())
                }
                1 => self.some(wire, expected),
                _ => Err("an opt is neither there nor not".into()),
            },
            (Type::Opt(expected), _) => self.some(wire, expected),
            (Type::Plain(expected), Part::Plain(opcode)) if *expected as u8 == opcode => self.copy(opcode),
            (Type::Vec(expected), Part::Vec(wire)) => self.vector(wire, expected),
            (Type::Record(expected), Part::Record(fields)) => self.record(fields, expected),
            (Type::Variant(expected), Part::Variant(cases)) => self.variant(cases, expected),
            _ => Err(Failure::OtherType),
        }
    }

    /// Returns whether a plain type represents none.
    fn is_none(&self, opcode: u8) -> bool {
        opcode == table::RESERVED && !self.is_strict
    }

    /// Rewrites the content of an optional value, or writes none if it has another type.
    fn some(&mut self, wire: Wire, expected: &'static Type) -> Outcome {
        let (input, length) = (self.input, self.values.len());
        self.values.push(1);
        match self.value(wire, expected) {
            Err(Failure::OtherType) if !self.is_strict => {
                self.field = None;
                self.input = input;
                self.values.truncate(length);
                self.values.push(0);
                self.skip(wire, 0)
            }
            done => done,
        }
    }

    /// Copies a plain value, which is validated by the decoder of the values.
    fn copy(&mut self, opcode: u8) -> Outcome {
        let before = self.input;
        self.skip_plain(opcode)?;
        self.values.extend_from_slice(before.up_to(&self.input));
        Ok(())
    }

    fn vector(&mut self, wire: Wire, expected: &'static Type) -> Outcome {
        let count = self.input.length().ok_or("the length of a vec is malformed")?;
        crate::encode_length(count, self.values);
        match (expected, wire) {
            (Type::Plain(Plain::Nat8), Wire::Plain(table::NAT8)) => {
                let bytes = self.input.bytes(count).ok_or(ENDS)?;
                self.values.extend_from_slice(bytes);
                Ok(())
            }
            (Type::Plain(Plain::Nat8), _) => Err(Failure::OtherType),
            // Each value takes a step, even if it takes no bytes.
            _ => (0..count).try_for_each(|_| self.value(wire, expected)),
        }
    }

    /// Both have their fields in the order of the ids.
    fn record(&mut self, mut wire: table::Fields<'a>, expected: &'static [crate::Field]) -> Outcome {
        let mut next = self.table.field(&mut wire)?;
        for field in expected {
            while let Some((id, ty)) = next
                && id < field.id
            {
                self.leave_out(ty)?;
                next = self.table.field(&mut wire)?;
            }
            match next {
                Some((id, ty)) if id == field.id => {
                    self.field_value(ty, field)?;
                    next = self.table.field(&mut wire)?;
                }
                _ => self.absent(field.ty)?,
            }
        }
        while let Some((_, ty)) = next {
            self.leave_out(ty)?;
            next = self.table.field(&mut wire)?;
        }
        Ok(())
    }

    fn field_value(&mut self, wire: Wire, field: &'static crate::Field) -> Outcome {
        let done = self.value(wire, field.ty);
        if done.is_err() && self.field.is_none() && !field.name.is_empty() {
            self.field = Some(field.name);
        }
        done
    }

    fn variant(&mut self, wire: table::Fields<'a>, expected: &'static [crate::Field]) -> Outcome {
        let (id, ty) = self.case(wire)?;
        let at = expected.iter().position(|case| case.id == id).ok_or(Failure::OtherType)?;
        crate::encode_length(at, self.values);
        self.value(ty, expected[at].ty)
    }

    /// Reads the case of the next variant.
    fn case(&mut self, mut wire: table::Fields<'a>) -> Outcome<(u32, Wire)> {
        let number = self.input.length().ok_or(ENDS)?;
        for _ in 0..number {
            self.step()?;
            self.table.field(&mut wire)?.ok_or("a variant has no such case")?;
        }
        Ok(self.table.field(&mut wire)?.ok_or("a variant has no such case")?)
    }

    /// Skips an unexpected value.
    fn skip(&mut self, wire: Wire, depth: u32) -> Outcome {
        self.skips = self.skips.checked_sub(1).ok_or("there are too many values that are not known")?;
        if depth > MAX_DEPTH {
            return Err("values are nested too deeply".into());
        }
        match self.table.part(wire) {
            Part::Plain(opcode) => self.skip_plain(opcode),
            Part::Opt(wire) => match self.input.byte().ok_or(ENDS)? {
                0 => Ok(()),
                1 => self.skip(wire, depth + 1),
                _ => Err("an opt is neither there nor not".into()),
            },
            Part::Vec(wire) => self.skip_vector(wire, depth),
            Part::Record(mut fields) => {
                while let Some((_, ty)) = self.table.field(&mut fields)? {
                    self.skip(ty, depth + 1)?;
                }
                Ok(())
            }
            Part::Variant(cases) => {
                let (_, ty) = self.case(cases)?;
                self.skip(ty, depth + 1)
            }
            Part::Function => {
                self.skip_flag()?;
                self.skip_plain(table::PRINCIPAL)?;
                self.skip_plain(table::TEXT)
            }
            Part::Service => self.skip_plain(table::PRINCIPAL),
            Part::Future => self.skip_future(),
        }
    }

    fn skip_vector(&mut self, wire: Wire, depth: u32) -> Outcome {
        let count = self.input.length().ok_or("the length of a vec is malformed")?;
        let width = match wire {
            Wire::Plain(opcode) => table::width(opcode),
            Wire::Entry(_) => None,
        };
        match width {
            Some(width) if width > 0 && wire != Wire::Plain(table::BOOL) => {
                let bytes = count.checked_mul(width).and_then(|bytes| self.input.bytes(bytes));
                bytes.map(drop).ok_or(ENDS)
            }
            _ => (0..count).try_for_each(|_| self.skip(wire, depth + 1)),
        }
    }

    fn skip_plain(&mut self, opcode: u8) -> Outcome {
        if let Some(width) = table::width(opcode) {
            let bytes = self.input.bytes(width).ok_or(ENDS)?;
            let is_sound = opcode != table::BOOL || bytes[0] < 2;
            return if is_sound { Ok(()) } else { Err("a bool is neither true nor false".into()) };
        }
        match opcode {
            table::NAT | table::INT => {
                while self.input.byte().ok_or(ENDS)? >= 0x80 {}
                Ok(())
            }
            table::TEXT => {
                let is_text = std::str::from_utf8(self.skip_blob()?).is_ok();
                if is_text { Ok(()) } else { Err("a text is not UTF-8".into()) }
            }
            table::PRINCIPAL => {
                self.skip_flag()?;
                let is_principal = self.skip_blob()?.len() <= Principal::MAX_LENGTH_IN_BYTES;
                if is_principal { Ok(()) } else { Err("a principal is too long".into()) }
            }
            _ => Err("there is a value of the type empty".into()),
        }
    }

    fn skip_blob(&mut self) -> Outcome<&'a [u8]> {
        let length = self.input.length().ok_or("a length is malformed")?;
        self.input.bytes(length).ok_or(ENDS)
    }

    /// References can be opaque, but such values are not sent over a network.
    fn skip_flag(&mut self) -> Outcome {
        match self.input.byte().ok_or(ENDS)? {
            1 => Ok(()),
            _ => Err("a reference is opaque".into()),
        }
    }

    fn skip_future(&mut self) -> Outcome {
        let bytes = self.input.length().ok_or("a length is malformed")?;
        match self.input.length() {
            Some(0) => self.input.bytes(bytes).map(drop).ok_or(ENDS),
            _ => Err("a value of a future type has references".into()),
        }
    }
}

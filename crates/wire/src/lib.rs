//! Candid with constant type tables.
//!
//! Candid's own encoder and decoder build type tables while a message is running. For a canister that is most of the cost of
//! a message: a type table of a result with all cases of its error takes 250,000 instructions, and 50 more for each byte of
//! it in the reply. Here the tables are constants:
//!
//! - [`Typed::TYPE`] is the Candid type of a Rust type. `#[derive(Wire)]` generates it for a struct or an enum, together
//!   with [`Encode`] and [`Decode`]. A new field needs no other change.
//! - [`Header`] builds the bytes before the values at compile time: for arguments in the orders in which the common clients
//!   number types ([`Order`]), and for a reply of a single case. A variant of fewer cases and a record without an optional
//!   field are subtypes, so every client can decode such a reply.
//! - [`decode`] decodes arguments directly if they start with one of the headers. Otherwise [`coerce`] reads the type table
//!   of the message and rewrites the values to the expected types, according to the specification of Candid. The work is
//!   linear in the bytes of the message.
//!
//! Tests compare all of it with the `candid` crate.

mod coerce;
mod decode;
mod encode;
pub mod header;
mod types;

pub use coerce::{DecodeError, coerce};
pub use decode::{Arguments, Batch, Count, Decode, Input, Text};
pub use encode::{Cases, Encode, Encoded, Output, encode_length};
pub use header::{ALL, Header, Order};
pub use storage_wire_derive::Wire;
pub use types::{Field, Plain, Type, Typed, id_of};

/// Decodes the arguments of a method: directly after one of these headers, else with `space` for the rewritten values.
///
/// # Errors
///
/// Returns what is wrong with the arguments.
pub fn decode<'a, A: Arguments<'a>>(
    bytes: &'a [u8],
    headers: &[&[u8]],
    space: &'a mut Vec<u8>,
) -> Result<A, DecodeError> {
    if let Some(arguments) = by_shape(bytes, headers) {
        return Ok(arguments);
    }
    coerce(bytes, A::TYPES, A::IS_STRICT, space)?;
    all_of(space, 0).ok_or(DecodeError::new("a value is malformed"))
}

/// Decodes arguments whose encoding starts with one of these headers. `None` if it does not, or if they are malformed.
pub fn by_shape<'a, A: Arguments<'a>>(bytes: &'a [u8], headers: &[&[u8]]) -> Option<A> {
    let mut numbered = headers.iter().enumerate();
    let (at, rest) = numbered.find_map(|(at, header)| Some((at, strip(bytes, header)?)))?;
    // Strict arguments are always coerced.
    let missing = usize::from(at >= header::ORDERS);
    if missing > 0 && A::IS_STRICT { None } else { all_of(rest, missing) }
}

fn all_of<'a, A: Arguments<'a>>(bytes: &'a [u8], missing: usize) -> Option<A> {
    let mut input = Input::new(bytes);
    A::decode(&mut input, missing).filter(|_| input.is_empty())
}

/// Returns the bytes after a header, which has at least four bytes.
fn strip<'a>(bytes: &'a [u8], header: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = bytes.split_at_checked(header.len())?;
    is_same(start, header).then_some(rest)
}

/// Compares bytes word by word, because every message pays for it. The last word may overlap the one before.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    match (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        (Some(last), Some(other_last)) => {
            let pairs = one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0);
            u64::from_le_bytes(*last) == u64::from_le_bytes(*other_last)
                && pairs.fold(true, |same, (one, other)| {
                    same & (u64::from_le_bytes(*one) == u64::from_le_bytes(*other))
                })
        }
        _ => {
            one.first_chunk::<4>() == other.first_chunk::<4>()
                && one.last_chunk::<4>() == other.last_chunk::<4>()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_differs_from_bytes_with_any_change() {
        for length in 4..40 {
            let header: Vec<u8> = (0..length).collect();
            let bytes = [&header[..], b"rest"].concat();
            assert_eq!(strip(&bytes, &header), Some(&b"rest"[..]));
            assert_eq!(strip(&header, &bytes), None);
            for at in 0..header.len() {
                let mut other = bytes.clone();
                other[at] ^= 0x80;
                assert_eq!(strip(&other, &header), None, "{at} of {length}");
            }
        }
    }
}

//! Replying.

use stable_storage_api::Error;
use storage_wire::header::Header;
use storage_wire::{ALL, Cases, Encode, Field, Output, Type, Typed, encode_length, id_of};

/// The case of a successful result in the contract.
pub(crate) const OK: &[u32] = &[id_of("Ok")];

/// Largest size of the header before a blob, in bytes.
pub(crate) const BLOB_HEADER_BYTES: usize = 32;

/// A reply that is being written.
pub(crate) struct Reply<'m> {
    buffer: &'m mut [u8],
    length: usize,
}

impl<'m> Reply<'m> {
    pub(super) fn new(buffer: &'m mut [u8]) -> Self {
        Self { buffer, length: 0 }
    }

    /// Replies with a value. `headers` are the headers of its type, by the bit set of its optional fields.
    /// `cases` are the variant cases around it.
    pub(crate) fn send<T: Encode>(mut self, value: &T, headers: &[&[u8]], cases: &[u32]) {
        let present = value.present();
        match headers.get(present as usize) {
            Some(header) => self.bytes(header),
            None => self.bytes(Header::of_reply(cases, T::TYPE, present).as_slice()),
        }
        value.encode(present, &mut self);
        self.finish();
    }

    /// Replies with an error; the type of the reply has only the case of this error.
    #[cold]
    pub(crate) fn send_error(mut self, error: &Error) {
        self.bytes(ERRORS[error.case()]);
        error.encode_case(&mut self);
        self.finish();
    }

    fn finish(self) {
        ic0::msg_reply_data_append(&self.buffer[..self.length]);
        ic0::msg_reply();
    }

    #[cold]
    fn flush_and_take(&mut self, bytes: &[u8]) {
        ic0::msg_reply_data_append(&self.buffer[..self.length]);
        self.length = 0;
        if bytes.len() > self.buffer.len() {
            ic0::msg_reply_data_append(bytes);
        } else {
            self.bytes(bytes);
        }
    }
}

impl Output for Reply<'_> {
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        match self.buffer.get_mut(self.length..).and_then(|room| room.get_mut(..bytes.len())) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => self.flush_and_take(bytes),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        match self.buffer.get_mut(self.length..).and_then(|room| room.first_chunk_mut()) {
            Some(room) => {
                *room = bytes;
                self.length += N;
            }
            None => self.flush_and_take(&bytes),
        }
    }
}

/// Replies with `Ok` of a blob that was written to `room` after [`BLOB_HEADER_BYTES`]. Writes the header
/// before it.
pub(crate) fn send_blob(room: &mut [u8], length: usize, header: &[u8]) {
    let mut before = Before { bytes: [0; BLOB_HEADER_BYTES], length: 0 };
    before.bytes(header);
    encode_length(length, &mut before);
    let start = BLOB_HEADER_BYTES - before.length;
    room[start..BLOB_HEADER_BYTES].copy_from_slice(&before.bytes[..before.length]);
    ic0::msg_reply_data_append(&room[start..BLOB_HEADER_BYTES + length]);
    ic0::msg_reply();
}

struct Before {
    bytes: [u8; BLOB_HEADER_BYTES],
    length: usize,
}

impl Output for Before {
    fn bytes(&mut self, bytes: &[u8]) {
        self.bytes[self.length..][..bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }
}

/// Rejects a message whose reply cannot contain an error.
#[cold]
pub(crate) fn reject(error: &Error) {
    ic_cdk::api::msg_reject(error.to_string());
}

/// Rejects a message whose sender does not wait for the reply, and writes the error to the canister's log. A
/// caller without the role is only counted: it must not fill the log at the canister's cost.
#[cold]
pub(crate) fn reject_aloud(method: &str, error: &Error) {
    if !matches!(error, Error::Unauthorized { .. }) {
        ic_cdk::api::debug_print(format!("{method}: {error}"));
    }
    reject(error);
}

/// The bytes before the contents of an error, by the case of the error.
static ERRORS: [&[u8]; Error::COUNT] = {
    let (mut errors, mut case) = ([&[] as &[u8]; Error::COUNT], 0);
    while case < Error::COUNT {
        errors[case] = PADDED_ERRORS[case].split_at(error_header(case).len()).0;
        case += 1;
    }
    errors
};

const LONGEST_ERROR: usize = {
    let (mut longest, mut case) = (0, 0);
    while case < Error::COUNT {
        let length = error_header(case).len();
        longest = if length > longest { length } else { longest };
        case += 1;
    }
    longest
};

static PADDED_ERRORS: [[u8; LONGEST_ERROR]; Error::COUNT] = {
    let (mut errors, mut case) = ([[0; LONGEST_ERROR]; Error::COUNT], 0);
    while case < Error::COUNT {
        errors[case] = error_header(case).to_array();
        case += 1;
    }
    errors
};

const CASES: &[Field] = match Error::TYPE {
    Type::Variant(cases) => cases,
    _ => panic!("the error is a variant"),
};

/// Returns the header of `variant { Err : variant { CASE : … } }`. With fewer cases it is a subtype of the
/// result of every method.
const fn error_header(case: usize) -> Header {
    Header::of_reply(&[id_of("Err"), CASES[case].id], CASES[case].ty, ALL)
}

#[cfg(test)]
mod tests {
    use candid::decode_one;
    use serde_bytes::ByteBuf;
    use stable_storage_api::{ObjectInfo, Result, Role};

    use super::*;

    #[test]
    fn every_error_is_the_result_of_every_method() {
        let errors = [
            Error::NotFound,
            Error::AlreadyExists,
            Error::RevisionMismatch { current: None },
            Error::RevisionMismatch { current: Some(7) },
            Error::Unauthorized { needed: Role::Admin },
            Error::invalid("text"),
            Error::TooLarge { size: 2, limit: 1 },
            Error::OutOfMemory { requested: 3, available: u64::MAX },
            Error::LimitExceeded { what: "things".into(), limit: 4 },
            Error::Incomplete { first_missing: 5 },
            Error::OutOfRange { offset: 6, length: 7, size: 8 },
            Error::corrupted("structure", 9),
            Error::ChunkConflict { index: 10 },
        ];
        let mut cases: Vec<_> = errors.iter().map(Cases::case).collect();
        cases.dedup();
        assert_eq!(cases.len(), Error::COUNT, "a case is missing here");
        for error in errors {
            let mut reply = ERRORS[error.case()].to_vec();
            error.encode_case(&mut reply);
            assert_eq!(decode_one::<Result<ByteBuf>>(&reply).unwrap(), Err(error.clone()));
            assert_eq!(decode_one::<Result<Vec<ObjectInfo>>>(&reply).unwrap(), Err(error.clone()));
            assert_eq!(decode_one::<Result<()>>(&reply).unwrap(), Err(error));
        }
    }
}

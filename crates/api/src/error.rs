//! The error type of the contract.

use std::str::FromStr;

use candid::CandidType;
use serde::{Deserialize, Serialize};
use storage_wire::Wire;

use crate::Role;

/// Result of every method of the contract that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Reason why a method failed, with the values and limits involved.
///
/// An error means that nothing has changed: everything is checked before the first byte is
/// written.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such object, upload or region.
    #[error("not found")]
    NotFound,
    /// An object exists under the key, and the caller required that there be none.
    #[error("already exists")]
    AlreadyExists,
    /// The object has a different revision than the caller expected.
    #[error("revision mismatch: {}", match .current { Some(r) => format!("the object is at revision {r}"), None => "there is no such object".into() })]
    RevisionMismatch {
        /// The current revision of the object, or `None` if there is no object.
        current: Option<u64>,
    },
    /// The caller lacks the role that the method requires.
    #[error("unauthorized: this needs the role {needed:?}")]
    Unauthorized {
        /// The lowest role that may call the method.
        needed: Role,
    },
    /// An argument is malformed, for example an empty key or a limit of zero.
    #[error("invalid argument: {what}")]
    InvalidArgument {
        /// The argument, its value and what is allowed.
        what: String,
    },
    /// A value or a reply is larger than the limit.
    #[error("too large: {size} bytes, the limit is {limit}")]
    TooLarge {
        /// Size of what was sent or requested, in bytes.
        size: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Stable memory cannot grow as needed, because of the configured capacity or the platform. Nothing has been written.
    #[error("out of memory: {requested} more bytes of stable memory are needed, {available} are available")]
    OutOfMemory {
        /// Growth that is needed, in bytes (whole buckets of 16 MiB).
        requested: u64,
        /// Growth that is possible, in bytes.
        available: u64,
    },
    /// More items than the limit.
    #[error("limit exceeded: at most {limit} {what}")]
    LimitExceeded {
        /// What is limited, as a plural noun.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// An upload lacks chunks.
    #[error("incomplete: chunk {first_missing} has not been received")]
    Incomplete {
        /// Index of the first missing chunk.
        first_missing: u64,
    },
    /// A range exceeds the size of the object, upload, log or region that it addresses.
    #[error("out of range: {length} at {offset}, beyond the size {size}")]
    OutOfRange {
        /// Start of the range.
        offset: u64,
        /// Length of the range.
        length: u64,
        /// Size of what the range addresses, in the same unit.
        size: u64,
    },
    /// Stable memory does not contain what it must. Never caused by a caller.
    #[error("corrupted: {what} at offset {offset}")]
    Corrupted {
        /// The structure and what is wrong with it.
        what: String,
        /// Offset in bytes from the start of the memory that holds the structure.
        offset: u64,
    },
    /// A chunk was already received with other bytes, which are kept.
    #[error("chunk conflict: chunk {index} was received with other bytes")]
    ChunkConflict {
        /// Index of the chunk.
        index: u64,
    },
}

impl Error {
    /// Names of the cases, in the order in which a store counts them. Append new cases at the end.
    pub const KINDS: [&'static str; 12] = [
        "NotFound",
        "AlreadyExists",
        "RevisionMismatch",
        "Unauthorized",
        "InvalidArgument",
        "TooLarge",
        "OutOfMemory",
        "LimitExceeded",
        "Incomplete",
        "OutOfRange",
        "Corrupted",
        "ChunkConflict",
    ];

    /// Returns the index of the case in [`KINDS`](Self::KINDS).
    #[must_use]
    pub fn kind(&self) -> usize {
        match self {
            Self::NotFound => 0,
            Self::AlreadyExists => 1,
            Self::RevisionMismatch { .. } => 2,
            Self::Unauthorized { .. } => 3,
            Self::InvalidArgument { .. } => 4,
            Self::TooLarge { .. } => 5,
            Self::OutOfMemory { .. } => 6,
            Self::LimitExceeded { .. } => 7,
            Self::Incomplete { .. } => 8,
            Self::OutOfRange { .. } => 9,
            Self::Corrupted { .. } => 10,
            Self::ChunkConflict { .. } => 11,
        }
    }

    /// Creates an [`Error::InvalidArgument`] with this text.
    pub fn invalid(what: impl Into<String>) -> Self {
        Self::InvalidArgument { what: what.into() }
    }

    /// Creates an [`Error::Corrupted`] with this text and offset.
    pub fn corrupted(what: impl Into<String>, offset: u64) -> Self {
        Self::Corrupted { what: what.into(), offset }
    }
}

/// Error of parsing a text that is not the text of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an error of the storage contract")]
pub struct NotAnError;

/// Parses an error from its displayed text.
///
/// A message that `inspect_message` drops, and a method whose reply type has no error, return the error as text only.
/// A client parses it with this implementation.
impl FromStr for Error {
    type Err = NotAnError;

    fn from_str(text: &str) -> Result<Self, NotAnError> {
        match text {
            "not found" => Ok(Self::NotFound),
            "already exists" => Ok(Self::AlreadyExists),
            "revision mismatch: there is no such object" => Ok(Self::RevisionMismatch { current: None }),
            _ => {
                let (kind, rest) = text.split_once(": ").ok_or(NotAnError)?;
                let texts = texts_of(kind, rest).or_else(|| numbers_of(kind, rest));
                texts.ok_or(NotAnError)
            }
        }
    }
}

/// Parses an error of a kind whose text contains free text.
fn texts_of(kind: &str, rest: &str) -> Option<Error> {
    Some(match kind {
        "unauthorized" => {
            let role = rest.strip_prefix("this needs the role ")?;
            let mut roles = [Role::Reader, Role::Writer, Role::Admin].into_iter();
            Error::Unauthorized { needed: roles.find(|known| format!("{known:?}") == role)? }
        }
        "invalid argument" => Error::invalid(rest),
        "limit exceeded" => {
            let (limit, what) = rest.strip_prefix("at most ")?.split_once(' ')?;
            Error::LimitExceeded { what: what.into(), limit: limit.parse().ok()? }
        }
        "corrupted" => {
            let (what, offset) = rest.rsplit_once(" at offset ")?;
            Error::corrupted(what, offset.parse().ok()?)
        }
        _ => return None,
    })
}

/// Parses an error of a kind whose text contains only numbers.
fn numbers_of(kind: &str, rest: &str) -> Option<Error> {
    Some(match kind {
        "revision mismatch" => {
            let [revision] = numbers(rest, ["the object is at revision ", ""])?;
            Error::RevisionMismatch { current: Some(revision) }
        }
        "too large" => {
            let [size, limit] = numbers(rest, ["", " bytes, the limit is ", ""])?;
            Error::TooLarge { size, limit }
        }
        "out of memory" => {
            let around = ["", " more bytes of stable memory are needed, ", " are available"];
            let [requested, available] = numbers(rest, around)?;
            Error::OutOfMemory { requested, available }
        }
        "incomplete" => {
            let [first_missing] = numbers(rest, ["chunk ", " has not been received"])?;
            Error::Incomplete { first_missing }
        }
        "chunk conflict" => {
            let [index] = numbers(rest, ["chunk ", " was received with other bytes"])?;
            Error::ChunkConflict { index }
        }
        "out of range" => {
            let [length, offset, size] = numbers(rest, ["", " at ", ", beyond the size ", ""])?;
            Error::OutOfRange { offset, length, size }
        }
        _ => return None,
    })
}

/// Parses the numbers between `around`, which has one text more than there are numbers.
fn numbers<const N: usize, const TEXTS: usize>(text: &str, around: [&str; TEXTS]) -> Option<[u64; N]> {
    let mut rest = text.strip_prefix(around[0])?;
    let mut numbers = [0; N];
    for (number, suffix) in numbers.iter_mut().zip(&around[1..]) {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        *number = rest[..digits].parse().ok()?;
        rest = rest[digits..].strip_prefix(suffix)?;
    }
    rest.is_empty().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of errors, which are part of the contract: clients in other languages parse them, too.
    const TEXTS: &str = include_str!("../error-texts.txt");

    /// Every case round-trips through its text, also with texts that resemble other parts of it.
    #[test]
    fn an_error_is_read_from_its_text() {
        let roles = [Role::Reader, Role::Writer, Role::Admin];
        let errors = [
            Error::NotFound,
            Error::AlreadyExists,
            Error::RevisionMismatch { current: None },
            Error::RevisionMismatch { current: Some(7) },
            Error::invalid("the key has 1025 bytes; a key: has 'quotes'"),
            Error::TooLarge { size: 2, limit: 1 },
            Error::OutOfMemory { requested: u64::MAX, available: 0 },
            Error::LimitExceeded { what: "objects in one put_many".into(), limit: 1_000 },
            Error::Incomplete { first_missing: 3 },
            Error::OutOfRange { offset: 1, length: 2, size: 3 },
            Error::corrupted("a page at offset 5: torn", 99),
            Error::ChunkConflict { index: 3 },
        ];
        let errors = errors.into_iter().chain(roles.map(|needed| Error::Unauthorized { needed }));
        let mut kinds = std::collections::BTreeSet::new();
        let mut texts = TEXTS.lines();
        for error in errors {
            assert_eq!(Some(error.to_string().as_str()), texts.next());
            kinds.insert(error.kind());
            assert_eq!(error.to_string().parse(), Ok(error));
        }
        assert_eq!(texts.next(), None);
        assert_eq!(kinds.len(), Error::KINDS.len(), "a case has no text");
    }

    #[test]
    fn another_text_is_not_an_error() {
        for text in [
            "",
            "no",
            "not found: x",
            "too large: 2 bytes, the limit is 1 or so",
            "too large: -1 bytes, the limit is 1",
            "incomplete: chunk 99999999999999999999 has not been received",
            "unauthorized: this needs the role King",
            "unknown: thing",
        ] {
            assert_eq!(text.parse::<Error>(), Err(NotAnError), "{text}");
        }
    }

    #[test]
    fn each_case_has_its_own_name() {
        let cases = [
            Error::NotFound,
            Error::AlreadyExists,
            Error::RevisionMismatch { current: None },
            Error::Unauthorized { needed: Role::Reader },
            Error::invalid(""),
            Error::TooLarge { size: 0, limit: 0 },
            Error::OutOfMemory { requested: 0, available: 0 },
            Error::LimitExceeded { what: String::new(), limit: 0 },
            Error::Incomplete { first_missing: 0 },
            Error::OutOfRange { offset: 0, length: 0, size: 0 },
            Error::corrupted("", 0),
            Error::ChunkConflict { index: 0 },
        ];
        assert_eq!(cases.len(), Error::KINDS.len());
        for (at, case) in cases.iter().enumerate() {
            let shown = format!("{case:?}");
            let name = shown.split([' ', '{']).next();
            assert_eq!((case.kind(), name), (at, Some(Error::KINDS[at])));
        }
    }
}

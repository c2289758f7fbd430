//! The one error type of the contract.

use std::str::FromStr;

use candid::CandidType;
use serde::{Deserialize, Serialize};
use storage_wire::Wire;

use crate::Role;

/// The result of every method of the contract that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, one case per thing, with the numbers.
///
/// An error that a method returns means that nothing has changed: everything is checked before the first byte is
/// written.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such object, upload or region.
    #[error("not found")]
    NotFound,
    /// There is an object under the key already, and the caller asked that there be none.
    #[error("already exists")]
    AlreadyExists,
    /// The object has another revision than the caller expected.
    #[error("revision mismatch: {}", match .current { Some(r) => format!("the object is at revision {r}"), None => "there is no such object".into() })]
    RevisionMismatch {
        /// The revision that the object has now, or nothing where there is no object.
        current: Option<u64>,
    },
    /// The caller lacks the role that the method needs.
    #[error("unauthorized: this needs the role {needed:?}")]
    Unauthorized {
        /// The least role that may do this.
        needed: Role,
    },
    /// An argument is malformed: a key that is empty or too long, a limit of zero.
    #[error("invalid argument: {what}")]
    InvalidArgument {
        /// Which argument, its value and what is allowed.
        what: String,
    },
    /// A value or a reply has more bytes than the limit.
    #[error("too large: {size} bytes, the limit is {limit}")]
    TooLarge {
        /// The size of what was sent or asked for, in bytes.
        size: u64,
        /// The most that is allowed, in bytes.
        limit: u64,
    },
    /// There is no room, in the configured capacity or on the platform. Nothing has been written.
    #[error("out of memory: {requested} more bytes of stable memory are needed, {available} can be had")]
    OutOfMemory {
        /// How much stable memory would have to be added, in bytes (whole buckets of 16 MiB).
        requested: u64,
        /// How much may still be added, in bytes.
        available: u64,
    },
    /// More items than allowed.
    #[error("limit exceeded: at most {limit} {what}")]
    LimitExceeded {
        /// What is limited, as a plural noun.
        what: String,
        /// The most that is allowed.
        limit: u64,
    },
    /// An upload still lacks chunks.
    #[error("incomplete: chunk {first_missing} has not been received")]
    Incomplete {
        /// Index of the first chunk that is missing.
        first_missing: u64,
    },
    /// A range does not lie within what it addresses.
    #[error("out of range: {length} at {offset}, of {size}")]
    OutOfRange {
        /// Where the range starts.
        offset: u64,
        /// How long it is.
        length: u64,
        /// The size of what it addresses.
        size: u64,
    },
    /// Stable memory does not hold what it must hold. This is never a caller's mistake.
    #[error("corrupted: {what} at offset {offset}")]
    Corrupted {
        /// What is wrong with which structure.
        what: String,
        /// Where, in bytes from the start of the memory that holds the structure.
        offset: u64,
    },
}

impl Error {
    /// The names of the cases, in the order in which a store counts them. A case that is added goes to the end.
    pub const KINDS: [&'static str; 11] = [
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
    ];

    /// Which case this is: the place of its name in [`KINDS`](Self::KINDS).
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
        }
    }

    /// An [`Error::InvalidArgument`] with this text.
    pub fn invalid(what: impl Into<String>) -> Self {
        Self::InvalidArgument { what: what.into() }
    }

    /// An [`Error::Corrupted`] with this text and place.
    pub fn corrupted(what: impl Into<String>, offset: u64) -> Self {
        Self::Corrupted { what: what.into(), offset }
    }
}

/// A text that is not that of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an error of the storage contract")]
pub struct NotAnError;

/// Reads an error from the text that it is displayed as.
///
/// A message that is dropped by `inspect_message`, and a method whose reply has no place for an error, answer with the
/// text alone; a client makes an error of it again.
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

/// An error of this kind that has a text in it.
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

/// An error of this kind that has nothing but numbers in it.
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
            let around = ["", " more bytes of stable memory are needed, ", " can be had"];
            let [requested, available] = numbers(rest, around)?;
            Error::OutOfMemory { requested, available }
        }
        "incomplete" => {
            let [first_missing] = numbers(rest, ["chunk ", " has not been received"])?;
            Error::Incomplete { first_missing }
        }
        "out of range" => {
            let [length, offset, size] = numbers(rest, ["", " at ", ", of ", ""])?;
            Error::OutOfRange { offset, length, size }
        }
        _ => return None,
    })
}

/// The numbers between texts, of which there is one more.
fn numbers<const N: usize, const TEXTS: usize>(text: &str, around: [&str; TEXTS]) -> Option<[u64; N]> {
    let mut rest = text.strip_prefix(around[0])?;
    let mut numbers = [0; N];
    for (number, behind) in numbers.iter_mut().zip(&around[1..]) {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        *number = rest[..digits].parse().ok()?;
        rest = rest[digits..].strip_prefix(behind)?;
    }
    rest.is_empty().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every case survives the way through its text, with texts that look like other parts of it.
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
        ];
        let errors = errors.into_iter().chain(roles.map(|needed| Error::Unauthorized { needed }));
        for error in errors {
            assert_eq!(error.to_string().parse(), Ok(error));
        }
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
        ];
        assert_eq!(cases.len(), Error::KINDS.len());
        for (at, case) in cases.iter().enumerate() {
            let shown = format!("{case:?}");
            let name = shown.split([' ', '{']).next();
            assert_eq!((case.kind(), name), (at, Some(Error::KINDS[at])));
        }
    }
}

//! The one error type of the contract.

use candid::CandidType;
use serde::{Deserialize, Serialize};

use crate::Role;

/// The result of every method of the contract that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, one case per thing, with the numbers.
///
/// An error that a method returns means that nothing has changed: everything is checked before the first byte is
/// written.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, thiserror::Error)]
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

#[cfg(test)]
mod tests {
    use super::*;

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

//! What a check of an image reports.

use stable_storage_api::Error;

/// Something that is not as it must be in an image, found by a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong with which structure, as a sentence without a full stop.
    pub what: String,
    /// Where, in bytes from the start of the memory that holds the structure.
    pub offset: u64,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Corrupted { what, offset } => Self { what, offset },
            other => Self { what: other.to_string(), offset: 0 },
        }
    }
}

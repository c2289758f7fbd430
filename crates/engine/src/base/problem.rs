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

/// What [`Store::check`](crate::Store::check) found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Objects that were walked.
    pub objects: u64,
    /// The sum of their sizes, in bytes.
    pub object_bytes: u64,
    /// Extents that were found in the arena.
    pub extents: u64,
    /// Entries that the log has.
    pub log_entries: u64,
    /// Regions that were walked.
    pub regions: u64,
    /// What is wrong; empty for a sound image.
    pub problems: Vec<Problem>,
}

impl CheckReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

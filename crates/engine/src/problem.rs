//! What a check of an image reports.

/// Something that is not as it must be in an image, found by a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong with which structure, as a sentence without a full stop.
    pub what: String,
    /// Where, in bytes from the start of the memory that holds the structure.
    pub offset: u64,
}

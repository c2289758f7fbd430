//! The results of a check of an image.

use stable_storage_api::Error;

/// Corruption that a check found in an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The structure and what is wrong with it, as a sentence without a full stop.
    pub what: String,
    /// Offset from the start of the memory that contains the structure, in bytes.
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

/// Result of [`Store::check`](crate::Store::check).
///
/// ```
/// use storage_engine::{Put, Store, VectorMemory};
///
/// let mut store = Store::open(VectorMemory::default())?;
/// store.put(Put::new("key", b"value"), 0)?;
/// let report = store.check();
/// assert!(report.is_sound());
/// assert_eq!((report.objects, report.object_bytes), (1, 5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Number of objects that were checked.
    pub objects: u64,
    /// Sum of the sizes of these objects, in bytes.
    pub object_bytes: u64,
    /// Number of extents in the arena.
    pub extents: u64,
    /// Number of entries in the log.
    pub log_entries: u64,
    /// Number of regions that were checked.
    pub regions: u64,
    /// Problems found; empty for a sound image.
    pub problems: Vec<Problem>,
}

impl CheckReport {
    /// Returns whether no problem was found.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

//! Notices about a folder that was opened, and findings of an inspection.

use std::fmt;
use std::path::PathBuf;

use crate::error::size;

/// Notice for the user who opened a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The folder cannot be written, so only queries are answered.
    ReadOnly {
        /// The folder.
        path: PathBuf,
        /// Error of the operating system, or that read-only access was requested.
        why: String,
    },
    /// The journal ends in an incomplete record of a message that was never answered, as after a power cut or the death of the
    /// process. The record was discarded.
    Unfinished {
        /// The journal.
        path: PathBuf,
        /// Bytes of the incomplete record.
        bytes: u64,
    },
    /// The disk has no space to apply the journal. Everything can be read, and small changes may fit.
    DiskFull {
        /// The folder.
        folder: PathBuf,
        /// Mount point of the disk.
        disk: PathBuf,
        /// Number of bytes that are missing.
        missing: u64,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly { path, why } => write!(f, "{} is opened read-only: {why}", path.display()),
            Self::Unfinished { path, bytes } => write!(
                f,
                "the last {bytes} bytes of {} belong to a change that was never completed; it is discarded",
                path.display()
            ),
            Self::DiskFull { folder, disk, missing } => write!(
                f,
                "the disk at {} is full: {} more are needed to write the journal of {} to its files; \
                 everything can be read, and small changes such as removals may still fit",
                disk.display(),
                size(*missing),
                folder.display()
            ),
        }
    }
}

/// Corruption found in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The journal ends in an incomplete record of a message that was never answered. Opening the folder discards it.
    Unfinished {
        /// The journal.
        path: PathBuf,
        /// Offset of the record.
        offset: u64,
        /// Bytes of the record.
        bytes: u64,
    },
    /// A record of the journal is corrupt.
    DamagedRecord {
        /// The journal.
        path: PathBuf,
        /// Offset in the journal.
        offset: u64,
        /// What is wrong there.
        what: String,
        /// Number of pages that cannot be read and keep the content of their file; `None` if the whole record is unreadable.
        lost_pages: Option<u64>,
    },
    /// The heap file is corrupt.
    DamagedHeap {
        /// The file.
        path: PathBuf,
        /// Offset in the file.
        offset: u64,
    },
    /// The file of stable memory was truncated.
    ShortStableMemory {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// Its minimum length.
        expected: u64,
    },
}

impl Finding {
    /// Returns what a repair does about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unfinished { .. } => "it is discarded; the change was never confirmed",
            Self::DamagedRecord { lost_pages: None, .. } => {
                "the record is discarded, and its change is lost; later records are kept"
            }
            Self::DamagedRecord { .. } => {
                "the rest of the record is applied, and these pages keep the content of their file"
            }
            Self::DamagedHeap { .. } => "the canister restarts on its stable memory",
            Self::ShortStableMemory { .. } => "none: import a snapshot",
        }
    }

    /// Returns whether a repair can do something about it.
    #[must_use]
    pub fn can_be_repaired(&self) -> bool {
        !matches!(self, Self::ShortStableMemory { .. })
    }

    /// Returns whether an answered message may be lost.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        !matches!(self, Self::Unfinished { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished { path, offset, bytes } => write!(
                f,
                "{}, byte {offset}: {bytes} bytes of a change that was never completed",
                path.display()
            ),
            Self::DamagedRecord { path, offset, what, lost_pages } => {
                write!(f, "{}, byte {offset}: {what}", path.display())?;
                lost_pages.map_or(Ok(()), |pages| write!(f, "; {pages} pages cannot be read"))
            }
            Self::DamagedHeap { path, offset } => {
                write!(f, "{}, byte {offset}: the checksum does not match", path.display())
            }
            Self::ShortStableMemory { path, bytes, expected } => {
                write!(f, "{} has {bytes} bytes, and had at least {expected}", path.display())
            }
        }
    }
}

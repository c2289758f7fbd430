//! What a folder's user should know although it could be opened, and what a repair finds.

use std::fmt;
use std::path::PathBuf;

/// Something that whoever opened a folder should be told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The folder cannot be written to, so that only queries are answered.
    ReadOnly {
        /// The folder.
        path: PathBuf,
        /// What the operating system said, or that it was asked for.
        why: String,
    },
    /// The journal ended in the record of a message that was never answered, as a power cut or the death of the process
    /// leaves it. It was left out.
    Unfinished {
        /// The journal.
        path: PathBuf,
        /// Bytes of the record that were there.
        bytes: u64,
    },
    /// The disk has no room for what is in the journal. Everything can be read, and small changes may fit.
    DiskFull {
        /// The folder.
        folder: PathBuf,
        /// Where the disk is mounted.
        disk: PathBuf,
        /// Bytes that are more than the disk has.
        missing: u64,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly { path, why } => write!(f, "{} is only read: {why}", path.display()),
            Self::Unfinished { path, bytes } => write!(
                f,
                "the last {bytes} bytes of {} belong to a change that was never completed; it is left out",
                path.display()
            ),
            Self::DiskFull { folder, disk, missing } => write!(
                f,
                "the disk at {} is full: {missing} bytes more are needed to write the journal of {} to its files; \
                 everything can be read, and small changes such as removals may still fit",
                disk.display(),
                folder.display()
            ),
        }
    }
}

/// Something in a folder that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The journal ends in the record of a message that was never answered. Opening the folder leaves it out.
    Unfinished {
        /// The journal.
        path: PathBuf,
        /// Where the record begins.
        offset: u64,
        /// Bytes of it that are there.
        bytes: u64,
    },
    /// A record of the journal is damaged.
    DamagedRecord {
        /// The journal.
        path: PathBuf,
        /// Where in the journal.
        offset: u64,
        /// What is wrong there.
        what: String,
        /// Pages that cannot be read and stay as they are in their file; none if nothing of the record can be read.
        lost_pages: Option<u64>,
    },
    /// The file of the heap is not what was written.
    DamagedHeap {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
    },
    /// The file of stable memory is shorter than it was.
    ShortStableMemory {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The length that it had at least.
        expected: u64,
    },
}

impl Finding {
    /// What a repair does about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unfinished { .. } => "it is cut off; nobody was told that the change was made",
            Self::DamagedRecord { lost_pages: None, .. } => {
                "the record is left out, and its change is lost; those after it are kept"
            }
            Self::DamagedRecord { .. } => {
                "the rest of the record is applied, and these pages stay as they are in their file"
            }
            Self::DamagedHeap { .. } => "the canister is started anew on its stable memory",
            Self::ShortStableMemory { .. } => {
                "nothing: what is missing cannot be made again; import a snapshot"
            }
        }
    }

    /// Whether a repair can do something about it.
    #[must_use]
    pub fn can_be_repaired(&self) -> bool {
        !matches!(self, Self::ShortStableMemory { .. })
    }

    /// Whether something that was answered may be lost.
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

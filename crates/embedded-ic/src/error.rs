//! Errors: rejects of the canister, and errors of the host.

use std::path::PathBuf;

use crate::folder::RESERVED;

/// Reject codes of the Internet Computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum RejectCode {
    /// Fatal system error; retrying does not help.
    SysFatal = 1,
    /// Transient system error; retrying may help.
    SysTransient = 2,
    /// The canister, or what the call refers to, does not exist.
    DestinationInvalid = 3,
    /// The canister refused, with `msg_reject` or by not accepting an ingress message.
    CanisterReject = 4,
    /// The canister failed: a trap, a limit, a missing method, no reply.
    CanisterError = 5,
}

impl From<RejectCode> for u64 {
    fn from(code: RejectCode) -> Self {
        code as u64
    }
}

/// Reject of a message, with the text of a replica.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error_code} ({code:?}): {message}")]
pub struct Reject {
    /// Reject code.
    pub code: RejectCode,
    /// Error code, for example `IC0503` for a call of `ic0.trap`.
    pub error_code: &'static str,
    /// Message, at most 8 KiB.
    pub message: String,
    /// Instructions executed before the failure.
    pub instructions: u64,
}

/// Reason why a message failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The canister rejected the message, or it trapped or exceeded a limit. The state is unchanged.
    #[error(transparent)]
    Rejected(#[from] Reject),
    /// The host failed, for example its disk. The state is unchanged.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl CallError {
    /// Returns the reject, if the canister rejected the message.
    #[must_use]
    pub fn reject(&self) -> Option<&Reject> {
        match self {
            Self::Rejected(reject) => Some(reject),
            Self::Host(_) => None,
        }
    }
}

/// Error of the host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// Reading or writing failed.
    #[error("cannot {action}: {source}")]
    Io {
        /// The attempted action, for example "open /tmp/state/stable.bin".
        action: String,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// The wasm engine could not be set up, or failed in another way than a trap.
    #[error("the wasm engine failed: {0}")]
    Engine(String),
    /// The host of these queries does not exist any more.
    #[error("the host is closed")]
    Closed,
    /// The disk of a state folder is full. Nothing has changed.
    #[error(
        "the disk at {} is full: for {}, {} more are needed than the {} that are free; up to {} are reserved for removals",
        .disk.display(), .folder.display(), size(*.missing), size(*.free), size(RESERVED)
    )]
    DiskFull {
        /// The folder.
        folder: PathBuf,
        /// Mount point of the disk.
        disk: PathBuf,
        /// Number of bytes that are needed in addition to the free ones.
        missing: u64,
        /// Number of free bytes.
        free: u64,
    },
    /// The state folder is opened read-only. Nothing has changed.
    #[error("{} is open read-only", .path.display())]
    ReadOnly {
        /// The folder.
        path: PathBuf,
    },
    /// The state folder is open in another process, or by another host of this process.
    #[error("{} is in use by another process", .path.display())]
    FolderInUse {
        /// The folder.
        path: PathBuf,
    },
    /// `create_dir` found an existing file or a folder that is not empty.
    #[error("{} exists and is not empty", .path.display())]
    FolderExists {
        /// The folder.
        path: PathBuf,
    },
    /// `open_dir` found no state in the folder.
    #[error("{} contains no canister state (there is no {missing})", .path.display())]
    NotAFolder {
        /// The folder.
        path: PathBuf,
        /// The missing file.
        missing: &'static str,
    },
    /// The folder was written by an unknown version.
    #[error("{} has format version {found}, this program supports version {known}", .path.display())]
    UnknownVersion {
        /// The file with the version.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Version of this program.
        known: u32,
    },
    /// A file of the folder is corrupt. Nothing was repaired.
    #[error("{} is corrupt at byte {offset}: {what}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Offset in the file.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// A read of stable memory beyond its size.
    #[error("bytes {offset}..{end} are outside of stable memory, which has {size} bytes")]
    OutOfRange {
        /// First byte of the read.
        offset: u64,
        /// One past the last byte of the read.
        end: u64,
        /// Size of stable memory in bytes.
        size: u64,
    },
    /// A file cannot be imported as stable memory.
    #[error("{} cannot be imported as stable memory: {what}", .path.display())]
    BadImage {
        /// The file.
        path: PathBuf,
        /// The reason.
        what: String,
    },
    /// The configuration is inconsistent, or impossible on the Internet Computer.
    #[error("{0}")]
    BadConfig(String),
    /// The host cannot continue after an earlier failure. Open the folder again.
    #[error("this host stopped after an earlier failure ({0}); open its folder again")]
    Poisoned(String),
}

impl HostError {
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    /// Returns whether the error means that a disk, or the user's quota, is full.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::DiskFull { .. } => true,
            Self::Io { source, .. } => crate::disk::is_full(source),
            _ => false,
        }
    }
}

/// Returns a size in the largest unit of which there is at least one, with the exact number of bytes.
pub(crate) fn size(bytes: u64) -> String {
    let digits = bytes.to_string();
    let groups =
        digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",");
    let units = ["EiB", "PiB", "TiB", "GiB", "MiB", "KiB"].into_iter().zip((1..=6).rev());
    match units.map(|(unit, step)| (unit, 1_u64 << (10 * step))).find(|(_, one)| bytes >= *one) {
        Some((unit, one)) => format!("{:.1} {unit} ({groups} bytes)", bytes as f64 / one as f64),
        None => format!("{groups} bytes"),
    }
}

#[cfg(test)]
mod size_tests {
    use super::*;

    /// The sentence has units, and says that what is needed is more than what is free.
    #[test]
    fn a_full_disk_is_described_with_units() {
        let error = HostError::DiskFull {
            folder: "full/s".into(),
            disk: "/full".into(),
            missing: 888_832,
            free: 1_191_936,
        };
        assert_eq!(
            error.to_string(),
            "the disk at /full is full: for full/s, 868.0 KiB (888,832 bytes) more are needed than the 1.1 MiB \
             (1,191,936 bytes) that are free; up to 2.5 MiB (2,621,440 bytes) are reserved for removals"
        );
        assert_eq!((size(0), size(1_023)), ("0 bytes".into(), "1,023 bytes".into()));
    }
}

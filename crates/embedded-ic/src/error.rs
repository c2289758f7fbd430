//! What callers see when something fails: rejects of the canister and errors of the host, kept apart.

use std::path::PathBuf;

/// The reject codes of the Internet Computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum RejectCode {
    /// Fatal system error; retrying does not help.
    SysFatal = 1,
    /// Transient system error; retrying may help.
    SysTransient = 2,
    /// The canister or what was asked of it does not exist.
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

/// The answer of a message that did not end in a reply, worded as a replica words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error_code} ({code:?}): {message}")]
pub struct Reject {
    /// The class of the failure.
    pub code: RejectCode,
    /// The finer code, for example `IC0503` for a call of `ic0.trap`.
    pub error_code: &'static str,
    /// The text, at most 8 KiB.
    pub message: String,
    /// Instructions that ran before the failure.
    pub instructions: u64,
}

/// Why a message did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The canister, or the rules it runs under, said no. The state is that of before the message.
    #[error(transparent)]
    Rejected(#[from] Reject),
    /// The host itself failed, for example its disk. The state is that of before the message.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl CallError {
    /// The reject, if the canister answered with one.
    #[must_use]
    pub fn reject(&self) -> Option<&Reject> {
        match self {
            Self::Rejected(reject) => Some(reject),
            Self::Host(_) => None,
        }
    }
}

/// What can go wrong with the host rather than with the canister.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// Reading or writing failed.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was attempted, for example "open /tmp/state/stable.bin".
        action: String,
        /// What the operating system answered.
        source: std::io::Error,
    },
    /// The wasm engine could not be set up or failed in a way that is not a trap.
    #[error("the wasm engine failed: {0}")]
    Engine(String),
    /// The disk of a state folder has no room. Nothing has changed.
    #[error(
        "the disk at {} is full: {missing} bytes are missing there for {}, and {free} are free",
        .disk.display(), .folder.display()
    )]
    DiskFull {
        /// The folder.
        folder: PathBuf,
        /// Where the disk is mounted.
        disk: PathBuf,
        /// Bytes that would have been needed and are not there.
        missing: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The state folder is open for reading only. Nothing has changed.
    #[error("{} is open for reading only", .path.display())]
    ReadOnly {
        /// The folder.
        path: PathBuf,
    },
    /// Another process, or another host of this process, has the state folder open.
    #[error("{} is in use by another process; close that one first", .path.display())]
    FolderInUse {
        /// The folder.
        path: PathBuf,
    },
    /// `create_dir` found something at the path already.
    #[error("{} exists and is not empty; open it instead, or choose another folder", .path.display())]
    FolderExists {
        /// The folder.
        path: PathBuf,
    },
    /// `open_dir` found no state at the path.
    #[error("{} holds no canister state (there is no {missing}); create it first", .path.display())]
    NotAFolder {
        /// The folder.
        path: PathBuf,
        /// The file that every state folder has.
        missing: &'static str,
    },
    /// The folder was written by a version that this one does not know.
    #[error("{} has format version {found}, this program knows version {known}", .path.display())]
    UnknownVersion {
        /// The file that says so.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version of this program.
        known: u32,
    },
    /// A file of the folder is not what was written. Nothing was repaired.
    #[error("{} is damaged at byte {offset}: {what}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// A read of stable memory beyond its size.
    #[error("bytes {offset}..{end} are outside of stable memory, which has {size} bytes")]
    OutOfRange {
        /// First byte asked for.
        offset: u64,
        /// One past the last byte asked for.
        end: u64,
        /// Size of stable memory in bytes.
        size: u64,
    },
    /// An image cannot be imported as stable memory.
    #[error("{} cannot be stable memory: {what}", .path.display())]
    BadImage {
        /// The file.
        path: PathBuf,
        /// Why not.
        what: String,
    },
    /// The configuration contradicts itself or the Internet Computer.
    #[error("{0}")]
    BadConfig(String),
    /// An earlier failure left the host unable to go on; open the folder again.
    #[error("this host stopped after an earlier failure ({0}); open its folder again")]
    Poisoned(String),
}

impl HostError {
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    /// Whether a disk, or the user's share of it, has no room.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::DiskFull { .. } => true,
            Self::Io { source, .. } => crate::disk::is_full(source),
            _ => false,
        }
    }
}

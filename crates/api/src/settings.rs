//! What can be set.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use storage_wire::Wire;

/// What an admin can set. Where a canister is sent one with a field that it does not know, or of another type, it refuses all
/// of it. A field that is absent keeps what is configured.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, Default, PartialEq, Eq)]
#[wire(strict)]
pub struct Settings {
    /// The most stable memory that the canister may grow to, in bytes. At least
    /// [`MIN_CAPACITY_BYTES`](crate::limits::MIN_CAPACITY_BYTES), and at most the platform's limit of 500 GiB, which holds
    /// where it was never set. A capacity below what is in use stops growth and loses nothing.
    pub capacity: Option<u64>,
    /// Whether everyone may call the methods that read. At first nobody may who has no role.
    pub public_read: Option<bool>,
    /// How many uploads can be open at once: 1 to [`MAX_UPLOADS`](crate::limits::MAX_UPLOADS), which it is at first.
    /// Uploads that are open stay open.
    pub max_uploads: Option<u64>,
    /// An upload expires when no chunk has arrived for so long, in nanoseconds:
    /// [`MIN_UPLOAD_IDLE_NS`](crate::limits::MIN_UPLOAD_IDLE_NS) to
    /// [`MAX_UPLOAD_IDLE_NS`](crate::limits::MAX_UPLOAD_IDLE_NS), and
    /// [`UPLOAD_IDLE_NS`](crate::limits::UPLOAD_IDLE_NS) at first. It holds for the uploads that are open, too.
    pub upload_idle_ns: Option<u64>,
}

impl Settings {
    /// Nothing but this capacity, in bytes.
    #[must_use]
    pub fn capacity(bytes: u64) -> Self {
        Self { capacity: Some(bytes), ..Self::default() }
    }
}

/// The argument of install and upgrade, as `(opt InitArgs)`.
pub type InitArgs = Settings;

/// What is configured. [`Settings`] explains the fields.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The most stable memory to grow to, in bytes.
    pub capacity: u64,
    /// Whether everyone may call the methods that read.
    pub public_read: bool,
    /// How many uploads can be open at once.
    pub max_uploads: u64,
    /// An upload expires when no chunk has arrived for so long, in nanoseconds.
    pub upload_idle_ns: u64,
}

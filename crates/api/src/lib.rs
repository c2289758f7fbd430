//! The Candid types, errors and limits of the storage canister, shared by the canister, its clients and the tests.
//!
//! There is one set of types: the engine returns them, the canister encodes them, and a client decodes them. The
//! contract itself is `storage.did` at the top of the repository; a test of the canister holds the two against each
//! other.

mod access;
mod checksum;
mod condition;
mod error;
pub mod limits;
mod log;
mod object;
mod page;
mod settings;
mod status;
mod upload;

pub use access::Role;
pub use checksum::{Checksum, ChecksumState, VerifyProgress};
pub use condition::Condition;
pub use error::{Error, Result};
pub use log::{Appended, LogInfo, LogPage, ReadLogArgs};
pub use object::{ObjectInfo, PutArgs, ReadArgs, RenameArgs};
pub use page::{DeletePrefixArgs, Deleted, Entry, ListArgs, ListPage, ScanPage};
pub use settings::InitArgs;
pub use status::{ArenaStatus, Status, StoreBytes, UpgradeStatus};
pub use upload::{ChunkRange, Received, Upload, UploadArgs, UploadStatus};

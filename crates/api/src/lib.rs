//! The Candid types, errors and limits of the storage canister, shared by the canister, its clients and the tests.
//!
//! The engine returns these types, the canister encodes them, and a client decodes them. The contract is `storage.did`
//! at the top of the repository; a test of the canister compares the two.

mod access;
mod certified;
pub mod check;
mod checksum;
mod condition;
mod copy;
mod error;
pub mod headers;
mod http;
pub mod limits;
mod log;
mod method;
mod object;
mod page;
mod region;
mod settings;
mod site;
mod status;
mod upload;

pub use access::{Grant, Role};
pub use certified::{
    CertifiedInfo, CertifiedLogPage, CertifiedObject, CertifiedPage, CertifiedPrefix, CertifyProgress, Proof,
};
pub use checksum::{Checksum, ChecksumState, VerifyProgress};
pub use condition::{Condition, UploadCondition};
pub use copy::{CopyArgs, CopyMetadata, CopySource};
pub use error::{Error, NotAnError, Result};
pub use http::{HttpRequest, HttpResponse};
pub use log::{Appended, LogInfo, LogPage, ReadLogArgs};
pub use method::{METHODS, Method, MethodKind, Unanswered};
pub use object::{DeleteArgs, MetadataPair, Object, ObjectInfo, PutArgs, ReadArgs, RenameArgs, Written};
pub use page::{DeletePrefixArgs, Deleted, Entry, ListArgs, ListPage, ScanPage};
pub use region::{RegionInfo, RegionLoad, RegionStore, RegionType, RegionValue, StableVarInfo};
pub use settings::{Config, InitArgs, Settings};
pub use site::{SOURCE_DIGEST, Site, SiteStatus};
pub use status::{ArenaStatus, CertifiedBytes, Count, Status, StoreBytes, UpgradeStatus};
pub use upload::{ChunkRange, Received, Upload, UploadArgs, UploadEnd, UploadStatus};

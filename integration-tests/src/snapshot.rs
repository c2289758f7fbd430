//! Everything that a caller can read of a canister, to compare it later.

use stable_storage_api::{ArenaStatus, Entry, LogInfo, ObjectInfo, UploadStatus};

use crate::SuiteClient;

/// State at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// All objects, in byte order of their keys.
    pub objects: Vec<ObjectInfo>,
    /// All objects with their values.
    pub entries: Vec<Entry>,
    /// All open uploads, in the order in which they were opened.
    pub uploads: Vec<UploadStatus>,
    /// All entries of the log, oldest first.
    pub log: Vec<Vec<u8>>,
    /// Size of the log.
    pub log_info: LogInfo,
    /// Revision of the last change.
    pub revision: u64,
    /// Sum of the sizes of all objects, in bytes.
    pub object_bytes: u64,
    /// State of the arena.
    pub arena: ArenaStatus,
    /// Stable memory, in bytes.
    pub stable_bytes: u64,
}

impl Snapshot {
    /// Reads the current state.
    pub async fn of(client: &SuiteClient) -> Self {
        let status = client.status().await.expect("a controller may see the status");
        Self {
            objects: client.list_all("").await.expect("a controller may list"),
            entries: client.scan_all("").await.expect("a controller may scan"),
            uploads: client.list_uploads().await.expect("a controller may list uploads"),
            log: client.read_log_all(0).await.expect("a controller may read the log"),
            log_info: client.log_info().await.expect("a controller may see the log"),
            revision: status.revision,
            object_bytes: status.object_bytes,
            arena: status.arena,
            stable_bytes: status.stable_bytes,
        }
    }
}

//! State of a store as it can be read.

use stable_storage_api::{
    CertifiedPrefix, Config, Grant, ObjectInfo, RegionInfo, SiteStatus, Status, UploadStatus,
};

/// Everything that an admin can read, without the bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Configuration.
    pub config: Config,
    /// All objects, in the order of their keys.
    pub objects: Vec<ObjectInfo>,
    /// All uploads that have not expired, in the order of their opening.
    pub uploads: Vec<UploadStatus>,
    /// All regions, in the order of their creation.
    pub regions: Vec<RegionInfo>,
    /// All roles, in the order of the bytes of their principals.
    pub roles: Vec<Grant>,
    /// The certified prefixes, in their order.
    pub prefixes: Vec<CertifiedPrefix>,
    /// The sites, in the order of their prefixes.
    pub sites: Vec<SiteStatus>,
    /// Numbers of the status.
    pub totals: Totals,
}

/// Numbers of a status that a model knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in the status")]
pub struct Totals {
    pub revision: u64,
    pub objects: u64,
    pub object_bytes: u64,
    pub log_entries: u64,
    pub uploads: u64,
    pub regions: u64,
    pub roles: u64,
    pub upgrades: u64,
    pub last_was_sealed: bool,
}

impl From<&Status> for Totals {
    fn from(status: &Status) -> Self {
        Self {
            revision: status.revision,
            objects: status.objects,
            object_bytes: status.object_bytes,
            log_entries: status.log_entries,
            uploads: status.uploads,
            regions: status.regions,
            roles: status.roles,
            upgrades: status.upgrades.count,
            last_was_sealed: status.upgrades.last_was_sealed,
        }
    }
}

//! A snapshot of a store's own data, without the bytes of its users.

use stable_storage_api::{Error, Grant, ListArgs, ObjectInfo, ReadLogArgs, RegionInfo, Status, UploadStatus};
use storage_engine::HostFacts;
use storage_engine::testing::{callers, now_ns};

use super::TestStore;

/// Data that only the store determines.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    status: Status,
    objects: Vec<ObjectInfo>,
    uploads: Vec<UploadStatus>,
    /// Lengths of all entries of the log.
    log: Vec<usize>,
    roles: Vec<Grant>,
    regions: Vec<RegionInfo>,
}

impl Snapshot {
    pub(crate) fn of(store: &TestStore) -> Result<Self, Error> {
        let objects = store.list(&ListArgs::prefix(""))?.objects;
        for object in objects.iter().filter(|object| object.size < 1_000_000) {
            assert_eq!(store.get(&object.key)?.len() as u64, object.size);
        }
        let log = store.read_log(&ReadLogArgs { from: 0, limit: Some(1_000) })?.entries;
        Ok(Self {
            status: store.status(HostFacts::default())?,
            objects,
            uploads: store.list_uploads(&callers()[2], now_ns(120))?,
            log: log.iter().map(|entry| entry.len()).collect(),
            roles: store.list_roles()?,
            regions: store.region_list(&callers()[2])?,
        })
    }

    /// Returns whether both are equal, with two exceptions. One key or one identifier of an upload may
    /// differ, because their users determine it. The pages of regions may differ, because only the bucket
    /// table contains them.
    pub(crate) fn is_as_good_as(&self, other: &Self) -> bool {
        let mut theirs = other.clone();
        if self.objects.len() != theirs.objects.len() || self.uploads.len() != theirs.uploads.len() {
            return false;
        }
        let mut renamed = 0;
        for (ours, theirs) in self.objects.iter().zip(&mut theirs.objects) {
            renamed += usize::from(ours.key != theirs.key);
            theirs.key.clone_from(&ours.key);
        }
        for (ours, theirs) in self.uploads.iter().zip(&mut theirs.uploads) {
            renamed += usize::from(ours.upload.id != theirs.upload.id);
            theirs.upload.id = ours.upload.id;
        }
        for (ours, theirs) in self.regions.iter().zip(&mut theirs.regions) {
            theirs.pages = ours.pages;
        }
        theirs.status.stores.region_data = self.status.stores.region_data;
        renamed <= 1 && *self == theirs
    }
}

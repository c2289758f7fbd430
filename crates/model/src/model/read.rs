//! Reading the expected state.

use std::collections::BTreeSet;

use stable_storage_api::limits::{FIRST_REGION, MAX_MISSING_RANGES_IN_LIST, PAGE_BYTES};
use stable_storage_api::{ChunkRange, Condition, Config, Grant, MetadataPair, UploadCondition, UploadStatus};

use super::uploads::Upload;
use super::{Model, Value};
use crate::state::{State, Totals};

impl Model {
    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> Config {
        self.config
    }

    /// Returns the value of each object, with its key and its revision.
    pub fn values(&self) -> impl Iterator<Item = (&str, u64, &Value)> {
        self.objects.iter().map(|(key, object)| (key.as_str(), object.info.revision, &object.value))
    }

    /// Returns the entries of the log.
    #[must_use]
    pub fn log(&self) -> &[Value] {
        &self.log
    }

    /// Returns the pages of regions that something was stored in, and the last page of each: the region, the offset of the page,
    /// and its bytes.
    #[must_use]
    pub fn region_pages(&self) -> Vec<(u64, u64, Value)> {
        let zero = Value::new(vec![0; PAGE_BYTES as usize]);
        let mut pages = Vec::new();
        for (id, region) in (FIRST_REGION..).zip(&self.regions) {
            let numbers = region.written.keys().copied().chain(region.pages.checked_sub(1));
            let page = |number: u64| region.written.get(&number).unwrap_or(&zero).clone();
            let numbers = numbers.collect::<BTreeSet<_>>().into_iter();
            pages.extend(numbers.map(|number| (id, number * PAGE_BYTES, page(number))));
        }
        pages
    }

    /// Returns the user metadata of an upload, which only its own status contains.
    #[must_use]
    pub fn upload_metadata(&self, id: u64) -> Option<Vec<MetadataPair>> {
        self.uploads.get(&id)?.args.metadata.clone().filter(|pairs| !pairs.is_empty())
    }

    /// Returns all that an admin can read, without the bytes.
    #[must_use]
    pub fn state(&self) -> State {
        let open = self.uploads.iter().filter(|(_, upload)| !self.has_expired(upload));
        let mut roles: Vec<_> =
            self.roles.iter().map(|(who, role)| Grant { who: *who, role: *role }).collect();
        roles.sort_by(|one, other| one.who.as_slice().cmp(other.who.as_slice()));
        State {
            config: self.config,
            objects: self.objects.values().map(|object| object.info.clone()).collect(),
            uploads: open.map(|(id, upload)| self.upload_status(*id, upload)).collect(),
            regions: (FIRST_REGION..).zip(&self.regions).map(|(id, region)| region.info(id)).collect(),
            roles,
            prefixes: self.certified_prefixes(),
            sites: self.site_statuses(),
            totals: Totals {
                revision: self.revision,
                objects: self.objects.len() as u64,
                object_bytes: self.objects.values().map(|object| object.info.size).sum(),
                log_entries: self.log.len() as u64,
                uploads: self.uploads.len() as u64,
                regions: self.regions.len() as u64,
                roles: self.roles.len() as u64,
                upgrades: self.upgrades,
                last_was_sealed: self.last_was_sealed,
            },
        }
    }

    fn upload_status(&self, id: u64, upload: &Upload) -> UploadStatus {
        let mut missing = missing(upload);
        let more_missing = missing.len() > MAX_MISSING_RANGES_IN_LIST;
        missing.truncate(MAX_MISSING_RANGES_IN_LIST);
        UploadStatus {
            upload: self.opened(id, upload),
            creator: upload.creator,
            content_type: upload.args.content_type.clone().filter(|text| !text.is_empty()),
            content_encoding: upload.args.content_encoding.clone().filter(|text| !text.is_empty()),
            metadata: None,
            sha256: upload.args.sha256.clone(),
            condition: kept_condition(upload.args.condition.as_ref()),
            received: upload.received(),
            missing,
            more_missing,
        }
    }
}

/// Returns the condition of an upload, in which `create_upload` has replaced a digest.
fn kept_condition(condition: Option<&Condition>) -> UploadCondition {
    match condition {
        None | Some(Condition::Any) => UploadCondition::Any,
        Some(Condition::Absent) => UploadCondition::Absent,
        Some(Condition::Revision(revision)) => UploadCondition::Revision(*revision),
        Some(Condition::Sha256(_)) => unreachable!("create_upload keeps a revision"),
    }
}

/// Returns the ranges of missing chunks. There may be far more chunks than can be enumerated.
fn missing(upload: &Upload) -> Vec<ChunkRange> {
    let (mut ranges, mut first) = (Vec::new(), 0);
    for index in upload.chunks.keys().copied().chain([upload.count()]) {
        if index > first {
            ranges.push(ChunkRange { first, last: index - 1 });
        }
        first = index + 1;
    }
    ranges
}

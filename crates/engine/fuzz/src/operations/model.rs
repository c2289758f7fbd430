//! What a store is, in ordinary collections.
//!
//! A question `may_…` answers with the name of the error that the store must answer; what is done is done without asking.

use std::collections::BTreeMap;

use candid::Principal;
use storage_api::limits::{CHUNK_BYTES, MAX_KEY_BYTES, MAX_UPLOADS, UPLOAD_IDLE_NS};
use storage_api::{Condition, Role};
use storage_engine::Caller;
use storage_engine::arena::SLOT_EXTENT_BYTES;

use super::op::Cond;

/// Nothing, or the name of an error as `storage_api::Error::KINDS` has it.
pub(super) type Verdict = Result<(), &'static str>;

/// Extents of expired uploads that one `create_upload` gives back, as in `uploads/discard.rs`.
const MAX_EXPIRED_EXTENTS: u64 = 20_000;

#[derive(Debug)]
pub(super) struct Object {
    pub(super) revision: u64,
    pub(super) value: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) received: BTreeMap<u64, bool>,
    pub(super) condition: Condition,
    pub(super) creator: Principal,
    pub(super) touched_ns: u64,
}

#[derive(Debug)]
pub(super) struct Region {
    pub(super) owner: Principal,
    pub(super) pages: u64,
    /// The bytes that were written.
    pub(super) bytes: BTreeMap<u64, u8>,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) now_ns: u64,
    pub(super) revision: u64,
    pub(super) objects: BTreeMap<String, Object>,
    pub(super) log: Vec<Vec<u8>>,
    /// The uploads that were opened and neither committed, aborted nor given back.
    pub(super) uploads: BTreeMap<u64, Upload>,
    pub(super) uploads_opened: u64,
    pub(super) max_uploads: u64,
    pub(super) regions: Vec<Region>,
    pub(super) roles: BTreeMap<Principal, Role>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            now_ns: 0,
            revision: 0,
            objects: BTreeMap::new(),
            log: Vec::new(),
            uploads: BTreeMap::new(),
            uploads_opened: 0,
            max_uploads: MAX_UPLOADS,
            regions: Vec::new(),
            roles: BTreeMap::new(),
        }
    }
}

/// Refuses a key that cannot exist.
pub(super) fn may_be_key(key: &str) -> Verdict {
    if (1..=MAX_KEY_BYTES).contains(&(key.len() as u64)) { Ok(()) } else { Err("InvalidArgument") }
}

impl Model {
    /// The condition that is meant, of an object that may be there.
    pub(super) fn condition(&self, key: &str, condition: Cond) -> Condition {
        let current = self.objects.get(key).map_or(0, |object| object.revision);
        match condition {
            Cond::Any => Condition::Any,
            Cond::Absent => Condition::Absent,
            Cond::Current => Condition::Revision(current),
            Cond::Stale => Condition::Revision(current + 1_000_000),
        }
    }

    pub(super) fn may_change(&self, key: &str, condition: Condition) -> Verdict {
        let current = self.objects.get(key).map(|object| object.revision);
        match condition {
            Condition::Absent if current.is_some() => Err("AlreadyExists"),
            Condition::Revision(revision) if current != Some(revision) => Err("RevisionMismatch"),
            _ => Ok(()),
        }
    }

    pub(super) fn may_find(&self, key: &str) -> Verdict {
        may_be_key(key)?;
        if self.objects.contains_key(key) { Ok(()) } else { Err("NotFound") }
    }

    pub(super) fn put(&mut self, key: String, value: Vec<u8>) {
        self.revision += 1;
        self.objects.insert(key, Object { revision: self.revision, value });
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Object> {
        let removed = self.objects.remove(key);
        self.revision += u64::from(removed.is_some());
        removed
    }

    /// The keys under a prefix.
    pub(super) fn under(&self, prefix: &str) -> Vec<String> {
        self.objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// An upload that is there, expired or not, and the caller's.
    pub(super) fn may_use_upload(&self, id: u64, caller: &Caller) -> Result<&Upload, &'static str> {
        let upload = self.uploads.get(&id).ok_or("NotFound")?;
        if may_use(upload.creator, caller) { Ok(upload) } else { Err("Unauthorized") }
    }

    /// An upload that is open and the caller's.
    pub(super) fn may_continue(&self, id: u64, caller: &Caller) -> Result<&Upload, &'static str> {
        let upload = self.may_use_upload(id, caller)?;
        if upload.has_expired(self.now_ns) { Err("NotFound") } else { Ok(upload) }
    }

    pub(super) fn may_commit(&self, id: u64, caller: &Caller) -> Verdict {
        let upload = self.may_continue(id, caller)?;
        if upload.received.len() as u64 != upload.chunks() {
            return Err("Incomplete");
        }
        self.may_change(&upload.key, upload.condition)
    }

    /// The uploads that opening another one gives back.
    pub(super) fn given_back(&self) -> Vec<u64> {
        let (mut ids, mut extents) = (Vec::new(), 0);
        for (id, upload) in self.uploads.iter().filter(|(_, upload)| upload.has_expired(self.now_ns)) {
            extents += upload.size.div_ceil(SLOT_EXTENT_BYTES);
            if extents > MAX_EXPIRED_EXTENTS && !ids.is_empty() {
                break;
            }
            ids.push(*id);
        }
        ids
    }

    /// The place of a region that is there and the caller's.
    pub(super) fn may_use_region(&self, id: u64, caller: &Caller) -> Result<&Region, &'static str> {
        let region =
            id.checked_sub(16).and_then(|place| self.regions.get(place as usize)).ok_or("NotFound")?;
        if may_use(region.owner, caller) { Ok(region) } else { Err("Unauthorized") }
    }
}

impl Upload {
    pub(super) fn chunks(&self) -> u64 {
        self.size.div_ceil(CHUNK_BYTES)
    }

    pub(super) fn chunk_bytes(&self, index: u64) -> usize {
        CHUNK_BYTES.min(self.size - index * CHUNK_BYTES) as usize
    }

    pub(super) fn has_expired(&self, now_ns: u64) -> bool {
        now_ns > self.touched_ns + UPLOAD_IDLE_NS
    }
}

fn may_use(owner: Principal, caller: &Caller) -> bool {
    caller.is_admin || owner == caller.principal
}

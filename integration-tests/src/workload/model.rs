//! What a canister must hold, in ordinary collections.

use std::collections::{BTreeMap, BTreeSet};

use candid::Principal;
use storage_api::limits::{
    CHUNK_BYTES, MAX_STABLE_BYTES, MAX_UPLOAD_IDLE_NS, MAX_UPLOADS, MIN_UPLOAD_IDLE_NS, UPLOAD_IDLE_NS,
};
use storage_api::{Config, Role, Settings};

/// An upload that is open.
#[derive(Clone, Debug)]
pub(super) struct OpenUpload {
    pub(super) id: u64,
    pub(super) key: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) received: BTreeSet<u64>,
}

impl OpenUpload {
    pub(super) fn chunks(&self) -> u64 {
        (self.bytes.len() as u64).div_ceil(CHUNK_BYTES)
    }

    pub(super) fn chunk(&self, index: u64) -> &[u8] {
        let start = (index * CHUNK_BYTES) as usize;
        &self.bytes[start..self.bytes.len().min(start + CHUNK_BYTES as usize)]
    }
}

/// What a canister must hold.
#[derive(Clone, Debug)]
pub struct Model {
    pub(super) objects: BTreeMap<String, Vec<u8>>,
    pub(super) log: Vec<Vec<u8>>,
    pub(super) uploads: Vec<OpenUpload>,
    /// Identifiers and bytes.
    pub(super) regions: Vec<(u64, Vec<u8>)>,
    pub(super) roles: BTreeMap<Principal, Role>,
    pub(super) config: Config,
}

impl Default for Model {
    fn default() -> Self {
        let config = Config {
            capacity: MAX_STABLE_BYTES,
            public_read: false,
            max_uploads: MAX_UPLOADS,
            upload_idle_ns: UPLOAD_IDLE_NS,
        };
        Self {
            objects: BTreeMap::new(),
            log: Vec::new(),
            uploads: Vec::new(),
            regions: Vec::new(),
            roles: BTreeMap::new(),
            config,
        }
    }
}

impl Model {
    /// Sets what is given if all of it is within its limits, and tells whether it is.
    pub(super) fn configure(&mut self, settings: &Settings) -> bool {
        let idle = settings.upload_idle_ns.unwrap_or(self.config.upload_idle_ns);
        let uploads = settings.max_uploads.unwrap_or(self.config.max_uploads);
        let allowed =
            (MIN_UPLOAD_IDLE_NS..=MAX_UPLOAD_IDLE_NS).contains(&idle) && (1..=MAX_UPLOADS).contains(&uploads);
        if allowed {
            self.config.upload_idle_ns = idle;
            self.config.max_uploads = uploads;
            self.config.public_read = settings.public_read.unwrap_or(self.config.public_read);
        }
        allowed
    }
}

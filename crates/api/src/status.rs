//! State of the canister, for operators.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use storage_wire::Wire;

/// The state of the canister at a glance.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq)]
pub struct Status {
    /// Version of the software.
    pub version: String,
    /// Digest of the sources, and version of the compiler.
    pub build: String,
    /// Version of the layout of stable memory.
    pub layout_version: u32,
    /// Configured limit on stable memory, in bytes.
    pub capacity_bytes: u64,
    /// Stable memory in bytes. Storage is charged by this number.
    pub stable_bytes: u64,
    /// Size in bytes of the largest upload that would be accepted now: what the capacity, the platform and the buckets
    /// allow, less the reservations of open uploads.
    pub storable_bytes: u64,
    /// Stable memory by store.
    pub stores: StoreBytes,
    /// Number of objects.
    pub objects: u64,
    /// Sum of the sizes of all objects, in bytes.
    pub object_bytes: u64,
    /// Revision of the last change to an object.
    pub revision: u64,
    /// Number of log entries.
    pub log_entries: u64,
    /// Number of open uploads, including expired ones until the next upload is opened.
    pub uploads: u64,
    /// Number of regions.
    pub regions: u64,
    /// Number of principals with a role.
    pub roles: u64,
    /// State of the arena.
    pub arena: ArenaStatus,
    /// WebAssembly heap, in bytes.
    pub heap_bytes: u64,
    /// Cycles balance.
    pub cycles: u128,
    /// Upgrades.
    pub upgrades: UpgradeStatus,
    /// Number of successful calls, by update method. An upgrade that skips `pre_upgrade` resets the counts to those of the
    /// last upgrade that ran it.
    pub operations: Vec<Count>,
    /// Number of errors returned by update methods, by error. Messages that `inspect_message` dropped are not counted.
    pub refusals: Vec<Count>,
}

/// Named counter.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Name of a method or of an error case.
    pub name: String,
    /// The count.
    pub count: u64,
}

/// Stable memory by store, in bytes. Each store takes whole buckets of 16 MiB, from its first write on.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreBytes {
    /// The object index, with the values that are stored inline.
    pub objects: u64,
    /// The arena, with all larger values.
    pub arena: u64,
    /// The log.
    pub log: u64,
    /// The index of the log.
    pub log_index: u64,
    /// The records of uploads.
    pub uploads: u64,
    /// The roles.
    pub roles: u64,
    /// The records of regions.
    pub regions: u64,
    /// The contents of all regions.
    pub region_data: u64,
    /// What certification takes; `None` if nothing has ever been certified.
    pub certified: Option<CertifiedBytes>,
}

/// Stable memory of certification, in bytes.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CertifiedBytes {
    /// The hash tree of the certified objects and responses.
    pub hash_tree: u64,
    /// The digests of the entries of a certified log.
    pub log_range: u64,
    /// The certified prefixes and the sites.
    pub scopes: u64,
    /// The digests of the pieces of large objects under a site.
    pub pieces: u64,
    /// The work that `certify` has not done yet.
    pub pending: u64,
}

impl CertifiedBytes {
    /// Returns the sum.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.hash_tree + self.log_range + self.scopes + self.pieces + self.pending
    }
}

/// Usage of the arena, in bytes.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, Default, PartialEq)]
pub struct ArenaStatus {
    /// Bytes in extents, including their tags.
    pub used_bytes: u64,
    /// Bytes in free blocks.
    pub free_bytes: u64,
    /// Number of extents.
    pub extents: u64,
    /// Size of the largest free block: a lower bound, by less than 1/16.
    pub largest_free_bytes: u64,
    /// Share of the free bytes outside the largest free block: 0 with a single block, close to 1 with many small ones. A
    /// value of up to 2,031,616 bytes needs one block; larger objects consist of extents.
    pub fragmentation: f64,
    /// Bytes reserved by open uploads and not allocated yet.
    pub reserved_bytes: u64,
}

/// Statistics of upgrades.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpgradeStatus {
    /// Number of upgrades.
    pub count: u64,
    /// Whether the last one ran `pre_upgrade`.
    pub last_was_sealed: bool,
    /// Instructions that opening the store took in the last install or upgrade.
    pub open_instructions: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The record before it had optional fields.
    #[derive(CandidType, Deserialize, Debug, Default, PartialEq, Eq)]
    struct First {
        objects: u64,
        arena: u64,
        log: u64,
        log_index: u64,
        uploads: u64,
        roles: u64,
        regions: u64,
        region_data: u64,
    }

    /// A client decodes the reply of an older canister, and an older client that of a newer canister.
    #[test]
    fn optional_fields_are_compatible() {
        let older = candid::encode_one(First { arena: 7, ..First::default() }).unwrap();
        let bytes: StoreBytes = candid::decode_one(&older).unwrap();
        assert_eq!(bytes, StoreBytes { arena: 7, ..StoreBytes::default() });
        let certified = Some(CertifiedBytes { hash_tree: 1, pending: 2, ..CertifiedBytes::default() });
        let newer = candid::encode_one(StoreBytes { arena: 7, certified, ..bytes }).unwrap();
        assert_eq!(candid::decode_one::<First>(&newer).unwrap(), First { arena: 7, ..First::default() });
        assert_eq!(candid::decode_one::<StoreBytes>(&newer).unwrap().certified.unwrap().total(), 3);
    }
}

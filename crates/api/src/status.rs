//! What an operator sees.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use storage_wire::Wire;

/// The state of the canister at a glance.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq)]
pub struct Status {
    /// Version of the software.
    pub version: String,
    /// What it was built from and by: a digest of the sources, and the version of the compiler.
    pub build: String,
    /// Version of the bytes in stable memory.
    pub layout_version: u32,
    /// The configured bound on stable memory, in bytes.
    pub capacity_bytes: u64,
    /// Stable memory that the canister has grown to, in bytes. This is what storage is charged for.
    pub stable_bytes: u64,
    /// An upload of so many bytes would be accepted now: what the capacity, the platform and the buckets allow, less what
    /// other uploads have been promised.
    pub storable_bytes: u64,
    /// Stable memory by store.
    pub stores: StoreBytes,
    /// How many objects there are.
    pub objects: u64,
    /// The sum of their sizes, in bytes.
    pub object_bytes: u64,
    /// The revision of the last change to an object.
    pub revision: u64,
    /// How many entries the log has.
    pub log_entries: u64,
    /// How many uploads are open, expired ones included until the next one is opened.
    pub uploads: u64,
    /// How many regions there are.
    pub regions: u64,
    /// How many principals have been given a role.
    pub roles: u64,
    /// What the arena holds.
    pub arena: ArenaStatus,
    /// WebAssembly heap, in bytes.
    pub heap_bytes: u64,
    /// Cycles that the canister has.
    pub cycles: u128,
    /// Upgrades so far.
    pub upgrades: UpgradeStatus,
    /// How often each method that may change the state has been carried out. Lost where an upgrade skips `pre_upgrade`:
    /// then it goes on from the last one that did not.
    pub operations: Vec<Count>,
    /// How often such a method was answered with each error. What `inspect_message` dropped is not among them.
    pub refusals: Vec<Count>,
}

/// How often something happened.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// What: a method, or a case of the error.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// Stable memory by store, in bytes. Each store takes whole buckets of 16 MiB of it, from its first write on.
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
    /// The regions themselves, all of them together.
    pub region_data: u64,
}

/// How full the arena is, in bytes.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, Default, PartialEq)]
pub struct ArenaStatus {
    /// Bytes in extents, their tags included.
    pub used_bytes: u64,
    /// Bytes in free blocks.
    pub free_bytes: u64,
    /// How many extents there are.
    pub extents: u64,
    /// A free block of at least this many bytes is there; the largest is less than 1/16 larger.
    pub largest_free_bytes: u64,
    /// The share of the free bytes that lies outside of the largest free block: 0 where there is one block, towards 1 where
    /// there are many small ones. Values of up to 2,031,616 bytes need one block; larger objects are made of extents.
    pub fragmentation: f64,
    /// Bytes that open uploads have been promised and have not taken yet.
    pub reserved_bytes: u64,
}

/// How the upgrades went.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpgradeStatus {
    /// How many upgrades this stable memory has lived through.
    pub count: u64,
    /// Whether the last one ran `pre_upgrade`.
    pub last_was_sealed: bool,
    /// What opening the store cost in the last install or upgrade, in instructions.
    pub open_instructions: u64,
}

//! Certified reads: replies that anyone can check against the root key of the Internet Computer.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

use crate::{Object, ObjectInfo};

/// Proof of a reply. Both parts are in CBOR, as the interface specification defines them.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The certificate: a signature over the root of the canister's hash tree, among others.
    pub certificate: ByteBuf,
    /// The hash tree with that root, of which only the part is shown that concerns the reply.
    pub witness: ByteBuf,
}

/// Reply of `get_certified`.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CertifiedObject {
    /// The object, or `None` if the proof shows that there is none.
    pub object: Option<Object>,
    /// Proof of the object or of its absence.
    pub proof: Proof,
}

/// Reply of `stat_certified`.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CertifiedInfo {
    /// The metadata of the object, or `None` if the proof shows that there is none.
    pub info: Option<ObjectInfo>,
    /// Proof of the metadata or of the absence.
    pub proof: Proof,
}

/// Reply of `list_certified`.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CertifiedPage {
    /// The objects, in byte order of their keys.
    pub objects: Vec<ObjectInfo>,
    /// The `start_after` of the next page; `None` on the last page.
    pub next: Option<String>,
    /// Proof of the metadata, and that no object of the page is missing.
    pub proof: Proof,
}

/// Reply of `log_certified`.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CertifiedLogPage {
    /// The entries, oldest first.
    pub entries: Vec<ByteBuf>,
    /// Number of entries of the whole log.
    pub length: u64,
    /// For each entry, the digests that lead from it to the root of the log.
    pub paths: Vec<Vec<ByteBuf>>,
    /// Proof of the length and the root of the log.
    pub proof: Proof,
}

/// Prefix under which objects are certified.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct CertifiedPrefix {
    /// The prefix.
    pub prefix: String,
    /// Whether all objects under it are certified. Until then `certify` must be called.
    pub complete: bool,
}

/// Progress of one step of `certify` or `certify_log`.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CertifyProgress {
    /// Number of objects, or entries of the log, that this step has certified.
    pub items: u64,
    /// Number of bytes that this step has hashed.
    pub hashed: u64,
    /// Whether everything is certified.
    pub done: bool,
}

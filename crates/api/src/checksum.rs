//! SHA-256 of objects: declared by their writer, verified by the canister.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

/// The SHA-256 of an object and what is known of it.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// The 32 bytes of the digest.
    pub digest: ByteBuf,
    /// Whether the object has been compared with it.
    pub state: ChecksumState,
}

/// Whether an object has been compared with its digest.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumState {
    /// The writer said so; the canister has not computed it.
    Declared,
    /// The canister has computed it, and it is the same, or none was declared.
    Verified,
    /// The canister has computed another one. The object stays readable, and the digest is what was declared.
    Mismatch,
}

/// What a step of `verify` answers.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// How many bytes have been hashed.
    pub hashed: u64,
    /// How many there are.
    pub size: u64,
    /// The verdict, once all bytes have been hashed. Until then `verify` should be called again.
    pub verdict: Option<ChecksumState>,
}

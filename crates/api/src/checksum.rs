//! SHA-256 of objects: declared by the writer, verified by the canister.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

/// SHA-256 of an object and its verification state.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// The 32 bytes of the digest.
    pub digest: ByteBuf,
    /// Whether the canister has compared the object with the digest.
    pub state: ChecksumState,
}

impl Checksum {
    /// Returns the digest that the object has as far as anybody knows: none if the canister computed another one.
    #[must_use]
    pub fn held(&self) -> Option<&[u8]> {
        (self.state != ChecksumState::Mismatch).then_some(&self.digest)
    }
}

/// Verification state of a digest.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumState {
    /// The writer declared the digest; the canister has not computed it.
    Declared,
    /// The canister computed the digest, and it matches the declared one, or none was declared.
    Verified,
    /// The canister computed a different digest. The object stays readable, and the digest shown is the declared one.
    Mismatch,
}

/// Result of one step of `verify`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Number of bytes hashed so far.
    pub hashed: u64,
    /// Size of the object in bytes.
    pub size: u64,
    /// The verdict, once all bytes have been hashed. If it is `None`, call `verify` again.
    pub verdict: Option<ChecksumState>,
}

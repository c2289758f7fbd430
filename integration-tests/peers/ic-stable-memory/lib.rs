//! What the canisters' interfaces have in common.

use candid::CandidType;
use serde::Deserialize;
use serde_bytes::ByteBuf;

/// A key with its value.
#[derive(CandidType, Deserialize)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: ByteBuf,
}

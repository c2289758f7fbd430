//! What the peers' interfaces have in common.
//!
//! The canisters are the examples of this package: each is what a user would write with the library that it shows, in plain
//! ic-cdk, with arguments as the libraries' own examples have them. None checks the caller or records a time, which the
//! storage canister does; a comparison is therefore in the peers' favour by about 2,600 instructions a message.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// A key with its value.
#[derive(CandidType, Clone, Debug, Deserialize, Serialize)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: ByteBuf,
}

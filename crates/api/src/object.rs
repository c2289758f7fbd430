//! Objects: what `put` stores and `stat` tells.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

use crate::{Checksum, Condition};

/// What is known of an object without reading its bytes.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The key it is stored under.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// The revision of the change that wrote it. Revisions increase with every change to any object.
    pub revision: u64,
    /// What the writer said the bytes are, for example `image/png`.
    pub content_type: Option<String>,
    /// When an object was first put under this key, in nanoseconds since 1970.
    pub created_ns: u64,
    /// When it was last written or renamed, in nanoseconds since 1970.
    pub modified_ns: u64,
    /// Its SHA-256, if one was declared or computed.
    pub sha256: Option<Checksum>,
}

/// Arguments of `read`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct ReadArgs {
    /// The key.
    pub key: String,
    /// Where to start, in bytes from the start of the object.
    pub offset: u64,
    /// How many bytes at most. More than fits one reply is lowered to 2,031,616.
    pub length: u64,
    /// The revision that the object must have, so that a reader of many ranges never mixes two versions.
    pub revision: Option<u64>,
}

/// One object of a `put_many`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct PutArgs {
    /// The key: 1 to 1,024 bytes of UTF-8.
    pub key: String,
    /// The bytes: 0 to 2,031,616.
    pub value: ByteBuf,
    /// What the bytes are, for example `image/png`; at most 255 bytes.
    pub content_type: Option<String>,
    /// What must hold of the object that is there now; nothing means [`Condition::Any`].
    pub condition: Option<Condition>,
}

impl PutArgs {
    /// An unconditional put without a content type.
    pub fn new(key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), value: ByteBuf::from(value), content_type: None, condition: None }
    }

    /// The same with a condition.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }
}

/// Arguments of `rename`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct RenameArgs {
    /// The key of an object.
    pub from: String,
    /// The key it is to have. An object that is there already is replaced, unless the condition forbids it.
    pub to: String,
    /// What must hold of the object under `to`; nothing means [`Condition::Any`].
    pub condition: Option<Condition>,
}

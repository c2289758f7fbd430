//! Objects: what `put` stores and `stat` tells.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

use crate::{Checksum, Condition};

/// One of the names that a writer gives an object, and what it stands for.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct MetadataPair {
    /// The name: at least one byte.
    pub name: String,
    /// The value.
    pub value: String,
}

impl MetadataPair {
    /// A pair of a name and a value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }

    /// Both as they are borrowed.
    #[must_use]
    pub fn as_strs(&self) -> (&str, &str) {
        (&self.name, &self.value)
    }
}

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
    /// How the writer has encoded the bytes, for example `gzip`.
    pub content_encoding: Option<String>,
    /// Names and values that the writer has chosen, in the writer's order.
    pub metadata: Option<Vec<MetadataPair>>,
    /// Who wrote it; nothing where that was an admin.
    pub owner: Option<Principal>,
    /// When an object was first put under this key, in nanoseconds since 1970.
    pub created_ns: u64,
    /// When it was last written or renamed, in nanoseconds since 1970.
    pub modified_ns: u64,
    /// Its SHA-256, if one was declared or computed.
    pub sha256: Option<Checksum>,
}

/// What a write returns: `put`, `put_many`, `rename` and `commit_upload`. The canister pays for each byte of a reply, and
/// the writer knows the rest; `stat` returns everything.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The revision that the object has now.
    pub revision: u64,
}

/// Arguments of `read`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct ReadArgs {
    /// The key.
    pub key: String,
    /// Where to start, in bytes from the start of the object.
    pub offset: u64,
    /// How many bytes at most; nothing means all to the end of the object. More than fits one reply is lowered to 2,031,616.
    pub length: Option<u64>,
    /// The revision that the object must have, so that a reader of many ranges never mixes two versions.
    pub revision: Option<u64>,
}

/// Argument of `put_with`, and one object of a `put_many`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct PutArgs {
    /// The key: 1 to 1,024 bytes of UTF-8.
    pub key: String,
    /// The bytes: 0 to 2,031,616.
    pub value: ByteBuf,
    /// What the bytes are, for example `image/png`; at most 255 bytes.
    pub content_type: Option<String>,
    /// How the bytes are encoded, for example `gzip`; at most 64 bytes.
    pub content_encoding: Option<String>,
    /// Names and values of the writer's choice: at most 16 pairs, 2,048 bytes in all. A name has at least one byte and
    /// occurs once.
    pub metadata: Option<Vec<MetadataPair>>,
    /// The SHA-256 of the bytes: 32 bytes. It is recorded, and compared when `verify` is called.
    pub sha256: Option<ByteBuf>,
    /// What must hold of the object that is there now; nothing means [`Condition::Any`].
    pub condition: Option<Condition>,
}

impl PutArgs {
    /// An unconditional put of nothing but a value.
    pub fn new(key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            key: key.into(),
            value: ByteBuf::from(value),
            content_type: None,
            content_encoding: None,
            metadata: None,
            sha256: None,
            condition: None,
        }
    }

    /// The user metadata, empty where there is none.
    #[must_use]
    pub fn pairs(&self) -> &[MetadataPair] {
        self.metadata.as_deref().unwrap_or_default()
    }

    /// The same with a condition.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }
}

/// An object with its value, as `get_with_info` returns it.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What is known of it.
    pub info: ObjectInfo,
    /// Its bytes.
    pub value: ByteBuf,
}

/// One object of a `delete_many`.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct DeleteArgs {
    /// The key.
    pub key: String,
    /// What must hold of the object that is there now; nothing means [`Condition::Any`].
    pub condition: Option<Condition>,
}

impl DeleteArgs {
    /// An unconditional delete.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), condition: None }
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

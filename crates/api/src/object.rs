//! Objects: what `put` stores and `stat` returns.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

use crate::{Checksum, Condition};

/// A name and a value of the user metadata of an object.
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

    /// Returns name and value as borrowed texts.
    #[must_use]
    pub fn as_strs(&self) -> (&str, &str) {
        (&self.name, &self.value)
    }
}

/// Metadata of an object, without its bytes.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The key.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// Revision of the change that wrote it. Revisions increase with every change to any object.
    pub revision: u64,
    /// Content type declared by the writer, for example `image/png`.
    pub content_type: Option<String>,
    /// Content encoding declared by the writer, for example `gzip`.
    pub content_encoding: Option<String>,
    /// User metadata, in the writer's order.
    pub metadata: Option<Vec<MetadataPair>>,
    /// Principal that wrote it; `None` if an admin did.
    pub owner: Option<Principal>,
    /// Time when an object was first put under this key, in nanoseconds since 1970.
    pub created_ns: u64,
    /// Time when it was last written or renamed, in nanoseconds since 1970.
    pub modified_ns: u64,
    /// SHA-256, if one was declared or computed.
    pub sha256: Option<Checksum>,
}

/// Reply of a write: `put`, `put_with`, `put_many`, `copy`, `rename` and `commit_upload`. It is short because the canister pays
/// for each byte of a reply; `stat` returns the rest.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Current revision of the object.
    pub revision: u64,
}

/// Arguments of `read`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct ReadArgs {
    /// The key.
    pub key: String,
    /// Offset in bytes from the start of the object.
    pub offset: u64,
    /// The most bytes to return; `None` means all bytes to the end of the object. Lowered to 2,031,616 if larger.
    pub length: Option<u64>,
    /// Revision that the object must have, so that a reader of several ranges never mixes two versions.
    pub revision: Option<u64>,
}

/// Argument of `put_with`, and one object of a `put_many`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct PutArgs {
    /// The key: 1 to 1,024 bytes of UTF-8.
    pub key: String,
    /// The bytes: 0 to 2,031,616.
    pub value: ByteBuf,
    /// Content type, for example `image/png`; at most 255 bytes.
    pub content_type: Option<String>,
    /// Content encoding, for example `gzip`; at most 64 bytes.
    pub content_encoding: Option<String>,
    /// User metadata: at most 16 pairs, 2,048 bytes in all. A name has at least one byte and occurs once.
    pub metadata: Option<Vec<MetadataPair>>,
    /// SHA-256 of the bytes: 32 bytes. It is recorded; `verify` compares it.
    pub sha256: Option<ByteBuf>,
    /// Condition on the current object; `None` means [`Condition::Any`].
    pub condition: Option<Condition>,
}

impl PutArgs {
    /// Creates an unconditional put with only a value.
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

    /// Returns the user metadata, which may be empty.
    #[must_use]
    pub fn pairs(&self) -> &[MetadataPair] {
        self.metadata.as_deref().unwrap_or_default()
    }

    /// Sets the condition.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }
}

/// Object with its value, as `get_with_info` returns it.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its metadata.
    pub info: ObjectInfo,
    /// Its bytes.
    pub value: ByteBuf,
}

/// One object of a `delete_many`.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct DeleteArgs {
    /// The key.
    pub key: String,
    /// Condition on the current object; `None` means [`Condition::Any`].
    pub condition: Option<Condition>,
}

impl DeleteArgs {
    /// Creates an unconditional delete.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), condition: None }
    }
}

/// Arguments of `rename`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct RenameArgs {
    /// The key of an object.
    pub from: String,
    /// The new key. An object under it is replaced, unless the condition forbids it.
    pub to: String,
    /// Condition on the object under `to`; `None` means [`Condition::Any`].
    pub condition: Option<Condition>,
}

//! Uploads: objects that arrive in chunks.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

use crate::Condition;

/// Arguments of `create_upload`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct UploadArgs {
    /// The key that the object is to have.
    pub key: String,
    /// Its size in bytes; at least 1.
    pub size: u64,
    /// What the bytes are, for example `image/png`; at most 255 bytes.
    pub content_type: Option<String>,
    /// The SHA-256 of the bytes: 32 bytes. It is recorded, and compared when `verify` is called.
    pub sha256: Option<ByteBuf>,
    /// What must hold of the object under the key, both now and at the commit; nothing means [`Condition::Any`].
    pub condition: Option<Condition>,
}

impl UploadArgs {
    /// An unconditional upload without a content type or a digest.
    pub fn new(key: impl Into<String>, size: u64) -> Self {
        Self { key: key.into(), size, content_type: None, sha256: None, condition: None }
    }
}

impl UploadStatus {
    /// Whether the upload was opened with these arguments, so that it can be resumed instead of opening another one.
    #[must_use]
    pub fn is_of(&self, args: &UploadArgs) -> bool {
        let content_type = args.content_type.as_deref().filter(|text| !text.is_empty());
        self.upload.key == args.key
            && self.upload.size == args.size
            && self.content_type.as_deref() == content_type
            && self.sha256 == args.sha256
            && self.condition == args.condition.unwrap_or_default()
    }
}

/// An upload that has been opened.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What the other methods are told. Never used twice.
    pub id: u64,
    /// The key that the object is to have.
    pub key: String,
    /// The size of the object in bytes.
    pub size: u64,
    /// The size of every chunk but the last, in bytes.
    pub chunk_size: u64,
    /// How many chunks there are.
    pub chunks: u64,
    /// When the upload expires unless another chunk arrives, in nanoseconds since 1970.
    pub expires_ns: u64,
}

/// What `write_chunk` answers.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// How many bytes have been received in all.
    pub received: u64,
    /// How many there will be.
    pub size: u64,
}

/// Chunks `first` to `last`, both included.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRange {
    /// Index of the first chunk.
    pub first: u64,
    /// Index of the last chunk.
    pub last: u64,
}

/// How far an upload is.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    /// The upload.
    pub upload: Upload,
    /// Who opened it.
    pub creator: Principal,
    /// The content type that the object is to have.
    pub content_type: Option<String>,
    /// The SHA-256 that was declared, so that nobody resumes an upload with other bytes.
    pub sha256: Option<ByteBuf>,
    /// What must hold of the object under the key at the commit.
    pub condition: Condition,
    /// How many bytes have been received.
    pub received: u64,
    /// The chunks that have not been received, in order; the first ones where there are too many ranges for a reply.
    pub missing: Vec<ChunkRange>,
    /// Whether more chunks are missing than `missing` lists.
    pub more_missing: bool,
}

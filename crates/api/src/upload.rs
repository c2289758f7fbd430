//! Uploads: objects that arrive in chunks.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

use crate::{Condition, MetadataPair};

/// Arguments of `create_upload`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct UploadArgs {
    /// The key that the object is to have.
    pub key: String,
    /// Its size in bytes, at least 1: room for all of it is reserved. Nothing where it is not known yet: then room is taken as
    /// chunks arrive, and the commit gives the size.
    pub size: Option<u64>,
    /// What the bytes are, for example `image/png`; at most 255 bytes.
    pub content_type: Option<String>,
    /// How the bytes are encoded, for example `gzip`; at most 64 bytes.
    pub content_encoding: Option<String>,
    /// Names and values of the writer's choice, as in `put_many`.
    pub metadata: Option<Vec<MetadataPair>>,
    /// The SHA-256 of the bytes: 32 bytes. It is recorded, and compared when `verify` is called.
    pub sha256: Option<ByteBuf>,
    /// What must hold of the object under the key, both now and at the commit; nothing means [`Condition::Any`].
    pub condition: Option<Condition>,
}

impl UploadArgs {
    /// An unconditional upload of so many bytes without a digest or metadata.
    pub fn new(key: impl Into<String>, size: u64) -> Self {
        Self { size: Some(size), ..Self::unsized_new(key) }
    }

    /// The same of a size that the commit will give.
    pub fn unsized_new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            size: None,
            content_type: None,
            content_encoding: None,
            metadata: None,
            sha256: None,
            condition: None,
        }
    }
}

impl UploadArgs {
    /// The user metadata, empty where there is none.
    #[must_use]
    pub fn pairs(&self) -> &[MetadataPair] {
        self.metadata.as_deref().unwrap_or_default()
    }
}

impl UploadStatus {
    /// Whether the upload was opened with these arguments, so that it can be resumed instead of opening another one.
    #[must_use]
    pub fn is_of(&self, args: &UploadArgs) -> bool {
        self.may_be_of(args) && self.metadata.as_deref().unwrap_or_default() == args.pairs()
    }

    /// The same without the metadata, which `list_uploads` leaves out.
    #[must_use]
    pub fn may_be_of(&self, args: &UploadArgs) -> bool {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        self.upload.key == args.key
            && self.upload.size == args.size
            && self.content_type == given(&args.content_type)
            && self.content_encoding == given(&args.content_encoding)
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
    /// The size of the object in bytes; nothing where the commit will give it, and the last chunk has not told it.
    pub size: Option<u64>,
    /// The size of every chunk but the last, in bytes.
    pub chunk_size: u64,
    /// How many chunks there are, where the size is known.
    pub chunks: Option<u64>,
    /// When the upload expires unless another chunk arrives, in nanoseconds since 1970.
    pub expires_ns: u64,
}

/// What `write_chunk` answers.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// How many bytes have been received in all.
    pub received: u64,
    /// How many there will be, where that is known.
    pub size: Option<u64>,
}

/// What a commit tells of an upload. It must be what the upload was opened with, or what that left open.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct UploadEnd {
    /// The size of the object in bytes.
    pub size: u64,
    /// The SHA-256 of the bytes, as in [`UploadArgs`].
    pub sha256: Option<ByteBuf>,
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
    /// The content encoding that the object is to have.
    pub content_encoding: Option<String>,
    /// The metadata that the object is to have. `list_uploads` leaves it out.
    pub metadata: Option<Vec<MetadataPair>>,
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

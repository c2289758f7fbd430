//! Uploads: objects that arrive in chunks.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

use crate::{Condition, MetadataPair, UploadCondition};

/// Arguments of `create_upload`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct UploadArgs {
    /// Key of the object.
    pub key: String,
    /// Size in bytes, at least 1. Storage for all of it is reserved. `None` if the size is not known yet: then extents are
    /// allocated as chunks arrive, and the commit states the size.
    pub size: Option<u64>,
    /// Content type, for example `image/png`; at most 255 bytes.
    pub content_type: Option<String>,
    /// Content encoding, for example `gzip`; at most 64 bytes.
    pub content_encoding: Option<String>,
    /// User metadata, as in [`PutArgs`](crate::PutArgs).
    pub metadata: Option<Vec<MetadataPair>>,
    /// SHA-256 of the bytes: 32 bytes. It is recorded; `verify` compares it.
    pub sha256: Option<ByteBuf>,
    /// Condition on the object under the key, checked now and again at the commit; `None` means [`Condition::Any`]. A SHA-256 is
    /// checked now; the commit checks that the object still has the revision that had it.
    pub condition: Option<Condition>,
}

impl UploadArgs {
    /// Creates an unconditional upload of `size` bytes, without a digest or metadata.
    pub fn new(key: impl Into<String>, size: u64) -> Self {
        Self { size: Some(size), ..Self::unsized_new(key) }
    }

    /// Creates an unconditional upload whose size the commit will state.
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
    /// Returns the user metadata, which may be empty.
    #[must_use]
    pub fn pairs(&self) -> &[MetadataPair] {
        self.metadata.as_deref().unwrap_or_default()
    }
}

impl UploadStatus {
    /// Returns whether the upload was opened with these arguments, so that it can be resumed. It has no condition with a SHA-256.
    #[must_use]
    pub fn is_of(&self, args: &UploadArgs) -> bool {
        self.may_be_of(args) && self.metadata.as_deref().unwrap_or_default() == args.pairs()
    }

    /// Compares like [`is_of`](Self::is_of), without the metadata, which `list_uploads` omits.
    #[must_use]
    pub fn may_be_of(&self, args: &UploadArgs) -> bool {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        self.upload.key == args.key
            && self.upload.size == args.size
            && self.content_type == given(&args.content_type)
            && self.content_encoding == given(&args.content_encoding)
            && self.sha256 == args.sha256
            && Condition::from(self.condition) == args.condition.clone().unwrap_or_default()
    }
}

/// Open upload.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Identifier. Never reused.
    pub id: u64,
    /// Key of the object.
    pub key: String,
    /// Size of the object in bytes; `None` until the last chunk or the commit determines it.
    pub size: Option<u64>,
    /// Size of every chunk except the last, in bytes.
    pub chunk_size: u64,
    /// Number of chunks, if the size is known.
    pub chunks: Option<u64>,
    /// Time when the upload expires unless another chunk arrives, in nanoseconds since 1970.
    pub expires_ns: u64,
}

/// Reply of `write_chunk` and `copy_chunks`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Number of bytes received so far.
    pub received: u64,
    /// Size of the object, if it is known.
    pub size: Option<u64>,
}

/// Size and digest that a commit states. They must match those of `create_upload`, where it gave them.
#[derive(CandidType, Wire, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct UploadEnd {
    /// Size of the object in bytes.
    pub size: u64,
    /// SHA-256 of the bytes, as in [`UploadArgs`].
    pub sha256: Option<ByteBuf>,
}

/// Range of chunks from `first` to `last`, both included.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRange {
    /// Index of the first chunk.
    pub first: u64,
    /// Index of the last chunk.
    pub last: u64,
}

/// Progress of an upload.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    /// The upload.
    pub upload: Upload,
    /// Principal that opened it.
    pub creator: Principal,
    /// Content type of the object.
    pub content_type: Option<String>,
    /// Content encoding of the object.
    pub content_encoding: Option<String>,
    /// User metadata of the object. `list_uploads` omits it.
    pub metadata: Option<Vec<MetadataPair>>,
    /// Declared SHA-256, so that an upload is not resumed with different bytes.
    pub sha256: Option<ByteBuf>,
    /// Condition on the object under the key at the commit.
    pub condition: UploadCondition,
    /// Number of bytes received so far.
    pub received: u64,
    /// Missing chunks, in order. Only the first ranges if there are more than fit a reply.
    pub missing: Vec<ChunkRange>,
    /// Whether more chunks are missing than `missing` lists.
    pub more_missing: bool,
}

//! Copies that the canister makes itself, so that no byte of them is sent.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

use crate::{Checksum, Condition, Error, MetadataPair, ObjectInfo, UploadArgs};

/// Arguments of `copy`.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct CopyArgs {
    /// The key of an object.
    pub from: String,
    /// The key of the copy. An object under it is replaced, unless the condition forbids it. It may be the same key: then the
    /// object gets other metadata.
    pub to: String,
    /// Condition on the object under `to`; `None` means [`Condition::Any`].
    pub condition: Option<Condition>,
    /// The revision that the object under `from` must have.
    pub revision: Option<u64>,
    /// The SHA-256 that the object under `from` must have, declared or computed: 32 bytes.
    pub sha256: Option<ByteBuf>,
    /// The metadata of the copy; `None` means that of the source.
    pub metadata: Option<CopyMetadata>,
}

/// Metadata of a copy, which replaces all of the source's.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyMetadata {
    /// Content type, for example `image/png`; at most 255 bytes.
    pub content_type: Option<String>,
    /// Content encoding, for example `gzip`; at most 64 bytes.
    pub content_encoding: Option<String>,
    /// User metadata, as in [`PutArgs`](crate::PutArgs).
    pub metadata: Option<Vec<MetadataPair>>,
}

/// An object, or a range of one, whose bytes are copied.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct CopySource {
    /// The key.
    pub key: String,
    /// The revision that the object must have, so that a copy in several calls never mixes two versions.
    pub revision: u64,
    /// Offset of the range from the start of the object, in bytes; `None` means 0.
    pub offset: Option<u64>,
    /// Length of the range in bytes; `None` means all bytes to the end of the object.
    pub length: Option<u64>,
}

impl CopyArgs {
    /// Creates an unconditional copy with the metadata of the source.
    pub fn new(from: impl Into<String>, to: impl Into<String>) -> Self {
        Self {
            from: from.into(),
            to: to.into(),
            condition: None,
            revision: None,
            sha256: None,
            metadata: None,
        }
    }

    /// Sets the condition on the object under `to`.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    /// Checks the revision of the object under `from`, and its SHA-256 if it has one.
    ///
    /// # Errors
    ///
    /// [`Error::RevisionMismatch`] if one of them is not as expected.
    pub fn check_source(&self, revision: u64, digest: Option<&[u8]>) -> crate::Result<()> {
        let is_expected = self.revision.is_none_or(|expected| expected == revision)
            && self.sha256.as_ref().is_none_or(|expected| digest == Some(expected.as_slice()));
        match is_expected {
            true => Ok(()),
            false => Err(Error::RevisionMismatch { current: Some(revision) }),
        }
    }

    /// Returns the arguments of an upload that becomes this copy of an object. The object must not be empty. A digest that the
    /// canister knows to be wrong is not declared for the copy.
    #[must_use]
    pub fn upload_of(&self, source: &ObjectInfo) -> UploadArgs {
        let CopyMetadata { content_type, content_encoding, metadata } =
            self.metadata.clone().unwrap_or_else(|| CopyMetadata::of(source));
        UploadArgs {
            content_type,
            content_encoding,
            metadata,
            sha256: source.sha256.as_ref().and_then(Checksum::held).map(ByteBuf::from),
            condition: self.condition.clone(),
            ..UploadArgs::new(&*self.to, source.size)
        }
    }
}

impl CopyMetadata {
    /// Returns the metadata of an object.
    #[must_use]
    pub fn of(info: &ObjectInfo) -> Self {
        Self {
            content_type: info.content_type.clone(),
            content_encoding: info.content_encoding.clone(),
            metadata: info.metadata.clone(),
        }
    }

    /// Returns the user metadata, which may be empty.
    #[must_use]
    pub fn pairs(&self) -> &[MetadataPair] {
        self.metadata.as_deref().unwrap_or_default()
    }
}

impl CopySource {
    /// Creates a source of all bytes of an object with this revision.
    pub fn whole(key: impl Into<String>, revision: u64) -> Self {
        Self { key: key.into(), revision, offset: None, length: None }
    }
}

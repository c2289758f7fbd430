//! A part of a multipart upload.

use s3s::dto::Checksum;
use stable_storage_api::ObjectInfo;

/// A part of an upload.
pub(crate) struct Part {
    pub(crate) info: ObjectInfo,
    /// The ETag.
    pub(crate) etag: String,
    /// The checksums that its client gave.
    pub(crate) checksum: Checksum,
}

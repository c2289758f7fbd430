//! Calls for uploads, and for ranges of objects.

use serde_bytes::{ByteBuf, Bytes};
use stable_storage_api::{
    ReadArgs, Received, Upload, UploadArgs, UploadEnd, UploadStatus, VerifyProgress, Written, check,
};

use crate::{Client, Result, Transport, call::method};

impl<T: Transport> Client<T> {
    /// Returns a range of an object: as many bytes as requested, as exist, and as fit one reply.
    pub async fn read(&self, args: &ReadArgs) -> Result<Vec<u8>> {
        self.check("read", || check::key(&args.key))?;
        self.call(method!("read"), (args,)).await.map(ByteBuf::into_vec)
    }

    /// Returns a range of an object, by a replicated call.
    pub(crate) async fn read_replicated(&self, args: &ReadArgs) -> Result<Vec<u8>> {
        self.check("read", || check::key(&args.key))?;
        self.call_replicated(method!("read"), (args,)).await.map(ByteBuf::into_vec)
    }

    /// Opens an upload. If `args` has a size, storage for all of it is reserved.
    pub async fn create_upload(&self, args: &UploadArgs) -> Result<Upload> {
        self.check("create_upload", || args.check())?;
        self.call(method!("create_upload"), (args,)).await
    }

    /// Sends a chunk. Chunks may arrive in any order, and the same chunk may be sent again.
    pub async fn write_chunk(&self, upload: u64, index: u64, bytes: &[u8]) -> Result<Received> {
        self.check("write_chunk", || check::chunk(bytes.len()))?;
        self.call(method!("write_chunk"), (upload, index, Bytes::new(bytes))).await
    }

    /// Returns the progress of an upload and its missing chunks.
    pub async fn upload_status(&self, upload: u64) -> Result<UploadStatus> {
        self.call(method!("upload_status"), (upload,)).await
    }

    /// Returns the progress of an upload, by a replicated call.
    pub(crate) async fn upload_status_replicated(&self, upload: u64) -> Result<UploadStatus> {
        self.call_replicated(method!("upload_status"), (upload,)).await
    }

    /// Returns the caller's open uploads, or all uploads if the caller is an admin.
    pub async fn list_uploads(&self) -> Result<Vec<UploadStatus>> {
        self.call(method!("list_uploads"), ()).await
    }

    /// Returns the caller's open uploads, by a replicated call.
    pub(crate) async fn list_uploads_replicated(&self) -> Result<Vec<UploadStatus>> {
        self.call_replicated(method!("list_uploads"), ()).await
    }

    /// Commits a complete upload: it becomes the object under its key and replaces an existing one.
    pub async fn commit_upload(&self, upload: u64) -> Result<Written> {
        self.call(method!("commit_upload"), (upload,)).await
    }

    /// Commits an upload and states its size, for an upload that was opened without one, and optionally its digest.
    pub async fn commit_upload_with(&self, upload: u64, end: &UploadEnd) -> Result<Written> {
        self.check("commit_upload", || end.check())?;
        self.call(method!("commit_upload"), (upload, Some(end))).await
    }

    /// Aborts an upload and frees its storage.
    pub async fn abort_upload(&self, upload: u64) -> Result<()> {
        self.call(method!("abort_upload"), (upload,)).await
    }

    /// Hashes up to 64 MiB more of an object. Call it again until there is a verdict.
    pub async fn verify(&self, key: &str) -> Result<VerifyProgress> {
        self.check("verify", || check::key(key))?;
        self.call(method!("verify"), (key,)).await
    }
}

//! Calls for objects that arrive in chunks, and for ranges of objects.

use serde_bytes::{ByteBuf, Bytes};
use stable_storage_api::{
    ReadArgs, Received, Upload, UploadArgs, UploadEnd, UploadStatus, VerifyProgress, Written, check,
};

use crate::{Client, Result, Transport, call::Kind};

impl<T: Transport> Client<T> {
    /// A range of an object: as many bytes as were asked for, are there, and fit one reply.
    pub async fn read(&self, args: &ReadArgs) -> Result<Vec<u8>> {
        self.read_by(Kind::Query, args).await
    }

    /// The same, as it is after every update that was answered, whichever node is asked.
    pub(crate) async fn read_surely(&self, args: &ReadArgs) -> Result<Vec<u8>> {
        self.read_by(Kind::ReplicatedQuery, args).await
    }

    async fn read_by(&self, kind: Kind, args: &ReadArgs) -> Result<Vec<u8>> {
        self.check("read", || check::key(&args.key))?;
        self.call(kind, "read", (args,)).await.map(ByteBuf::into_vec)
    }

    /// Opens an upload, and reserves room for all of it.
    pub async fn create_upload(&self, args: &UploadArgs) -> Result<Upload> {
        self.check("create_upload", || args.check())?;
        self.call(Kind::Update, "create_upload", (args,)).await
    }

    /// Sends a chunk. Chunks may come in any order, and the same chunk may come again.
    pub async fn write_chunk(&self, upload: u64, index: u64, bytes: &[u8]) -> Result<Received> {
        self.check("write_chunk", || check::chunk(bytes.len()))?;
        self.call(Kind::Update, "write_chunk", (upload, index, Bytes::new(bytes))).await
    }

    /// How far an upload is, and which chunks it lacks.
    pub async fn upload_status(&self, upload: u64) -> Result<UploadStatus> {
        self.call(Kind::Query, "upload_status", (upload,)).await
    }

    /// The same, as it is after every update that was answered, whichever node is asked.
    pub(crate) async fn upload_status_surely(&self, upload: u64) -> Result<UploadStatus> {
        self.call(Kind::ReplicatedQuery, "upload_status", (upload,)).await
    }

    /// The caller's open uploads, all of them for an admin.
    pub async fn list_uploads(&self) -> Result<Vec<UploadStatus>> {
        self.call(Kind::Query, "list_uploads", ()).await
    }

    /// The same, as it is after every update that was answered, whichever node is asked.
    pub(crate) async fn list_uploads_surely(&self) -> Result<Vec<UploadStatus>> {
        self.call(Kind::ReplicatedQuery, "list_uploads", ()).await
    }

    /// Makes a complete upload the object under its key, in place of what is there.
    pub async fn commit_upload(&self, upload: u64) -> Result<Written> {
        self.call(Kind::Update, "commit_upload", (upload,)).await
    }

    /// The same with the end of the upload: the size of one that was opened without it, and perhaps a digest that was not
    /// declared then.
    pub async fn commit_upload_with(&self, upload: u64, end: &UploadEnd) -> Result<Written> {
        self.check("commit_upload", || end.check())?;
        self.call(Kind::Update, "commit_upload", (upload, Some(end))).await
    }

    /// Ends an upload and gives its space back.
    pub async fn abort_upload(&self, upload: u64) -> Result<()> {
        self.call(Kind::Update, "abort_upload", (upload,)).await
    }

    /// Hashes up to 64 MiB more of an object; to be called until there is a verdict.
    pub async fn verify(&self, key: &str) -> Result<VerifyProgress> {
        self.check("verify", || check::key(key))?;
        self.call(Kind::Update, "verify", (key,)).await
    }
}

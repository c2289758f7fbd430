//! Methods of a store for uploads: see [`crate::subjects::uploads`].

use ic_stable_structures::Memory;
use stable_storage_api::{CopySource, Error, Received, Upload, UploadArgs, UploadEnd, UploadStatus, Written};

use super::Store;
use crate::base::caller::Caller;

impl<M: Memory + Clone> Store<M> {
    /// Stores an object of more than one chunk without writing its bytes: its extents keep their previous
    /// contents, which are zero on fresh memory. On sparse memory, the size of such an object costs nothing.
    ///
    /// # Errors
    ///
    /// The same as for [`create_upload`](Self::create_upload).
    #[cfg(any(test, feature = "testing"))]
    pub fn put_sparse(&mut self, key: &str, size: u64) -> Result<Written, Error> {
        self.uploads().put_sparse(key, size)
    }

    /// Opens an upload at the time 0 with all chunks, without writing their bytes, as
    /// [`put_sparse`](Self::put_sparse) does. Returns its identifier.
    ///
    /// # Errors
    ///
    /// The same as for [`create_upload`](Self::create_upload).
    #[cfg(any(test, feature = "testing"))]
    pub fn upload_sparse(&mut self, key: &str, size: u64) -> Result<u64, Error> {
        self.uploads().upload_sparse(key, size)
    }

    /// Opens an upload: checks the condition, and reserves space for the whole object, if its size is given,
    /// and for its entry in the index. `now_ns` is the time in nanoseconds since 1970.
    ///
    /// Frees the space of expired uploads first.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a size of 0, or a key, content type or digest outside its limits;
    /// [`Error::AlreadyExists`] and [`Error::RevisionMismatch`] for a condition that does not hold;
    /// [`Error::LimitExceeded`] for more uploads than configured; and [`Error::OutOfMemory`] for an object
    /// that does not fit beside the reservations of other uploads.
    pub fn create_upload(
        &mut self,
        args: &UploadArgs,
        caller: &Caller,
        now_ns: u64,
    ) -> Result<Upload, Error> {
        self.uploads().create_upload(args, caller, now_ns)
    }

    /// Ends an upload and frees its space and reservations. An expired upload can also be aborted.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Unauthorized`] for another principal's upload, and [`Error::Corrupted`].
    pub fn abort_upload(&mut self, id: u64, caller: &Caller) -> Result<(), Error> {
        self.uploads().abort_upload(id, caller)
    }

    /// Receives a chunk. Chunks can arrive in any order. A chunk that is received again resets the expiry of
    /// the upload, like a new one. If the upload has no size yet, a chunk that is shorter than the others is
    /// the last one.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] and [`Error::Unauthorized`] for the upload; [`Error::OutOfRange`] for an index
    /// after the last chunk; [`Error::InvalidArgument`] for a chunk of the wrong length;
    /// [`Error::ChunkConflict`] if the chunk was received with other bytes, which are kept; and
    /// [`Error::OutOfMemory`] if the platform refuses memory that the capacity allows.
    pub fn write_chunk(
        &mut self,
        id: u64,
        index: u64,
        bytes: &[u8],
        caller: &Caller,
        now_ns: u64,
    ) -> Result<Received, Error> {
        self.uploads().write_chunk(id, index, bytes, caller, now_ns)
    }

    /// Fills missing chunks of an upload that was opened with a size, with bytes of existing objects. The bytes of the sources
    /// follow each other and begin with chunk `first`. Copies the chunks that they cover entirely, at most 64 MiB, and resets
    /// the expiry of the upload.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] and [`Error::Unauthorized`] for the upload, [`Error::NotFound`] and [`Error::RevisionMismatch`] for a
    /// source; [`Error::OutOfRange`] for a range that the source or the upload does not have; [`Error::InvalidArgument`] for an
    /// upload without a size, and for ranges that do not contain a chunk; [`Error::LimitExceeded`] for more than 1,000 sources;
    /// and [`Error::OutOfMemory`] if the platform refuses memory that the capacity allows.
    pub fn copy_chunks(
        &mut self,
        id: u64,
        first: u64,
        sources: &[CopySource],
        caller: &Caller,
        now_ns: u64,
    ) -> Result<Received, Error> {
        self.uploads().copy_chunks(id, first, sources, caller, now_ns)
    }

    /// Makes a complete upload the object under its key, replacing an existing object. No bytes are copied.
    ///
    /// # Errors
    ///
    /// [`Error::Incomplete`] with the first missing chunk; [`Error::InvalidArgument`] if the size is unknown;
    /// [`Error::AlreadyExists`] and [`Error::RevisionMismatch`] if the condition no longer holds;
    /// [`Error::NotFound`] and [`Error::Unauthorized`]; and [`Error::OutOfMemory`] only if the capacity was
    /// lowered since the upload was opened, or the platform refuses memory that the capacity allows. The
    /// upload stays open in these cases.
    pub fn commit_upload(&mut self, id: u64, caller: &Caller, now_ns: u64) -> Result<Written, Error> {
        self.uploads().commit_upload(id, caller, now_ns)
    }

    /// Commits an upload with its end: the size, if it was opened without one, and optionally a digest that
    /// was not declared then.
    ///
    /// # Errors
    ///
    /// The same as for [`commit_upload`](Self::commit_upload), and [`Error::InvalidArgument`] for an end that
    /// contradicts the upload.
    pub fn commit_upload_with(
        &mut self,
        id: u64,
        end: Option<&UploadEnd>,
        caller: &Caller,
        now_ns: u64,
    ) -> Result<Written, Error> {
        self.uploads().commit_upload_with(id, end, caller, now_ns)
    }

    /// Returns the progress of an upload, and its missing chunks.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Unauthorized`] for another principal's upload, and [`Error::Corrupted`].
    pub fn upload_status(&self, id: u64, caller: &Caller, now_ns: u64) -> Result<UploadStatus, Error> {
        self.uploads().upload_status(id, caller, now_ns)
    }

    /// Returns the caller's open uploads, or all open uploads for an admin, in the order of creation. Their
    /// metadata is omitted, so that a thousand of them fit in one reply.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn list_uploads(&self, caller: &Caller, now_ns: u64) -> Result<Vec<UploadStatus>, Error> {
        self.uploads().list_uploads(caller, now_ns)
    }
}

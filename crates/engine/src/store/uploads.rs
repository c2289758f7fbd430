//! The methods of a store that are about uploads: see [`crate::subjects::uploads`].

use ic_stable_structures::Memory;
use stable_storage_api::{Error, Received, Upload, UploadArgs, UploadEnd, UploadStatus, Written};

use super::Store;
use crate::base::caller::Caller;

impl<M: Memory + Clone> Store<M> {
    /// Stores an object of more than a chunk whose bytes are whatever its extents held: on fresh memory, zeroes. The
    /// object is an ordinary one otherwise, and on sparse memory its size costs nothing.
    ///
    /// # Errors
    ///
    /// As [`create_upload`](Self::create_upload).
    #[cfg(any(test, feature = "testing"))]
    pub fn put_sparse(&mut self, key: &str, size: u64) -> Result<Written, Error> {
        self.uploads().put_sparse(key, size)
    }

    /// Opens an upload: checks the condition, and makes sure that the whole object, where its size is given, and its entry in
    /// the index will find room. `now_ns` is the time in nanoseconds since 1970.
    ///
    /// Uploads that have expired give back their space first.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a size of 0, a key, a content type or a digest outside of its limits;
    /// [`Error::AlreadyExists`] and [`Error::RevisionMismatch`] for a condition that does not hold;
    /// [`Error::LimitExceeded`] for more uploads than are configured; and [`Error::OutOfMemory`] for an object that cannot find
    /// room besides what other uploads have been promised.
    pub fn create_upload(
        &mut self,
        args: &UploadArgs,
        caller: &Caller,
        now_ns: u64,
    ) -> Result<Upload, Error> {
        self.uploads().create_upload(args, caller, now_ns)
    }

    /// Ends an upload and gives back its space and what it has been promised. An upload that has expired can be aborted,
    /// too.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Unauthorized`] for an upload of somebody else, and [`Error::Corrupted`].
    pub fn abort_upload(&mut self, id: u64, caller: &Caller) -> Result<(), Error> {
        self.uploads().abort_upload(id, caller)
    }

    /// Receives a chunk. Chunks may come in any order; the same chunk may come again, and
    /// keeps the upload from expiring as a new one does. Where the upload has no size yet, a chunk that is shorter than the
    /// others is the last one.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] and [`Error::Unauthorized`] for the upload; [`Error::OutOfRange`] for an index behind the last
    /// chunk; [`Error::InvalidArgument`] for a chunk of the wrong length; [`Error::AlreadyExists`] where the chunk has
    /// been received with other bytes, which stay; and [`Error::OutOfMemory`] where the platform does not give what the
    /// capacity allows.
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

    /// Makes an upload that has all of its chunks the object under its key, in place of what is there. No bytes are
    /// moved.
    ///
    /// # Errors
    ///
    /// [`Error::Incomplete`] with the first chunk that is missing; [`Error::InvalidArgument`] where nothing has told the size;
    /// [`Error::AlreadyExists`] and [`Error::RevisionMismatch`] where the condition has ceased to hold; [`Error::NotFound`] and
    /// [`Error::Unauthorized`]; and [`Error::OutOfMemory`] only where the capacity was lowered since the upload was opened,
    /// or the platform does not give what the capacity allows. The upload stays open then.
    pub fn commit_upload(&mut self, id: u64, caller: &Caller, now_ns: u64) -> Result<Written, Error> {
        self.uploads().commit_upload(id, caller, now_ns)
    }

    /// The same with the end of the upload: the size of one that was opened without it, and perhaps a digest that was not
    /// declared then.
    ///
    /// # Errors
    ///
    /// As [`commit_upload`](Self::commit_upload), and [`Error::InvalidArgument`] for an end that contradicts what is known.
    pub fn commit_upload_with(
        &mut self,
        id: u64,
        end: Option<&UploadEnd>,
        caller: &Caller,
        now_ns: u64,
    ) -> Result<Written, Error> {
        self.uploads().commit_upload_with(id, end, caller, now_ns)
    }

    /// How far an upload is, and which chunks it lacks.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Unauthorized`] for an upload of somebody else, and [`Error::Corrupted`].
    pub fn upload_status(&self, id: u64, caller: &Caller, now_ns: u64) -> Result<UploadStatus, Error> {
        self.uploads().upload_status(id, caller, now_ns)
    }

    /// The uploads of the caller that are open, or all of them for an admin, in the order in which they were opened. Their
    /// metadata is left out, so that a thousand of them fit one reply.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn list_uploads(&self, caller: &Caller, now_ns: u64) -> Result<Vec<UploadStatus>, Error> {
        self.uploads().list_uploads(caller, now_ns)
    }
}

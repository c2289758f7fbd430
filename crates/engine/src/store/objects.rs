//! Methods of a store for objects: see [`crate::subjects::objects`].

use ic_stable_structures::Memory;
use stable_storage_api::{
    Condition, CopyArgs, DeleteArgs, DeletePrefixArgs, Deleted, Entry, Error, ListArgs, ListPage, Object,
    ObjectInfo, ReadArgs, RenameArgs, ScanPage, VerifyProgress, Written,
};

use super::Store;
use crate::base::caller::Caller;
use crate::subjects::objects::{ObjectView, PageEnd, Put, ValueView};

impl<M: Memory + Clone> Store<M> {
    /// Stores a value under a key, replacing an existing object. `now_ns` is the time in nanoseconds since
    /// 1970.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::TooLarge`] for a key, value or metadata outside its limits,
    /// [`Error::AlreadyExists`] and [`Error::RevisionMismatch`] for a condition that does not hold, and
    /// [`Error::OutOfMemory`]. Nothing has changed in these cases.
    pub fn put(&mut self, put: Put<'_>, now_ns: u64) -> Result<Written, Error> {
        self.objects().put(put, now_ns)
    }

    /// Stores up to 1,000 values under different keys: all of them or none. Keys in ascending order cost the
    /// least.
    ///
    /// # Errors
    ///
    /// The same as for [`put`](Self::put), for the first value that cannot be stored;
    /// [`Error::LimitExceeded`] for more than 1,000 values; and [`Error::InvalidArgument`] for a key that
    /// occurs twice.
    pub fn put_many<'p>(
        &mut self,
        puts: impl IntoIterator<Item = Put<'p>, IntoIter: ExactSizeIterator>,
        now_ns: u64,
    ) -> Result<Vec<Written>, Error> {
        self.objects().put_many(puts, now_ns)
    }

    /// Returns a page of the objects under a prefix. With a delimiter, returns only those directly under it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a limit of 0 or an empty delimiter, and [`Error::Corrupted`].
    pub fn list(&self, args: &ListArgs) -> Result<ListPage, Error> {
        self.objects().list(args)
    }

    /// Passes the objects of a page to `take`, one by one, borrowed from the index. Stops and returns `None`
    /// if `take` returns false.
    ///
    /// # Errors
    ///
    /// The same as for [`list`](Self::list), and any error that `take` returns.
    pub fn list_with(
        &self,
        args: &ListArgs,
        take: impl FnMut(&ObjectView<'_>) -> Result<bool, Error>,
    ) -> Result<Option<PageEnd>, Error> {
        self.objects().list_with(args, take)
    }

    /// Returns a page of the objects under a prefix with their values. The page ends before a value that does
    /// not fit.
    ///
    /// # Errors
    ///
    /// The same as for [`list`](Self::list), and [`Error::TooLarge`] if the first value does not fit in one
    /// reply.
    pub fn scan(&self, args: &ListArgs) -> Result<ScanPage, Error> {
        self.objects().scan(args)
    }

    /// Passes the objects of a page to `take`, one by one, with the bytes of the key. Returns the
    /// `start_after` of the next page.
    ///
    /// # Errors
    ///
    /// The same as for [`scan`](Self::scan), and any error that `take` returns.
    pub fn scan_with(
        &self,
        args: &ListArgs,
        take: impl FnMut(&[u8], &ValueView<'_, M>) -> Result<(), Error>,
    ) -> Result<Option<String>, Error> {
        self.objects().scan_with(args, take)
    }

    /// Removes an object, and returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a key that is not valid, and [`Error::Corrupted`].
    pub fn delete(&mut self, key: &str) -> Result<bool, Error> {
        self.objects().delete(key)
    }

    /// Removes an object if the condition holds, and returns whether there was one.
    ///
    /// # Errors
    ///
    /// The same as for [`delete`](Self::delete); [`Error::AlreadyExists`] and [`Error::RevisionMismatch`] for
    /// a condition that does not hold.
    pub fn delete_when(&mut self, key: &str, condition: Condition) -> Result<bool, Error> {
        self.objects().delete_when(key, &condition)
    }

    /// Removes up to 1,000 objects under different keys: all of them or none. Returns for each key whether
    /// there was an object.
    ///
    /// # Errors
    ///
    /// The same as for [`delete_when`](Self::delete_when), for the first object that cannot be removed;
    /// [`Error::LimitExceeded`] for more than 1,000 keys; and [`Error::InvalidArgument`] for a key that
    /// occurs twice.
    pub fn delete_many(&mut self, deletes: &[DeleteArgs]) -> Result<Vec<bool>, Error> {
        self.objects().delete_many(deletes)
    }

    /// Removes the first objects under a prefix, up to a limit of at most 1,000.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a limit of 0, and [`Error::Corrupted`].
    pub fn delete_prefix(&mut self, args: &DeletePrefixArgs) -> Result<Deleted, Error> {
        self.objects().delete_prefix(args)
    }

    /// Removes the first object under a prefix and returns it.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] for an object that does not fit in one reply, which is kept; and
    /// [`Error::Corrupted`].
    pub fn take_first(&mut self, prefix: &str) -> Result<Option<Entry>, Error> {
        self.objects().take_first(prefix)
    }

    /// Returns the whole value under a key.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::InvalidArgument`] for a key that is not valid, [`Error::TooLarge`] for
    /// an object that does not fit in one reply, and [`Error::Corrupted`].
    pub fn get(&self, key: &str) -> Result<Vec<u8>, Error> {
        self.objects().get(key)
    }

    /// Returns a range of an object: the requested bytes, limited to the end of the object and to one reply.
    ///
    /// # Errors
    ///
    /// The same as for [`get`](Self::get), except for the size; [`Error::OutOfRange`] for an offset after the
    /// end, and [`Error::RevisionMismatch`] if the object does not have the requested revision.
    pub fn read(&self, args: &ReadArgs) -> Result<Vec<u8>, Error> {
        self.objects().read(args)
    }

    /// Reads a range of an object into the start of a buffer, without another copy. Returns the number of
    /// bytes: those requested, limited to the end of the object, to the buffer and to one reply.
    ///
    /// # Errors
    ///
    /// The same as for [`read`](Self::read).
    pub fn read_into(&self, args: &ReadArgs, buffer: &mut [u8]) -> Result<usize, Error> {
        self.objects().read_into(args, buffer)
    }

    /// Reads the whole value under a key into the start of a buffer, without another copy. Returns the number
    /// of bytes. An empty value fits an empty buffer.
    ///
    /// # Errors
    ///
    /// The same as for [`get`](Self::get), and [`Error::TooLarge`] for a value that is longer than the
    /// buffer.
    pub fn get_into(&self, key: &str, buffer: &mut [u8]) -> Result<usize, Error> {
        self.objects().get_into(key, buffer)
    }

    /// Returns the whole value under a key with its metadata, both of the same moment.
    ///
    /// # Errors
    ///
    /// The same as for [`get`](Self::get).
    pub fn get_with_info(&self, key: &str) -> Result<Object, Error> {
        self.objects().get_with_info(key)
    }

    /// Returns the values under up to 1,000 keys, in their order; `None` for a key without an object.
    ///
    /// # Errors
    ///
    /// The same as for [`get`](Self::get); [`Error::LimitExceeded`] for more than 1,000 keys, and
    /// [`Error::TooLarge`] if the values do not fit in one reply.
    pub fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        self.objects().get_many(keys)
    }

    /// Passes the values under up to 1,000 keys to `take`, one by one, in the order of the keys.
    ///
    /// # Errors
    ///
    /// The same as for [`get_many`](Self::get_many), and any error that `take` returns.
    pub fn get_many_with<'k>(
        &self,
        keys: impl ExactSizeIterator<Item = &'k str>,
        take: impl FnMut(Option<&ValueView<'_, M>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.objects().get_many_with(keys, take)
    }

    /// Returns the metadata of an object without reading its value.
    ///
    /// # Errors
    ///
    /// The same as for [`get`](Self::get).
    pub fn stat(&self, key: &str) -> Result<ObjectInfo, Error> {
        self.objects().stat(key)
    }

    /// Copies an object of at most 64 MiB to another key, and replaces the object under that key if the condition on it holds.
    /// The copy has the digest of its source, and other metadata if `args` has it. With the same key twice, an object of any
    /// size gets other metadata. `now_ns` is the time in nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no object under `from`; [`Error::TooLarge`] for an object that needs
    /// [`copy_chunks`](Self::copy_chunks); [`Error::RevisionMismatch`] also if the source has another revision or SHA-256 than
    /// expected; otherwise the same as for [`put`](Self::put).
    pub fn copy(&mut self, args: &CopyArgs, caller: &Caller, now_ns: u64) -> Result<Written, Error> {
        self.objects().copy(args, caller, now_ns)
    }

    /// Moves an object to another key without copying its bytes. Replaces the object under that key, if the
    /// condition on it holds. The object keeps its creation time and gets the next revision. `now_ns` is the
    /// time in nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no object under `from`; otherwise the same as for [`put`](Self::put).
    pub fn rename(&mut self, args: &RenameArgs, now_ns: u64) -> Result<Written, Error> {
        self.objects().rename(args, now_ns)
    }

    /// Moves an object to another key, both given as borrowed text.
    ///
    /// # Errors
    ///
    /// The same as for [`rename`](Self::rename).
    pub fn rename_when(
        &mut self,
        from: &str,
        to: &str,
        condition: Condition,
        now_ns: u64,
    ) -> Result<Written, Error> {
        self.objects().rename_when(from, to, &condition, now_ns)
    }

    /// Hashes up to 64 MiB more of an object. At the end, compares the digest with the declared one, or
    /// records it if none was declared. The result is kept; the object remains readable in either case. A
    /// call after the result starts again.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::InvalidArgument`] for a key that is not valid, [`Error::OutOfMemory`]
    /// and [`Error::Corrupted`].
    pub fn verify(&mut self, key: &str) -> Result<VerifyProgress, Error> {
        self.objects().verify(key)
    }

    /// Hashes up to `step_bytes` more of an object, a multiple of 65,536: for tests, whose objects are small.
    ///
    /// # Errors
    ///
    /// The same as for [`verify`](Self::verify).
    #[cfg(any(test, feature = "testing"))]
    pub fn verify_in_steps(&mut self, key: &str, step_bytes: u64) -> Result<VerifyProgress, Error> {
        self.objects().verify_in_steps(key, step_bytes)
    }
}

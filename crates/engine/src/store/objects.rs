//! The methods of a store that are about objects: see [`crate::subjects::objects`].

use ic_stable_structures::Memory;
use stable_storage_api::{
    Condition, DeleteArgs, DeletePrefixArgs, Deleted, Entry, Error, ListArgs, ListPage, Object, ObjectInfo,
    ReadArgs, RenameArgs, ScanPage, VerifyProgress, Written,
};

use super::Store;
use crate::subjects::objects::{ObjectView, PageEnd, Put, ValueView};

impl<M: Memory + Clone> Store<M> {
    /// Stores a value under a key, whether there is one already or not. `now_ns` is the time in nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] and [`Error::TooLarge`] for a key, value or metadata outside of its limits,
    /// [`Error::AlreadyExists`] and [`Error::RevisionMismatch`] for a condition that does not hold, and
    /// [`Error::OutOfMemory`]. Nothing has changed then.
    pub fn put(&mut self, put: Put<'_>, now_ns: u64) -> Result<Written, Error> {
        self.objects().put(put, now_ns)
    }

    /// Stores up to 1,000 values under different keys, all of them or none. Keys in ascending order cost the least.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put) for the first value that cannot be stored, [`Error::LimitExceeded`] for more than 1,000
    /// values, and [`Error::InvalidArgument`] for a key that occurs twice.
    pub fn put_many<'p>(
        &mut self,
        puts: impl IntoIterator<Item = Put<'p>, IntoIter: ExactSizeIterator>,
        now_ns: u64,
    ) -> Result<Vec<Written>, Error> {
        self.objects().put_many(puts, now_ns)
    }

    /// A page of the objects under a prefix; with a delimiter, of what is directly under it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a limit of 0 or an empty delimiter, and [`Error::Corrupted`].
    pub fn list(&self, args: &ListArgs) -> Result<ListPage, Error> {
        self.objects().list(args)
    }

    /// The same, object by object as they lie in the index. Ends early, with `None`, where `take` returns false.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list), and what `take` returns.
    pub fn list_with(
        &self,
        args: &ListArgs,
        take: impl FnMut(&ObjectView<'_>) -> Result<bool, Error>,
    ) -> Result<Option<PageEnd>, Error> {
        self.objects().list_with(args, take)
    }

    /// A page of the objects under a prefix with their values. It ends before a value that does not fit.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list), and [`Error::TooLarge`] where the first value does not fit one reply.
    pub fn scan(&self, args: &ListArgs) -> Result<ScanPage, Error> {
        self.objects().scan(args)
    }

    /// The same, object by object with the bytes of its key. Returns the `start_after` of the next page.
    ///
    /// # Errors
    ///
    /// As [`scan`](Self::scan), and what `take` returns.
    pub fn scan_with(
        &self,
        args: &ListArgs,
        take: impl FnMut(&[u8], &ValueView<'_, M>) -> Result<(), Error>,
    ) -> Result<Option<String>, Error> {
        self.objects().scan_with(args, take)
    }

    /// Removes an object, and tells whether there was one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a key that cannot exist, and [`Error::Corrupted`].
    pub fn delete(&mut self, key: &str) -> Result<bool, Error> {
        self.objects().delete(key)
    }

    /// Removes an object if the condition holds of what is there, and tells whether there was one.
    ///
    /// # Errors
    ///
    /// As [`delete`](Self::delete); [`Error::AlreadyExists`] and [`Error::RevisionMismatch`] for a condition that does not
    /// hold.
    pub fn delete_when(&mut self, key: &str, condition: Condition) -> Result<bool, Error> {
        self.objects().delete_when(key, condition)
    }

    /// Removes up to 1,000 objects under different keys, all of them or none, and tells which there were.
    ///
    /// # Errors
    ///
    /// As [`delete_when`](Self::delete_when) for the first that cannot be removed, [`Error::LimitExceeded`] for more than
    /// 1,000, and [`Error::InvalidArgument`] for a key that occurs twice.
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
    /// [`Error::TooLarge`] for an object that does not fit one reply, which stays; and [`Error::Corrupted`].
    pub fn take_first(&mut self, prefix: &str) -> Result<Option<Entry>, Error> {
        self.objects().take_first(prefix)
    }

    /// The whole value under a key.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::InvalidArgument`] for a key that cannot exist, [`Error::TooLarge`] for an object that
    /// does not fit one reply, and [`Error::Corrupted`].
    pub fn get(&self, key: &str) -> Result<Vec<u8>, Error> {
        self.objects().get(key)
    }

    /// A range of an object: as many bytes from an offset on as are asked for, are there, and fit one reply.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), but for the size; [`Error::OutOfRange`] for an offset behind the end, and
    /// [`Error::RevisionMismatch`] where the object does not have the revision that was asked for.
    pub fn read(&self, args: &ReadArgs) -> Result<Vec<u8>, Error> {
        self.objects().read(args)
    }

    /// Reads a range of an object to the front of a buffer, without another copy, and tells how many bytes it is: as many
    /// as are asked for, are there, and fit the buffer and one reply.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_into(&self, args: &ReadArgs, buffer: &mut [u8]) -> Result<usize, Error> {
        self.objects().read_into(args, buffer)
    }

    /// Reads the whole value under a key to the front of a buffer, without another copy, and tells how many bytes it
    /// has. An empty buffer takes an empty value.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`Error::TooLarge`] for a value that is longer than the buffer.
    pub fn get_into(&self, key: &str, buffer: &mut [u8]) -> Result<usize, Error> {
        self.objects().get_into(key, buffer)
    }

    /// The whole value under a key with what is known of the object, both of one moment.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_with_info(&self, key: &str) -> Result<Object, Error> {
        self.objects().get_with_info(key)
    }

    /// The values under up to 1,000 keys in their order, nothing for a key without an object.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`Error::LimitExceeded`] for more than 1,000 keys, and [`Error::TooLarge`] where the values
    /// do not fit one reply.
    pub fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        self.objects().get_many(keys)
    }

    /// The same, value by value.
    ///
    /// # Errors
    ///
    /// As [`get_many`](Self::get_many), and what `take` returns.
    pub fn get_many_with<'k>(
        &self,
        keys: impl ExactSizeIterator<Item = &'k str>,
        take: impl FnMut(Option<&ValueView<'_, M>>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.objects().get_many_with(keys, take)
    }

    /// What is known of an object without reading it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn stat(&self, key: &str) -> Result<ObjectInfo, Error> {
        self.objects().stat(key)
    }

    /// Moves an object to another key without touching its bytes. The object that is there already is replaced, if the
    /// condition on it holds. The object keeps its creation time and gets the next revision. `now_ns` is the time in
    /// nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] where there is nothing under `from`, and otherwise as [`put`](Self::put).
    pub fn rename(&mut self, args: &RenameArgs, now_ns: u64) -> Result<Written, Error> {
        self.objects().rename(args, now_ns)
    }

    /// The same with borrowed keys.
    ///
    /// # Errors
    ///
    /// As [`rename`](Self::rename).
    pub fn rename_when(
        &mut self,
        from: &str,
        to: &str,
        condition: Condition,
        now_ns: u64,
    ) -> Result<Written, Error> {
        self.objects().rename_when(from, to, condition, now_ns)
    }

    /// Hashes up to 64 MiB more of an object, and at the end compares the digest with the one that was declared, or
    /// records it where none was. The verdict is kept; the object stays readable whatever it is. Called again after the
    /// verdict, it starts anew.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::InvalidArgument`] for a key that cannot exist, [`Error::OutOfMemory`] and
    /// [`Error::Corrupted`].
    pub fn verify(&mut self, key: &str) -> Result<VerifyProgress, Error> {
        self.objects().verify(key)
    }

    /// The same for so many bytes, a multiple of 65,536: for tests, whose objects are small.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    #[cfg(any(test, feature = "testing"))]
    pub fn verify_in_steps(&mut self, key: &str, step_bytes: u64) -> Result<VerifyProgress, Error> {
        self.objects().verify_in_steps(key, step_bytes)
    }
}

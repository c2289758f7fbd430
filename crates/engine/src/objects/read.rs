//! Reading single objects.

use ic_stable_structures::Memory;
use storage_api::limits::{MAX_BATCH_ITEMS, MAX_REPLY_BYTES};
use storage_api::{Error, ObjectInfo};

use super::entry::{Body, Entry};
use super::key::Key;
use crate::store::Store;

impl<M: Memory + Clone> Store<M> {
    /// The whole value under a key.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::InvalidArgument`] for a key that cannot exist, and [`Error::Corrupted`].
    pub fn get(&self, key: &str) -> Result<Vec<u8>, Error> {
        let raw = self.index.get(&Key::new(key)?).ok_or(Error::NotFound)?;
        self.value(&raw.decode()?)
    }

    /// Reads the whole value under a key to the front of a buffer, without another copy, and tells how many bytes it
    /// has. An empty buffer takes an empty value.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`Error::TooLarge`] for a value that is longer than the buffer.
    pub fn get_into(&self, key: &str, buffer: &mut [u8]) -> Result<usize, Error> {
        let raw = self.index.get(&Key::new(key)?).ok_or(Error::NotFound)?;
        let entry = raw.decode()?;
        let limit = buffer.len() as u64;
        let size = usize::try_from(entry.size).ok().filter(|size| *size <= buffer.len());
        let size = size.ok_or(Error::TooLarge { size: entry.size, limit })?;
        self.read_value(&entry, &mut buffer[..size])?;
        Ok(size)
    }

    /// The values under up to 1,000 keys in their order, nothing for a key without an object.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`Error::LimitExceeded`] for more than 1,000 keys, and [`Error::TooLarge`] where the values
    /// do not fit one reply.
    pub fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        if keys.len() as u64 > MAX_BATCH_ITEMS {
            return Err(Error::LimitExceeded { what: "keys in one get_many".into(), limit: MAX_BATCH_ITEMS });
        }
        let raw = keys
            .iter()
            .map(|key| Ok(self.index.get(&Key::new(key.as_ref())?)))
            .collect::<Result<Vec<_>, Error>>()?;
        let entries = raw
            .iter()
            .map(|raw| raw.as_ref().map(|raw| raw.decode()).transpose())
            .collect::<Result<Vec<_>, Error>>()?;
        let size = entries.iter().flatten().map(|entry| entry.size).sum();
        if size > MAX_REPLY_BYTES {
            return Err(Error::TooLarge { size, limit: MAX_REPLY_BYTES });
        }
        entries.iter().map(|entry| entry.as_ref().map(|entry| self.value(entry)).transpose()).collect()
    }

    /// What is known of an object without reading it.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn stat(&self, key: &str) -> Result<ObjectInfo, Error> {
        let raw = self.index.get(&Key::new(key)?).ok_or(Error::NotFound)?;
        Ok(raw.decode()?.info(key.to_owned()))
    }

    /// The bytes of an object.
    pub(super) fn value(&self, entry: &Entry<'_>) -> Result<Vec<u8>, Error> {
        let mut value = vec![0; entry.size as usize];
        self.read_value(entry, &mut value)?;
        Ok(value)
    }

    /// Reads the bytes of an object into a place that has as many.
    fn read_value(&self, entry: &Entry<'_>, place: &mut [u8]) -> Result<(), Error> {
        match entry.body {
            Body::Inline(value) => place.copy_from_slice(value),
            Body::Extent(extent) => self.arena.read(extent, 0, place)?,
        }
        Ok(())
    }
}

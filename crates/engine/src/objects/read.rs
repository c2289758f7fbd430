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
        match entry.body {
            Body::Inline(value) => Ok(value.to_vec()),
            Body::Extent(extent) => {
                let mut value = vec![0; entry.size as usize];
                self.arena.read(extent, 0, &mut value)?;
                Ok(value)
            }
        }
    }
}

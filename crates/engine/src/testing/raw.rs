//! Records with arbitrary bytes, for fuzzing the decoders.

use ic_stable_structures::{Memory, Storable};
use stable_storage_api::Error;

use crate::base::layout::MemoryId;
use crate::base::open::OpenError;
use crate::core::open_map;
use crate::memory::space::{Space, StoreMemory};
use crate::structures::btree::Map;

/// A map in one of the memories of a store, with keys and values as raw bytes, unchecked.
///
/// An open [`Store`](crate::Store) does not see the changes.
pub struct RawMap<K, M: Memory>(Map<K, Vec<u8>, StoreMemory<M>>);

impl<K: Storable, M: Memory + Clone> RawMap<K, M> {
    /// Opens the map in the memory with this number.
    ///
    /// # Errors
    ///
    /// The same as for [`Store::open`](crate::Store::open).
    pub fn open(memory: M, number: u8) -> Result<Self, OpenError> {
        Ok(Self(open_map(&Space::load(memory)?, MemoryId::new(number), "map")?))
    }

    /// Returns all values, in the order of their keys.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn values(&self) -> Result<Vec<Vec<u8>>, Error> {
        let all = self.0.from(std::ops::Bound::Unbounded, |_| true);
        all.map(|entry| entry.map(|(_, value)| value)).collect()
    }

    /// Puts a value under a key of at most 1,024 bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn insert(&self, key: &K, value: Vec<u8>) -> Result<(), Error> {
        let mut change = self.0.begin();
        change.insert(key, &value)?;
        change.commit();
        Ok(())
    }
}

//! The public map: an ordered map in any memory.

use std::ops::{Bound, RangeBounds};

use ic_stable_structures::{Memory, Storable};
use stable_storage_api::Error;

use super::{Direction, Iter, Map, Options, pair};
use crate::base::layout::PAGE_BYTES;
use crate::base::open::OpenError;
use crate::structures::btree::page::MAX_KEY;

/// Use of memory and heap by a [`BPlusTreeMap`]. It can differ each time the map is opened.
#[derive(Clone, Copy, Debug)]
pub struct MapOptions {
    /// The memory grows by multiples of this many pages of 64 KiB, at least 1. A `VirtualMemory` of a
    /// `MemoryManager` grows by whole buckets anyway, and each growth costs about 11,000 instructions.
    pub growth_pages: u64,
    /// Number of inner pages of 4,096 bytes that are cached on the heap, at least 4. About 500 are enough for
    /// a million small entries.
    pub cached_pages: usize,
}

impl Default for MapOptions {
    /// Grows by 16 pages (1 MiB), and caches 512 inner pages (2 MiB).
    fn default() -> Self {
        Self { growth_pages: 16, cached_pages: 512 }
    }
}

/// Ordered map in a separate memory: a B+ tree on pages of 4,096 bytes.
///
/// Keys have at most [`MAX_MAP_KEY_BYTES`](super::MAX_MAP_KEY_BYTES) bytes in stored form, and these bytes
/// must sort like the keys, as with `StableBTreeMap`. Values have any length. The map is written through;
/// opening it after an upgrade reads 40 bytes.
///
/// ```
/// use storage_engine::{BPlusTreeMap, VectorMemory};
///
/// let memory = VectorMemory::default();
/// let mut ages = BPlusTreeMap::open(memory.clone())?;
/// ages.insert("ada".to_string(), 36u32);
/// ages.insert("grace".to_string(), 85);
/// drop(ages);
///
/// // A new heap over the same memory: this is what an upgrade does.
/// let mut ages = BPlusTreeMap::<String, u32, _>::open(memory)?;
/// assert_eq!(ages.get(&"ada".to_string()), Some(36));
/// assert_eq!(ages.pop_last(), Some(("grace".to_string(), 85)));
/// assert_eq!(ages.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The methods without `try_` panic if the memory is corrupt or cannot grow; in a canister, that traps and
/// undoes the message. Those with `try_` return an error and change nothing.
pub struct BPlusTreeMap<K, V, M: Memory>(Map<K, V, M>);

/// Panic message of the methods without `try_`.
const FAILED: &str = "the operation on the map failed";

impl<K: Storable, V: Storable, M: Memory> BPlusTreeMap<K, V, M> {
    /// Opens the map in a memory. An empty memory is an empty map.
    ///
    /// # Errors
    ///
    /// [`OpenError::Damaged`] for a memory with any other contents. Nothing is written.
    pub fn open(memory: M) -> Result<Self, OpenError> {
        Self::open_with(memory, MapOptions::default())
    }

    /// Opens the map in a memory with options.
    ///
    /// # Errors
    ///
    /// The same as for [`open`](Self::open).
    pub fn open_with(memory: M, options: MapOptions) -> Result<Self, OpenError> {
        let MapOptions { growth_pages, cached_pages } = options;
        let options = Options { name: "map", growth_pages: growth_pages.max(1), cached_pages };
        Map::open(memory, None, options).map(Self)
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Returns whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the value under a key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<V> {
        self.try_get(key).expect(FAILED)
    }

    /// Returns the value under a key.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] for a corrupt page.
    pub fn try_get(&self, key: &K) -> Result<Option<V>, Error> {
        self.0.get(key)
    }

    /// Returns whether there is a value under a key.
    #[must_use]
    pub fn contains_key(&self, key: &K) -> bool {
        self.0.tree.get_with(&key.to_bytes(), |_| ()).expect(FAILED).is_some()
    }

    /// Stores a value under a key, and returns the previous value.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.try_insert(key, value).expect(FAILED)
    }

    /// Stores a value under a key, and returns the previous value.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a key of more than 1,024 bytes, [`Error::OutOfMemory`] if the memory
    /// cannot grow, and [`Error::Corrupted`] for a corrupt page. Nothing has changed in these cases.
    pub fn try_insert(&mut self, key: K, value: V) -> Result<Option<V>, Error> {
        let bytes = key.to_bytes().len();
        if bytes > MAX_KEY {
            return Err(Error::invalid(format!("the key has {bytes} bytes; the limit is {MAX_KEY}")));
        }
        let mut change = self.0.begin();
        let old = change.get(&key)?;
        change.insert(&key, &value)?;
        let growth = change.growth();
        if growth.pages > 0 && growth.memory.grow(growth.pages) < 0 {
            return Err(Error::OutOfMemory { requested: growth.pages * PAGE_BYTES, available: 0 });
        }
        change.commit();
        Ok(old)
    }

    /// Removes the value under a key, and returns it.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.try_remove(key).expect(FAILED)
    }

    /// Removes the value under a key, and returns it. A removal never needs more memory.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] for a corrupt page. Nothing has changed in that case.
    pub fn try_remove(&mut self, key: &K) -> Result<Option<V>, Error> {
        let mut change = self.0.begin();
        let old = change.get(key)?;
        if old.is_some() {
            change.remove(key)?;
            change.commit();
        }
        Ok(old)
    }

    /// Returns the entry with the least key.
    #[must_use]
    pub fn first_key_value(&self) -> Option<(K, V)> {
        self.try_end(Direction::Forward).expect(FAILED)
    }

    /// Returns the entry with the greatest key.
    #[must_use]
    pub fn last_key_value(&self) -> Option<(K, V)> {
        self.try_end(Direction::Backward).expect(FAILED)
    }

    /// Removes the entry with the least key, and returns it.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        self.try_pop_first().expect(FAILED)
    }

    /// Removes the entry with the greatest key, and returns it.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        self.try_pop_last().expect(FAILED)
    }

    /// Removes the entry with the least key, and returns it.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] for a corrupt page. Nothing has changed in that case.
    pub fn try_pop_first(&mut self) -> Result<Option<(K, V)>, Error> {
        self.try_pop(Direction::Forward)
    }

    /// Removes the entry with the greatest key, and returns it.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`] for a corrupt page. Nothing has changed in that case.
    pub fn try_pop_last(&mut self) -> Result<Option<(K, V)>, Error> {
        self.try_pop(Direction::Backward)
    }

    fn try_end(&self, direction: Direction) -> Result<Option<(K, V)>, Error> {
        let mut cursor = self.0.cursor(Bound::Unbounded, direction)?;
        if cursor.advance()? { pair(&mut cursor).map(Some) } else { Ok(None) }
    }

    fn try_pop(&mut self, direction: Direction) -> Result<Option<(K, V)>, Error> {
        let Some((key, value)) = self.try_end(direction)? else { return Ok(None) };
        let mut change = self.0.begin();
        change.remove(&key)?;
        change.commit();
        Ok(Some((key, value)))
    }

    /// Returns all entries in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V, M> {
        self.range(..)
    }

    /// Returns the entries whose keys are in a range, in key order. The iterator is double-ended.
    ///
    /// ```
    /// use storage_engine::{BPlusTreeMap, VectorMemory};
    ///
    /// let mut squares = BPlusTreeMap::open(VectorMemory::default())?;
    /// (0..100u64).for_each(|number| drop(squares.insert(number, number * number)));
    /// let last: Vec<_> = squares.range(..=10).rev().take(2).collect::<Result<_, _>>()?;
    /// assert_eq!(last, [(10, 100), (9, 81)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn range(&self, range: impl RangeBounds<K>) -> Iter<'_, K, V, M> {
        let bytes = |bound: Bound<&K>| bound.map(|key| key.to_bytes().into_owned());
        Iter::new(&self.0, bytes(range.start_bound()), bytes(range.end_bound()))
    }

    /// Checks every page, and returns the problems of the map. Time and heap grow with the map: for tests and
    /// tools.
    #[must_use]
    pub fn check(&self) -> Vec<crate::Problem> {
        let mut problems = Vec::new();
        self.0.check(&mut problems);
        problems
    }
}

//! The one index of all objects: a B-tree from key to entry in its own memory.
//!
//! The memory is formatted by the first insert, so that a store without objects does not take a bucket for them.

use std::ops::Bound;

use ic_stable_structures::{Memory, StableBTreeMap};
use storage_api::limits::MAX_KEY_BYTES;

use super::entry::{MAX_METADATA_BYTES, RawEntry};
use super::key::Key;
use super::limits::MAX_INLINE_LIMIT;
use crate::layout::PAGE_BYTES;
use crate::open::OpenError;

/// What StableBTreeMap starts with: its magic and the version that allows values of any size.
const MAP_MAGIC: [u8; 4] = *b"BTR\x02";

// The shape of the B-tree, as ic-stable-structures 0.7 builds it.
const CHUNK_BYTES: u64 = 1_024;
const NODE_ENTRIES: u64 = 11;
const MIN_FANOUT: u64 = 6;
const MAX_NODE_BYTES: u64 = (NODE_ENTRIES + 1) * (MAX_KEY_BYTES + MAX_METADATA_BYTES + MAX_INLINE_LIMIT + 16);

/// The index. Generic over the memory that holds nothing but it.
pub(crate) struct Index<M: Memory> {
    memory: M,
    map: Option<StableBTreeMap<Key, RawEntry, M>>,
}

impl<M: Memory + Clone> Index<M> {
    pub(crate) fn open(memory: M) -> Result<Self, OpenError> {
        if memory.size() == 0 {
            return Ok(Self { memory, map: None });
        }
        let mut magic = [0; MAP_MAGIC.len()];
        memory.read(0, &mut magic);
        if magic != MAP_MAGIC {
            return Err(OpenError::damaged("the memory of the object index holds no index", 0));
        }
        let map = Some(StableBTreeMap::load(memory.clone()));
        Ok(Self { memory, map })
    }

    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    pub(crate) fn len(&self) -> u64 {
        self.map.as_ref().map_or(0, StableBTreeMap::len)
    }

    pub(crate) fn get(&self, key: &Key) -> Option<RawEntry> {
        self.map.as_ref().and_then(|map| map.get(key))
    }

    pub(crate) fn insert(&mut self, key: Key, entry: RawEntry) {
        let memory = &self.memory;
        self.map.get_or_insert_with(|| StableBTreeMap::new(memory.clone())).insert(key, entry);
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        if let Some(map) = &mut self.map {
            map.remove(key);
        }
    }

    /// The entries from a key on, in key order, as long as the keys start with a prefix. The value of the entry behind
    /// the last one is not read.
    pub(crate) fn from<'a>(
        &'a self,
        start: Bound<Key>,
        prefix: &'a str,
    ) -> impl Iterator<Item = (Key, RawEntry)> + 'a {
        let entries = self.map.iter().flat_map(move |map| map.range((start.clone(), Bound::Unbounded)));
        entries.take_while(move |entry| entry.key().starts_with(prefix)).map(|entry| entry.into_pair())
    }

    /// Pages by which inserting so many entries of so many bytes in all could grow the memory, at most, and then still
    /// leave room for a removal. A full store must be able to remove.
    pub(crate) fn pages_to_insert(&self, entries: u64, bytes: u64) -> u64 {
        let own = bytes + entries * 2 * CHUNK_BYTES;
        (own + 2 * self.bytes_to_reshape(entries)).div_ceil(PAGE_BYTES) + 1
    }

    /// Pages by which a removal could grow the memory, at most: merging and rotating nodes can take a chunk before it
    /// gives one back.
    pub(crate) fn pages_to_remove(&self) -> u64 {
        self.bytes_to_reshape(0).div_ceil(PAGE_BYTES)
    }

    /// Bytes that rewriting every node on a path from the root to a leaf could take, two more nodes for a split of the
    /// root included.
    fn bytes_to_reshape(&self, entries_more: u64) -> u64 {
        let height = u64::from((self.len() + entries_more + 1).ilog(MIN_FANOUT)) + 1;
        (height + 2) * (MAX_NODE_BYTES + CHUNK_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::VectorMemory;

    use super::super::entry::{Body, Entry};
    use super::*;
    use crate::arena::Extent;

    fn entry(value: &[u8]) -> RawEntry {
        let body = if value.len() as u64 > MAX_INLINE_LIMIT {
            Body::Extent(Extent::at(4_104))
        } else {
            Body::Inline(value)
        };
        let size = value.len() as u64;
        Entry { size, revision: 1, created_ns: 0, modified_ns: 0, content_type: None, body }.encode()
    }

    /// Keys and values of very different sizes, in an order that splits and merges nodes everywhere.
    #[test]
    fn the_bounds_on_growth_hold_for_every_insert_and_remove() {
        let memory = VectorMemory::default();
        let mut index = Index::open(memory.clone()).unwrap();
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let mut keys = Vec::new();
        for _ in 0..6_000 {
            let before = memory.size();
            if next() % 5 < 3 || keys.is_empty() {
                let length = if next() % 2 == 0 { 1_000 } else { 8 };
                let key = Key::new(&format!("{:0length$}", next() % 5_000)).unwrap();
                let raw = entry(&vec![1; (next() % (MAX_INLINE_LIMIT + 1)) as usize]);
                let bound = index.pages_to_insert(1, key.len() + raw.len());
                index.insert(key.clone(), raw);
                keys.push(key);
                assert!(memory.size() - before <= bound);
            } else {
                let key = keys.swap_remove(next() as usize % keys.len());
                let bound = index.pages_to_remove();
                index.remove(&key);
                assert!(memory.size() - before <= bound);
            }
        }
        assert!(index.len() > 100);
    }

    #[test]
    fn a_batch_of_inserts_stays_within_its_bound() {
        for value_bytes in [0, 100, MAX_INLINE_LIMIT as usize] {
            let memory = VectorMemory::default();
            let mut index = Index::open(memory.clone()).unwrap();
            let raw = entry(&vec![1; value_bytes]);
            let batch: Vec<_> =
                (0..1_000).map(|i| Key::new(&format!("{:04}", i * 7 % 1_000)).unwrap()).collect();
            let bytes = batch.iter().map(|key| key.len() + raw.len()).sum();
            let bound = index.pages_to_insert(1_000, bytes);
            batch.into_iter().for_each(|key| index.insert(key, raw.clone()));
            assert!(memory.size() <= bound, "{} pages, bound {bound}", memory.size());
        }
    }

    #[test]
    fn a_memory_that_holds_something_else_is_refused() {
        let memory = VectorMemory::default();
        memory.grow(1);
        memory.write(0, b"BTR\x63");
        assert!(matches!(Index::open(memory), Err(OpenError::Damaged { .. })));
    }
}

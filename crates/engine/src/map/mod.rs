//! An ordered map in a memory of its own: StableBTreeMap, opened with care, and with bounds on how much it grows.
//!
//! The memory is formatted by the first insert, so that a map without entries does not take a bucket.

mod check;

use std::ops::Bound;

use ic_stable_structures::{Memory, StableBTreeMap, Storable};

use crate::checksum::u64_at;
use crate::layout::PAGE_BYTES;
use crate::open::OpenError;

/// Stores a type that wraps a `Vec<u8>` as these very bytes. They are checked by whoever decodes them, not here.
macro_rules! storable_bytes {
    ($type:ty, $bound:expr) => {
        impl ic_stable_structures::Storable for $type {
            const BOUND: ic_stable_structures::storable::Bound = $bound;

            fn to_bytes(&self) -> std::borrow::Cow<'_, [u8]> {
                std::borrow::Cow::Borrowed(&self.0)
            }

            fn into_bytes(self) -> Vec<u8> {
                self.0
            }

            fn from_bytes(bytes: std::borrow::Cow<'_, [u8]>) -> Self {
                Self(bytes.into_owned())
            }
        }
    };
}
pub(crate) use storable_bytes;

/// What StableBTreeMap starts with: its magic, the version that allows values of any size, and the size of a chunk, with a
/// mark that says that it is one.
const MAP_HEAD: [u8; 12] = *b"BTR\x02\0\x04\0\0\xff\xff\xff\xff";

// The allocator of the B-tree, as ic-stable-structures documents it for version 1: its header, then chunks.
const ALLOCATOR_AT: u64 = 52;
const ALLOCATOR_HEAD: [u8; 8] = *b"BTA\x01\0\0\0\0";
const ALLOCATED_CHUNKS_AT: u64 = ALLOCATOR_AT + 16;
const FIRST_CHUNK_AT: u64 = ALLOCATOR_AT + 48;
const CHUNK_BYTES: u64 = 1_024;
const CHUNK_HEADER_BYTES: u64 = 16;

const _: () =
    assert!(CHUNK_BYTES == u32::from_le_bytes([MAP_HEAD[4], MAP_HEAD[5], MAP_HEAD[6], MAP_HEAD[7]]) as u64);

/// What a chunk holds of a node at least, besides the links between the chunks of a node.
const CHUNK_CONTENT_BYTES: u64 = 1_000;

// The shape of the B-tree, as ic-stable-structures 0.7 builds it.
const NODE_ENTRIES: u64 = 11;
const MIN_FANOUT: u64 = 6;
/// What a node has besides its entries: its header, and lengths and addresses for each of them.
const NODE_OVERHEAD_BYTES: u64 = 16 + (NODE_ENTRIES + 1) * 16;

/// A map. Generic over the memory that holds nothing but it. Its keys or its values are unbounded in size, as far as
/// StableBTreeMap knows, because it makes chunks of another size for those that are not.
pub(crate) struct Map<K: Storable + Ord + Clone, V: Storable, M: Memory> {
    memory: M,
    /// The most bytes that a key and its value have together.
    max_entry_bytes: u64,
    map: Option<StableBTreeMap<K, V, M>>,
}

impl<K: Storable + Ord + Clone, V: Storable, M: Memory + Clone> Map<K, V, M> {
    /// Opens a map whose entries have at most so many bytes each. `what` names it in an error.
    pub(crate) fn open(memory: M, what: &str, max_entry_bytes: u64) -> Result<Self, OpenError> {
        if memory.size() == 0 {
            return Ok(Self { memory, max_entry_bytes, map: None });
        }
        let mut head = [0; MAP_HEAD.len()];
        memory.read(0, &mut head);
        let mut allocator = [0; ALLOCATOR_HEAD.len() + 8];
        memory.read(ALLOCATOR_AT, &mut allocator);
        if head != MAP_HEAD || allocator[..8] != ALLOCATOR_HEAD || u64_at(&allocator, 8) != CHUNK_BYTES {
            return Err(OpenError::damaged(format!("the memory of the {what} holds no map"), 0));
        }
        let map = Some(StableBTreeMap::load(memory.clone()));
        Ok(Self { memory, max_entry_bytes, map })
    }

    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    pub(crate) fn len(&self) -> u64 {
        self.map.as_ref().map_or(0, StableBTreeMap::len)
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.map.as_ref().and_then(|map| map.get(key))
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let memory = &self.memory;
        self.map.get_or_insert_with(|| StableBTreeMap::new(memory.clone())).insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(map) = &mut self.map {
            map.remove(key);
        }
    }

    /// The entries from a key on, in key order, as long as their keys are wanted. The value behind the last of them is
    /// not read.
    pub(crate) fn from<'a>(
        &'a self,
        start: Bound<K>,
        wanted: impl Fn(&K) -> bool + 'a,
    ) -> impl Iterator<Item = (K, V)> + 'a {
        let entries = self.map.iter().flat_map(move |map| map.range((start.clone(), Bound::Unbounded)));
        entries.take_while(move |entry| wanted(entry.key())).map(|entry| entry.into_pair())
    }

    /// Pages by which inserting so many entries of so many bytes in all could grow the memory, at most, and then still
    /// leave room for a removal. A full store must be able to remove.
    pub(crate) fn pages_to_insert(&self, entries: u64, bytes: u64) -> u64 {
        let own = bytes + entries * 2 * CHUNK_BYTES;
        self.pages_short(own + 2 * self.bytes_to_reshape(entries))
    }

    /// Pages by which a removal could grow the memory, at most: merging and rotating nodes can take a chunk before it
    /// gives one back.
    pub(crate) fn pages_to_remove(&self) -> u64 {
        self.pages_short(self.bytes_to_reshape(0))
    }

    /// Pages that the memory lacks to hold so many more bytes of nodes. Chunks that removals have given back are used
    /// again.
    fn pages_short(&self, bytes: u64) -> u64 {
        let chunks = (bytes.div_ceil(CHUNK_CONTENT_BYTES) + 1).saturating_sub(self.free_chunks());
        let pages = (chunks * (CHUNK_BYTES + CHUNK_HEADER_BYTES)).div_ceil(PAGE_BYTES);
        if self.memory.size() == 0 { pages + 1 } else { pages }
    }

    /// Chunks that the memory has room for and that no node uses.
    fn free_chunks(&self) -> u64 {
        if self.memory.size() == 0 {
            return 0;
        }
        let mut allocated = [0; 8];
        self.memory.read(ALLOCATED_CHUNKS_AT, &mut allocated);
        let room = self.memory.size() * PAGE_BYTES - FIRST_CHUNK_AT;
        (room / (CHUNK_BYTES + CHUNK_HEADER_BYTES)).saturating_sub(u64::from_le_bytes(allocated))
    }

    /// Bytes that rewriting every node on a path from the root to a leaf could take, two more nodes for a split of the
    /// root included.
    fn bytes_to_reshape(&self, entries_more: u64) -> u64 {
        let height = u64::from((self.len() + entries_more + 1).ilog(MIN_FANOUT)) + 1;
        let node = (NODE_ENTRIES + 1) * self.max_entry_bytes + NODE_OVERHEAD_BYTES;
        (height + 2) * (node + CHUNK_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::VectorMemory;

    use super::*;

    const MAX_KEY_BYTES: u64 = 1_024;
    const MAX_VALUE_BYTES: u64 = 4_400;

    type TestMap = Map<Vec<u8>, Vec<u8>, VectorMemory>;

    fn open(memory: VectorMemory) -> Result<TestMap, OpenError> {
        Map::open(memory, "test", MAX_KEY_BYTES + MAX_VALUE_BYTES)
    }

    /// Keys and values of very different sizes, in an order that splits and merges nodes everywhere.
    #[test]
    fn the_bounds_on_growth_hold_for_every_insert_and_remove() {
        let memory = VectorMemory::default();
        let mut map = open(memory.clone()).unwrap();
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
                let key = format!("{:0length$}", next() % 5_000).into_bytes();
                let value = vec![1; (next() % (MAX_VALUE_BYTES + 1)) as usize];
                let bound = map.pages_to_insert(1, (key.len() + value.len()) as u64);
                map.insert(key.clone(), value);
                keys.push(key);
                assert!(memory.size() - before <= bound);
            } else {
                let key = keys.swap_remove(next() as usize % keys.len());
                let bound = map.pages_to_remove();
                map.remove(&key);
                assert!(memory.size() - before <= bound);
            }
        }
        assert!(map.len() > 100);
    }

    #[test]
    fn a_batch_of_inserts_stays_within_its_bound() {
        for value_bytes in [0, 100, MAX_VALUE_BYTES as usize] {
            let memory = VectorMemory::default();
            let mut map = open(memory.clone()).unwrap();
            let batch: Vec<_> = (0..1_000).map(|i| format!("{:04}", i * 7 % 1_000).into_bytes()).collect();
            let bound = map.pages_to_insert(1_000, 1_000 * (4 + value_bytes as u64));
            batch.into_iter().for_each(|key| map.insert(key, vec![1; value_bytes]));
            assert!(memory.size() <= bound, "{} pages, bound {bound}", memory.size());
        }
    }

    /// The bound must not be a bound on what was ever there: a map that is emptied takes as much again without growing.
    #[test]
    fn chunks_that_removals_gave_back_are_counted() {
        let memory = VectorMemory::default();
        let mut map = open(memory.clone()).unwrap();
        let key = |number: u32| format!("{:08x}", number.wrapping_mul(0x9e37_79b1)).into_bytes();
        (0..8_000).for_each(|number| map.insert(key(number), vec![1; 500]));
        assert!(map.pages_to_insert(500, 254_000) > 0);
        (0..7_500).for_each(|number| map.remove(&key(number)));
        assert_eq!(map.pages_to_insert(500, 254_000), 0);
        let full = memory.size();
        (0..500).for_each(|number| map.insert(key(number), vec![1; 500]));
        assert_eq!(memory.size(), full);
    }

    #[test]
    fn a_memory_that_holds_something_else_is_refused() {
        let memory = VectorMemory::default();
        memory.grow(1);
        memory.write(0, b"BTR\x63");
        assert!(matches!(open(memory), Err(OpenError::Damaged { .. })));

        let memory = VectorMemory::default();
        let mut map = open(memory.clone()).unwrap();
        map.insert(b"key".to_vec(), b"value".to_vec());
        assert!(open(memory.clone()).is_ok());
        for at in [3, 4, 5, 8, 11, ALLOCATOR_AT, ALLOCATOR_AT + 3, ALLOCATOR_AT + 9] {
            memory.borrow_mut()[at as usize] ^= 1;
            assert!(matches!(open(memory.clone()), Err(OpenError::Damaged { .. })));
            memory.borrow_mut()[at as usize] ^= 1;
        }
    }
}

//! Objects in ic-stable-structures' `StableBTreeMap`, in a memory of its `MemoryManager`.

use std::cell::RefCell;
use std::ops::Bound;

use bench_peers::Entry;
use ic_cdk::{query, update};
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{DefaultMemoryImpl, StableBTreeMap};
use serde_bytes::ByteBuf;

type Objects = StableBTreeMap<String, Vec<u8>, VirtualMemory<DefaultMemoryImpl>>;

thread_local! {
    static OBJECTS: RefCell<Objects> = {
        let memories = MemoryManager::init(DefaultMemoryImpl::default());
        RefCell::new(StableBTreeMap::init(memories.get(MemoryId::new(0))))
    };
}

/// Opens the map, as the first message would otherwise.
#[ic_cdk::post_upgrade]
fn post_upgrade() {
    OBJECTS.with_borrow(|objects| assert!(objects.len() < u64::MAX));
}

#[update]
fn put(key: String, value: ByteBuf) {
    OBJECTS.with_borrow_mut(|objects| objects.insert(key, value.into_vec()));
}

#[update]
fn put_many(entries: Vec<Entry>) {
    OBJECTS.with_borrow_mut(|objects| {
        for Entry { key, value } in entries {
            objects.insert(key, value.into_vec());
        }
    });
}

#[query]
fn get(key: String) -> Option<ByteBuf> {
    OBJECTS.with_borrow(|objects| objects.get(&key)).map(ByteBuf::from)
}

#[query]
fn get_many(keys: Vec<String>) -> Vec<Option<ByteBuf>> {
    OBJECTS.with_borrow(|objects| keys.iter().map(|key| objects.get(key).map(ByteBuf::from)).collect())
}

#[update]
fn delete(key: String) -> bool {
    OBJECTS.with_borrow_mut(|objects| objects.remove(&key)).is_some()
}

#[query]
fn list(start_after: String, limit: u32) -> Vec<String> {
    OBJECTS.with_borrow(|objects| {
        let range = (Bound::Excluded(start_after), Bound::Unbounded);
        objects.keys_range(range).take(limit as usize).collect()
    })
}

#[query]
fn scan(start_after: String, limit: u32) -> Vec<Entry> {
    OBJECTS.with_borrow(|objects| {
        let range = (Bound::Excluded(start_after), Bound::Unbounded);
        let entries = objects.range(range).take(limit as usize);
        entries.map(|entry| Entry { key: entry.key().clone(), value: entry.value().into() }).collect()
    })
}

#[update]
fn take_first() -> Option<Entry> {
    let first = OBJECTS.with_borrow_mut(StableBTreeMap::pop_first);
    first.map(|(key, value)| Entry { key, value: value.into() })
}

#[update]
fn rename(from: String, to: String) -> bool {
    OBJECTS.with_borrow_mut(|objects| {
        let Some(value) = objects.remove(&from) else { return false };
        objects.insert(to, value);
        true
    })
}

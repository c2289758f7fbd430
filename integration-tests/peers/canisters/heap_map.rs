//! Objects in a map on the heap, all of which an upgrade writes to stable memory in Candid and reads back.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound;

use bench_peers::Entry;
use ic_cdk::storage::{stable_restore, stable_save};
use ic_cdk::{query, update};
use serde_bytes::ByteBuf;

thread_local! {
    static OBJECTS: RefCell<BTreeMap<String, ByteBuf>> = const { RefCell::new(BTreeMap::new()) };
}

#[ic_cdk::pre_upgrade]
fn pre_upgrade() {
    let entries: Vec<_> = OBJECTS.take().into_iter().map(|(key, value)| Entry { key, value }).collect();
    stable_save((entries,)).expect("stable memory has room");
}

#[ic_cdk::post_upgrade]
fn post_upgrade() {
    let (entries,): (Vec<Entry>,) = stable_restore().expect("pre_upgrade saved the entries");
    put_many(entries);
}

#[update]
fn put(key: String, value: ByteBuf) {
    OBJECTS.with_borrow_mut(|objects| objects.insert(key, value));
}

#[update]
fn put_many(entries: Vec<Entry>) {
    OBJECTS.with_borrow_mut(|objects| {
        objects.extend(entries.into_iter().map(|Entry { key, value }| (key, value)));
    });
}

#[query]
fn get(key: String) -> Option<ByteBuf> {
    OBJECTS.with_borrow(|objects| objects.get(&key).cloned())
}

#[query]
fn get_many(keys: Vec<String>) -> Vec<Option<ByteBuf>> {
    OBJECTS.with_borrow(|objects| keys.iter().map(|key| objects.get(key).cloned()).collect())
}

#[update]
fn delete(key: String) -> bool {
    OBJECTS.with_borrow_mut(|objects| objects.remove(&key)).is_some()
}

#[query]
fn list(start_after: String, limit: u32) -> Vec<String> {
    OBJECTS.with_borrow(|objects| {
        let range = objects.range((Bound::Excluded(start_after), Bound::Unbounded));
        range.take(limit as usize).map(|(key, _)| key.clone()).collect()
    })
}

#[query]
fn scan(start_after: String, limit: u32) -> Vec<Entry> {
    OBJECTS.with_borrow(|objects| {
        let range = objects.range((Bound::Excluded(start_after), Bound::Unbounded));
        let entries = range.take(limit as usize);
        entries.map(|(key, value)| Entry { key: key.clone(), value: value.clone() }).collect()
    })
}

#[update]
fn take_first() -> Option<Entry> {
    let first = OBJECTS.with_borrow_mut(BTreeMap::pop_first);
    first.map(|(key, value)| Entry { key, value })
}

#[update]
fn rename(from: String, to: String) -> bool {
    OBJECTS.with_borrow_mut(|objects| {
        let Some(value) = objects.remove(&from) else { return false };
        objects.insert(to, value);
        true
    })
}

//! Objects in ic-stable-memory's `SBTreeMap`, which is ordered but can be read only from its beginning.

use std::cell::RefCell;

use ic_cdk_macros::{init, post_upgrade, pre_upgrade, query, update};
use ic_stable_memory::collections::SBTreeMap;
use ic_stable_memory::{
    retrieve_custom_data, stable_memory_init, stable_memory_post_upgrade, stable_memory_pre_upgrade,
    store_custom_data, SBox,
};
use ic_stable_memory_peers::Entry;
use serde_bytes::ByteBuf;

type Objects = SBTreeMap<SBox<String>, SBox<Vec<u8>>>;

thread_local! {
    static OBJECTS: RefCell<Option<Objects>> = const { RefCell::new(None) };
}

fn with<R>(f: impl FnOnce(&mut Objects) -> R) -> R {
    OBJECTS.with(|objects| f(objects.borrow_mut().as_mut().expect("the map was made by init")))
}

fn insert(objects: &mut Objects, key: String, value: ByteBuf) {
    let key = SBox::new(key).expect("stable memory has room");
    let value = SBox::new(value.into_vec()).expect("stable memory has room");
    objects.insert(key, value).map_err(|_| ()).expect("stable memory has room");
}

#[init]
fn init() {
    stable_memory_init();
    OBJECTS.with(|objects| *objects.borrow_mut() = Some(Objects::new()));
}

#[pre_upgrade]
fn pre_upgrade() {
    let objects = OBJECTS.with(|objects| objects.borrow_mut().take()).expect("the map was made by init");
    store_custom_data(0, SBox::new(objects).map_err(|_| ()).expect("stable memory has room"));
    stable_memory_pre_upgrade().expect("stable memory has room");
}

#[post_upgrade]
fn post_upgrade() {
    stable_memory_post_upgrade();
    let kept = retrieve_custom_data::<Objects>(0).expect("pre_upgrade kept the map");
    OBJECTS.with(|objects| *objects.borrow_mut() = Some(kept.into_inner()));
}

#[update]
fn put(key: String, value: ByteBuf) {
    with(|objects| insert(objects, key, value));
}

#[update]
fn put_many(entries: Vec<Entry>) {
    with(|objects| {
        for Entry { key, value } in entries {
            insert(objects, key, value);
        }
    });
}

#[query]
fn get(key: String) -> Option<ByteBuf> {
    with(|objects| objects.get(&key).map(|value| ByteBuf::from(&***value)))
}

#[query]
fn get_many(keys: Vec<String>) -> Vec<Option<ByteBuf>> {
    with(|objects| {
        keys.iter().map(|key| objects.get(key).map(|value| ByteBuf::from(&***value))).collect()
    })
}

#[update]
fn delete(key: String) -> bool {
    with(|objects| objects.remove(&key).is_some())
}

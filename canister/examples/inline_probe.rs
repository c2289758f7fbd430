//! A canister that measures the cost of storing, reading, overwriting and deleting a value, inline and in an
//! extent.
//!
//! It is not part of the product. `scripts/measure-inline.sh` builds it, runs it on the embedded host, and
//! prints the table on which the inline limit is based.

use std::cell::RefCell;

use ic_cdk::api::{instruction_counter, time};
use ic_cdk::update;
use ic_stable_structures::DefaultMemoryImpl;
use storage_engine::{HostFacts, Options, Put, Store};

type ProbeStore = Store<DefaultMemoryImpl>;

thread_local! {
    static STORE: RefCell<Option<ProbeStore>> = const { RefCell::new(None) };
}

/// Opens the store, with every value inline or every value in an extent.
#[update]
fn open(inline_limit: u64) {
    let opened =
        Store::open_with(DefaultMemoryImpl::default(), Options { inline_limit, ..Options::default() });
    STORE.set(Some(opened.expect("stable memory is empty or a store")));
}

/// Puts values of one size under the keys from a number on.
#[update]
fn fill(from: u64, count: u64, size: u64) {
    let value = vec![7; size as usize];
    with(|store| {
        for number in from..from + count {
            store.put(Put::new(&key(number), &value), time()).expect("the platform has enough memory");
        }
    });
}

/// Returns the cost of putting a value, in instructions.
#[update]
fn put(number: u64, size: u64) -> u64 {
    let (key, value) = (key(number), vec![8; size as usize]);
    cost(|store| _ = store.put(Put::new(&key, &value), time()).expect("the platform has enough memory"))
}

/// Returns the cost of reading a value, in instructions.
#[update]
fn get(number: u64) -> u64 {
    let key = key(number);
    cost(|store| drop(store.get(&key).expect("the value exists")))
}

/// Returns the cost of deleting a value, in instructions.
#[update]
fn delete(number: u64) -> u64 {
    let key = key(number);
    cost(|store| assert!(store.delete(&key).expect("the image is sound")))
}

/// Returns the bytes of the index and of the extents, per object.
#[update]
fn bytes_per_object() -> u64 {
    with(|store| {
        let status = store.status(HostFacts::default()).expect("the image is sound");
        (status.stores.objects + status.arena.used_bytes) / status.objects
    })
}

fn with<R>(f: impl FnOnce(&mut ProbeStore) -> R) -> R {
    STORE.with_borrow_mut(|store| f(store.as_mut().expect("open comes first")))
}

fn cost(f: impl FnOnce(&mut ProbeStore)) -> u64 {
    with(|store| {
        let before = instruction_counter();
        f(store);
        instruction_counter() - before
    })
}

/// Returns keys that are spread over the index.
fn key(number: u64) -> String {
    format!("object/{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

//! The one store of the canister.

use std::cell::RefCell;

use ic_stable_structures::DefaultMemoryImpl;
use storage_api::Result;
use storage_engine::{Caller, OpenError, Store};

use crate::access;

pub(crate) type CanisterStore = Store<DefaultMemoryImpl>;

thread_local! {
    /// Opened by `init` and `post_upgrade`, before any message can come. It is a window on stable memory: everything
    /// that matters is written through.
    static STORE: RefCell<Option<CanisterStore>> = const { RefCell::new(None) };
}

const OPENED: &str = "the store is opened by init and post_upgrade";

/// Opens the store over the canister's stable memory.
pub(crate) fn open() -> Result<(), OpenError> {
    let store = Store::open(DefaultMemoryImpl::default())?;
    STORE.with_borrow_mut(|slot| *slot = Some(store));
    Ok(())
}

/// Runs something that reads, whoever calls.
pub(crate) fn read<R>(f: impl FnOnce(&CanisterStore) -> R) -> R {
    STORE.with_borrow(|store| f(store.as_ref().expect(OPENED)))
}

/// Runs something that changes the store, whoever calls.
pub(crate) fn write<R>(f: impl FnOnce(&mut CanisterStore) -> R) -> R {
    STORE.with_borrow_mut(|store| f(store.as_mut().expect(OPENED)))
}

/// Runs a method that reads, if the caller has the role that it needs. `method` is its place in `storage_api::METHODS`.
pub(crate) fn query<R>(method: usize, f: impl FnOnce(&CanisterStore) -> Result<R>) -> Result<R> {
    read(|store| {
        access::check(store, method)?;
        f(store)
    })
}

/// The same, with the caller.
pub(crate) fn query_as<R>(method: usize, f: impl FnOnce(&CanisterStore, &Caller) -> Result<R>) -> Result<R> {
    read(|store| {
        let role = access::check(store, method)?;
        f(store, &access::caller(role))
    })
}

/// Runs a method that changes the store, if the caller has the role that it needs, and counts how it went. `method` is its
/// place in `storage_api::METHODS`.
pub(crate) fn update<R>(method: usize, f: impl FnOnce(&mut CanisterStore) -> Result<R>) -> Result<R> {
    write(|store| {
        let result = access::check(store, method).and_then(|_| f(store));
        store.count(method, &result);
        result
    })
}

/// The same, with the caller.
pub(crate) fn update_as<R>(
    method: usize,
    f: impl FnOnce(&mut CanisterStore, &Caller) -> Result<R>,
) -> Result<R> {
    write(|store| {
        let result = access::check(store, method).and_then(|role| f(store, &access::caller(role)));
        store.count(method, &result);
        result
    })
}

/// The place of a method in `storage_api::METHODS`, found by the compiler.
macro_rules! method {
    ($name:literal) => {
        const { storage_api::Method::position($name) }
    };
}
pub(crate) use method;

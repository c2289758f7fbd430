//! The store of the canister.

use std::cell::{Cell, RefCell};

use ic_stable_structures::DefaultMemoryImpl;
use storage_engine::{Digest, OpenError, Store};

pub(crate) type CanisterStore = Store<DefaultMemoryImpl>;

thread_local! {
    /// The store, opened by `init` and `post_upgrade` before any other message. It has no other state:
    /// every change is written through to stable memory.
    static STORE: RefCell<Option<CanisterStore>> = const { RefCell::new(None) };

    /// The digest that has been passed to the platform since the last upgrade.
    static CERTIFIED: Cell<Option<Digest>> = const { Cell::new(None) };
}

const OPENED: &str = "init or post_upgrade has opened the store";

/// Opens the store over the canister's stable memory.
pub(crate) fn open() -> Result<(), OpenError> {
    let store = Store::open(DefaultMemoryImpl::default())?;
    STORE.with_borrow_mut(|slot| *slot = Some(store));
    Ok(())
}

/// Runs a function that reads the store.
pub(crate) fn read<R>(f: impl FnOnce(&CanisterStore) -> R) -> R {
    STORE.with_borrow(|store| f(store.as_ref().expect(OPENED)))
}

/// Runs a function that changes the store, and has the platform certify the digest after it.
pub(crate) fn write<R>(f: impl FnOnce(&mut CanisterStore) -> R) -> R {
    STORE.with_borrow_mut(|store| {
        let store = store.as_mut().expect(OPENED);
        let result = f(store);
        if let Some(digest) = store.certified_digest()
            && CERTIFIED.replace(Some(digest)) != Some(digest)
        {
            ic0::certified_data_set(&digest);
        }
        result
    })
}

//! The one store of the canister.

use std::cell::RefCell;

use ic_stable_structures::DefaultMemoryImpl;
use storage_engine::{OpenError, Store};

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

/// Runs something that reads.
pub(crate) fn read<R>(f: impl FnOnce(&CanisterStore) -> R) -> R {
    STORE.with_borrow(|store| f(store.as_ref().expect(OPENED)))
}

/// Runs something that changes the store.
pub(crate) fn write<R>(f: impl FnOnce(&mut CanisterStore) -> R) -> R {
    STORE.with_borrow_mut(|store| f(store.as_mut().expect(OPENED)))
}

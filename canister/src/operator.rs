//! The status and the configuration.

use ic_cdk::api::canister_cycle_balance;
use stable_storage_api::{Config, Result, Settings, Status};
use storage_engine::HostFacts;

use crate::state::CanisterStore;

pub(crate) fn configure(store: &mut CanisterStore, settings: Settings) -> Result<Config> {
    store.configure(&settings)
}

pub(crate) fn get_config(store: &CanisterStore) -> Result<Config> {
    Ok(store.config())
}

pub(crate) fn status(store: &CanisterStore) -> Result<Status> {
    let host = HostFacts {
        version: env!("CARGO_PKG_VERSION").into(),
        build: env!("STORAGE_BUILD").into(),
        heap_bytes: heap_bytes(),
        cycles: canister_cycle_balance(),
    };
    store.status(host)
}

#[cfg(target_arch = "wasm32")]
fn heap_bytes() -> u64 {
    core::arch::wasm32::memory_size(0) as u64 * storage_engine::layout::PAGE_BYTES
}

/// Returns 0: there is no WebAssembly heap on other targets.
#[cfg(not(target_arch = "wasm32"))]
fn heap_bytes() -> u64 {
    0
}

//! What an operator sees and sets.

use ic_cdk::api::canister_cycle_balance;
use ic_cdk::{query, update};
use storage_api::{Config, Result, Settings, Status};
use storage_engine::HostFacts;

use crate::state::{self, CanisterStore, method};

#[query]
fn status() -> Result<Status> {
    state::query(method!("status"), status_of)
}

#[update]
fn configure(settings: Settings) -> Result<Config> {
    state::update(method!("configure"), |store| store.configure(&settings))
}

#[query]
fn get_config() -> Result<Config> {
    state::query(method!("get_config"), |store| Ok(store.config()))
}

/// The status, whoever asks.
pub(crate) fn current_status() -> Result<Status> {
    state::read(status_of)
}

fn status_of(store: &CanisterStore) -> Result<Status> {
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

/// There is no WebAssembly heap outside of WebAssembly.
#[cfg(not(target_arch = "wasm32"))]
fn heap_bytes() -> u64 {
    0
}

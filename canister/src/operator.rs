//! What an operator sees.

use ic_cdk::api::canister_cycle_balance;
use ic_cdk::query;
use storage_api::{Result, Role, Status};
use storage_engine::HostFacts;

use crate::access::require;
use crate::state::read;

#[query]
fn status() -> Result<Status> {
    require(Role::Reader)?;
    let host = HostFacts {
        version: env!("CARGO_PKG_VERSION").into(),
        heap_bytes: heap_bytes(),
        cycles: canister_cycle_balance(),
    };
    read(|store| store.status(host))
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

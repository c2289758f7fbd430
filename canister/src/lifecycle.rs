//! Install and upgrade. What survives an upgrade is in stable memory already, so there is next to nothing to do.

use ic_cdk::api::instruction_counter;
use ic_cdk::{init, post_upgrade, pre_upgrade, trap};
use storage_api::InitArgs;

use crate::state;

#[init]
fn init(args: Option<InitArgs>) {
    let instructions = open(args);
    state::write(|store| store.record_install(instructions));
}

/// Writes the header with the seal, and nothing else. Where this is skipped, nothing but the seal is missing.
#[pre_upgrade]
fn pre_upgrade() {
    state::write(|store| store.seal());
}

/// Traps where stable memory is not a store of a known layout: the upgrade is rolled back then, and the canister goes on
/// as it was.
#[post_upgrade]
fn post_upgrade(args: Option<InitArgs>) {
    let instructions = open(args);
    state::write(|store| store.record_upgrade(instructions));
}

/// Opens and configures the store, and returns what opening cost, in instructions.
fn open(args: Option<InitArgs>) -> u64 {
    let before = instruction_counter();
    if let Err(error) = state::open() {
        trap(error.to_string());
    }
    let instructions = instruction_counter() - before;
    if let Err(error) = state::write(|store| store.configure(&args.unwrap_or_default())) {
        trap(error.to_string());
    }
    instructions
}

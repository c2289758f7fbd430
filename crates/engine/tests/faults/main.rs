//! Faults of the memory at every possible point: a refused growth, a trap in the middle of an operation, and
//! an image that is torn, truncated, or has a flipped byte.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

mod copies;
mod flip;
mod image;
mod methods;
mod probe;
mod refuse;
mod snapshot;
mod trap;

use storage_engine::Store;
use storage_engine::testing::{Step, certified_steps, run_all, run_certified, steps};
use storage_testkit::FaultyMemory;

type TestStore = Store<FaultyMemory>;

/// Returns all steps, with those that certify.
fn all_steps() -> Vec<Step<FaultyMemory>> {
    steps().into_iter().chain(certified_steps()).collect()
}

/// Returns the memory after all steps, with those that certify, without a fault.
fn certified() -> FaultyMemory {
    let memory = undisturbed();
    run_certified(&memory);
    memory
}

/// Returns the memory after all steps without a fault.
fn undisturbed() -> FaultyMemory {
    let memory = FaultyMemory::default();
    run_all(&memory);
    memory
}

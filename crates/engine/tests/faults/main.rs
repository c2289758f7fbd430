//! Faults that come through the memory, at every place where there can be one: a growth that is refused, a trap in the
//! middle of an operation, an image that was torn, cut off, or has a flipped byte.

#![expect(clippy::unwrap_used, reason = "what fails here is a test")]

mod flip;
mod image;
mod methods;
mod probe;
mod refuse;
mod snapshot;
mod trap;

use storage_engine::Store;
use storage_engine::testing::{FaultyMemory, steps};

type TestStore = Store<FaultyMemory>;

/// What the steps leave where nothing fails.
fn undisturbed() -> FaultyMemory {
    let memory = FaultyMemory::default();
    let mut store = Store::open(memory.clone()).unwrap();
    for step in steps() {
        step.run(&mut store, &memory).unwrap_or_else(|error| panic!("{}: {error}", step.name));
    }
    memory
}

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
use storage_engine::testing::{FaultyMemory, run_all};

type TestStore = Store<FaultyMemory>;

/// What the steps leave where nothing fails.
fn undisturbed() -> FaultyMemory {
    let memory = FaultyMemory::default();
    run_all(&memory);
    memory
}

//! A trap in the middle of an operation, at each of its writes.
//!
//! On the IC a trap undoes everything that the message has written; the operation must then be repeatable.
//! Elsewhere, for example in a file, the earlier writes remain. Such an image may be corrupt, but opening and
//! checking it must be safe.

use std::panic::{AssertUnwindSafe, catch_unwind};

use storage_engine::Store;
use storage_engine::testing::Step;
use storage_testkit::{FaultyMemory, Trap};

use super::TestStore;
use super::probe::check_safely;

/// Runs a step, and traps at the write that follows `nth` others. Returns false if there is no such write.
fn trapped(step: &Step<FaultyMemory>, store: &mut TestStore, memory: &FaultyMemory, nth: u64) -> bool {
    memory.mark();
    memory.trap_at_write(nth);
    match catch_unwind(AssertUnwindSafe(|| step.run(store, memory))) {
        Ok(result) => {
            result.unwrap_or_else(|error| panic!("{}: {error}", step.name));
            false
        }
        Err(payload) => {
            assert_eq!(payload.downcast_ref(), Some(&Trap), "{}, write {nth}: another panic", step.name);
            true
        }
    }
}

/// Calls `torn` with the memory after each trap, the step and the number of the write; then rolls back and
/// continues. Returns the number of traps.
fn at_every_write(mut torn: impl FnMut(&FaultyMemory, &str, u64)) -> (FaultyMemory, u64) {
    let (memory, mut traps) = (FaultyMemory::default(), 0);
    let mut store = Store::open(memory.clone()).unwrap();
    for step in super::all_steps() {
        let mut nth = 0;
        while trapped(&step, &mut store, &memory, nth) {
            torn(&memory, step.name, nth);
            memory.roll_back();
            assert!(memory.is_as_marked());
            store = Store::open(memory.clone()).unwrap();
            nth += 1;
        }
        traps += nth;
    }
    (memory, traps)
}

/// After a trap at any write and a rollback, the memory is unchanged, the store opens, and the operation can
/// be repeated with the same end. A torn image is opened and checked, or refused, without a panic or an
/// endless loop.
#[test]
fn a_trap_at_any_write_is_recoverable() {
    let mut seen = [0; 3];
    let (memory, traps) = at_every_write(|memory, step, nth| {
        let found = check_safely(memory).unwrap_or_else(|panic| panic!("{step}, write {nth}: {panic:?}"));
        seen[found as usize] += 1;
    });
    assert_eq!(memory.compare(&super::certified()), Ok(()));
    assert!(traps > 400, "the steps write only {traps} times");
    // Torn images of each kind occurred: refused ones, ones with problems, and sound ones.
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

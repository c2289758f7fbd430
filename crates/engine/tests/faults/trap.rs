//! A trap in the middle of an operation, at each of its writes.
//!
//! On the IC a trap takes back all that the message has written, so what counts is that the operation can be made again.
//! Elsewhere, in a file for one, the writes before it stay. Such an image need not be good, but looking at it must be safe.

use std::panic::{AssertUnwindSafe, catch_unwind};

use storage_engine::Store;
use storage_engine::testing::{FaultyMemory, Step, Trap, steps};

use super::TestStore;
use super::probe::check_safely;

/// Does a step, and traps at the write that comes after so many others. False if there are not so many.
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

/// Calls back with the memory after each trap, and with the step and the number of the write; then goes back, and goes on.
/// Answers how many traps there were.
fn at_every_write(mut torn: impl FnMut(&FaultyMemory, &str, u64)) -> (FaultyMemory, u64) {
    let (memory, mut traps) = (FaultyMemory::default(), 0);
    let mut store = Store::open(memory.clone()).unwrap();
    for step in steps() {
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

/// After a trap at any write, the memory is what it was, the store opens, and the operation can be made again; the end is
/// as if nothing had happened. An image that was torn is opened and checked, or refused, and neither panics or goes on for
/// ever.
#[test]
fn a_trap_at_any_write_can_be_survived() {
    let mut seen = [0; 3];
    let (memory, traps) = at_every_write(|memory, step, nth| {
        let found = check_safely(memory).unwrap_or_else(|panic| panic!("{step}, write {nth}: {panic:?}"));
        seen[found as usize] += 1;
    });
    assert_eq!(memory.compare(&super::undisturbed()), Ok(()));
    assert!(traps > 400, "the steps write only {traps} times");
    // Torn images of each kind have been seen: refused, with problems, and good ones.
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

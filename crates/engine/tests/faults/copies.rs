//! Copies within the store, with a refused growth and with a trap at many of their writes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use stable_storage_api::Error;
use storage_engine::Store;
use storage_testkit::Trap;

use super::methods::{CHANGES, Method};
use super::undisturbed;

fn copies() -> impl Iterator<Item = &'static Method> {
    CHANGES.iter().filter(|(name, _)| name.starts_with("copy"))
}

/// A refused growth leaves every byte as it was, and the copy can be repeated.
#[test]
fn a_refused_growth_of_a_copy_changes_nothing() {
    let mut refusals = 0;
    for (name, run) in copies() {
        let memory = undisturbed();
        let mut store = Store::open(memory.clone()).unwrap();
        for nth in 0.. {
            memory.mark();
            memory.refuse_grow(nth);
            match run(&mut store) {
                Ok(()) => break,
                Err(error) => {
                    assert!(matches!(error, Error::OutOfMemory { .. }), "{name}, growth {nth}: {error}");
                    assert!(memory.is_as_marked(), "{name}, growth {nth}: a refusal has changed the memory");
                    refusals += 1;
                }
            }
        }
        assert_eq!(store.check().problems, [], "{name}");
    }
    assert!(refusals > 0, "no copy has grown the memory");
}

/// Bytes are copied in many writes; a trap at any of them undoes all of them.
#[test]
fn a_trap_in_a_copy_is_recoverable() {
    for (name, run) in copies() {
        let memory = undisturbed();
        let mut traps = 0;
        // The bytes are copied first, so a trap at every write would be mostly at these.
        for nth in (0..6).chain((6..).step_by(41)) {
            let mut store = Store::open(memory.clone()).unwrap();
            memory.mark();
            memory.trap_at_write(nth);
            match catch_unwind(AssertUnwindSafe(|| run(&mut store))) {
                Ok(result) => {
                    result.unwrap_or_else(|error| panic!("{name}: {error}"));
                    assert_eq!(store.check().problems, [], "{name}");
                    break;
                }
                Err(payload) => {
                    assert_eq!(payload.downcast_ref(), Some(&Trap), "{name}, write {nth}: another panic");
                    memory.roll_back();
                    traps += 1;
                }
            }
        }
        assert!(traps > 0, "{name} writes nothing");
    }
}

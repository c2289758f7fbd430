//! Opening and checking images that may be corrupt, with detection of panics and endless loops.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use storage_engine::Store;
use storage_testkit::{FaultyMemory, TooManyReads};

use super::TestStore;

/// Many times the number of reads of a check of any image in these tests.
const READS: u64 = 200_000;

/// Result of opening and checking an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It was refused.
    Refused,
    /// It was opened, and the check reports problems.
    Problems,
    /// It was opened, and the check reports nothing.
    Nothing,
}

/// The text of a caught panic, and the file it comes from.
pub(crate) type Panic = String;

thread_local! {
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    static FILE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs a function and catches its panic, with the file it comes from and without output on standard error.
pub(crate) fn watched<T>(run: impl FnOnce() -> T) -> Result<T, Panic> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            if !IS_WATCHED.get() {
                return usual(info);
            }
            FILE.set(info.location().map_or_else(String::new, |location| location.file().to_owned()));
        }));
    });
    IS_WATCHED.set(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    IS_WATCHED.set(false);
    let file = FILE.take();
    result.map_err(|payload| format!("{} in {file}", text_of(&*payload)))
}

/// Opens and checks an image.
///
/// # Errors
///
/// Any panic, because there must be none.
pub(crate) fn check_safely(memory: &FaultyMemory) -> Result<Found, Panic> {
    memory.allow_reads(READS);
    watched(|| match Store::open(memory.clone()) {
        Err(_) => Found::Refused,
        Ok(store) if store.check().is_sound() => Found::Nothing,
        Ok(_) => Found::Problems,
    })
}

/// Opens a store of this memory, and runs a function on it.
///
/// # Errors
///
/// Any panic.
pub(crate) fn on_a_store<T>(
    memory: &FaultyMemory,
    run: impl FnOnce(&mut TestStore) -> T,
) -> Result<T, Panic> {
    memory.allow_reads(READS);
    watched(|| run(&mut Store::open(memory.clone()).unwrap()))
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    if payload.is::<TooManyReads>() {
        return "it reads without an end".into();
    }
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text").into()
}

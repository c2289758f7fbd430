//! Looking at an image that may be damaged, so that a panic and an endless loop are noticed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use storage_engine::Store;
use storage_engine::testing::{FaultyMemory, TooManyReads};

/// Many times what a check of any of our images takes.
const READS: u64 = 200_000;

/// What came of opening and checking an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It was not opened.
    Refused,
    /// It was opened, and the check names what is wrong.
    Problems,
    /// It was opened, and the check finds nothing.
    Nothing,
}

/// Opens and checks an image.
///
/// # Errors
///
/// The text of a panic.
pub(crate) fn check_safely(memory: &FaultyMemory) -> Result<Found, String> {
    memory.allow_reads(READS);
    let looked = catch_unwind(AssertUnwindSafe(|| match Store::open(memory.clone()) {
        Err(_) => Found::Refused,
        Ok(store) if store.check().is_sound() => Found::Nothing,
        Ok(_) => Found::Problems,
    }));
    looked.map_err(|payload| text_of(&*payload))
}

fn text_of(payload: &(dyn std::any::Any + Send)) -> String {
    if payload.is::<TooManyReads>() {
        return "it reads without an end".into();
    }
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text").into()
}

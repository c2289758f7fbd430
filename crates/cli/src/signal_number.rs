//! The number of the signal that has interrupted the command.

use std::sync::atomic::{AtomicU8, Ordering};

/// SIGINT, until another signal interrupts the command.
static NUMBER: AtomicU8 = AtomicU8::new(2);

/// Records the number of a signal.
pub(crate) fn record(number: i32) {
    NUMBER.store(u8::try_from(number).unwrap_or_default(), Ordering::Relaxed);
}

/// Returns the exit code of an interrupted command, which is that of a shell for a process that the signal ends.
pub(crate) fn exit_code() -> u8 {
    128 + NUMBER.load(Ordering::Relaxed)
}

//! Progress bars on standard error.

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, WeakProgressBar};
use storage_client::Progress;

/// The bar that is on the terminal, which gives way to what is said there.
static SHOWN: Mutex<Option<WeakProgressBar>> = Mutex::new(None);

/// How many columns the bar with all its numbers needs.
const WIDE: u16 = 80;

/// Hands out bars. Where nobody would look at one, the bars are hidden, and callers need not know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bars {
    hidden: bool,
}

impl Bars {
    /// Bars that are shown on a terminal, unless they shall be hidden.
    pub(crate) fn new(hidden: bool) -> Self {
        Self { hidden }
    }

    /// A bar for so many bytes. It is removed when it is dropped.
    pub(crate) fn bar(self, what: &'static str, size: u64) -> Bar {
        let bar = ProgressBar::with_draw_target(Some(size), self.target());
        Bar::show(bar, what, template(columns()))
    }

    /// Counts bytes of which nobody knows how many there will be; its [`part`](Bar::part) is told them.
    pub(crate) fn counter(self, what: &'static str) -> Bar {
        Bar::show(ProgressBar::with_draw_target(None, self.target()), what, COUNTER)
    }

    /// A standard error that is no terminal hides the bar, too.
    fn target(self) -> ProgressDrawTarget {
        if self.hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() }
    }
}

/// What is shown of bytes of which nobody knows how many there will be.
const COUNTER: &str = "{msg:9} {bytes:>11} {bytes_per_sec:>13}";

/// What a bar shows on a terminal of so many columns. A line that is too long would be broken, and stay where it is.
fn template(columns: u16) -> &'static str {
    match columns {
        0..WIDE => "{msg:9} {wide_bar:.cyan/blue} {bytes:>11} {percent:>3}%",
        _ => {
            "{msg:9} {wide_bar:.cyan/blue} {bytes:>11} of {total_bytes:>11} {bytes_per_sec:>13} {eta:>4} left"
        }
    }
}

/// How wide the terminal is.
fn columns() -> u16 {
    rustix::termios::tcgetwinsize(io::stderr()).map_or(WIDE, |size| size.ws_col)
}

/// Does something that writes to the terminal, while no bar is there.
pub(crate) fn suspend<R>(write: impl FnOnce() -> R) -> R {
    let bar = shown().as_ref().and_then(WeakProgressBar::upgrade);
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

fn shown() -> std::sync::MutexGuard<'static, Option<WeakProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bar that counts bytes that are safe.
pub(crate) struct Bar {
    bar: ProgressBar,
    is_started: AtomicBool,
}

impl Bar {
    fn show(bar: ProgressBar, what: &'static str, template: &str) -> Self {
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.expect("the templates are well-formed"));
        bar.set_message(what);
        *shown() = Some(bar.downgrade());
        Self { bar, is_started: AtomicBool::new(false) }
    }

    /// The progress of a part of what this bar counts, after so many bytes of other parts.
    pub(crate) fn part(&self, before: u64) -> Part<'_> {
        Part { bar: self, before }
    }

    fn set(&self, position: u64) {
        self.bar.set_position(position);
        // What was safe at the start was sent at another time, and tells nothing of how fast it goes now.
        if !self.is_started.swap(true, Ordering::Relaxed) {
            self.bar.reset_eta();
        }
    }
}

impl Progress for Bar {
    fn safe(&self, bytes: u64, size: u64) {
        self.bar.set_length(size);
        self.set(bytes);
    }
}

/// A part of a bar.
pub(crate) struct Part<'a> {
    bar: &'a Bar,
    before: u64,
}

impl Progress for Part<'_> {
    fn safe(&self, bytes: u64, _size: u64) {
        self.bar.set(self.before + bytes);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that were safe before count as done, and not as done just now.
    #[test]
    fn what_was_safe_before_has_no_speed() {
        let bar = Bars::new(true).bar("storing", 1 << 40);
        bar.safe(1 << 39, 1 << 40);
        assert_eq!(bar.bar.position(), 1 << 39);
        assert!(bar.bar.per_sec() < 1.0, "{}", bar.bar.per_sec());
    }

    /// The templates are ones that indicatif understands.
    #[test]
    fn templates_are_well_formed() {
        for columns in [0, 60, WIDE - 1, WIDE] {
            ProgressStyle::with_template(template(columns)).unwrap();
        }
        ProgressStyle::with_template(COUNTER).unwrap();
    }

    /// A hidden bar counts as well.
    #[test]
    fn a_bar_counts() {
        let bar = Bars::new(true).bar("storing", 10);
        bar.safe(7, 12);
        assert_eq!((bar.bar.position(), bar.bar.length()), (7, Some(12)));
        assert!(bar.bar.is_hidden());
        bar.part(10).safe(1, 2);
        assert_eq!((bar.bar.position(), bar.bar.length()), (11, Some(12)));
    }
}

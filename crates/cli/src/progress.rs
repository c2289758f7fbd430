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

/// The visible bar, which is hidden while other output is written.
static SHOWN: Mutex<Option<WeakProgressBar>> = Mutex::new(None);

/// Terminal width that a bar with all its numbers needs.
const WIDE: u16 = 80;

/// Terminal width below which there are no bars: a line that wraps could not be erased.
const NARROW: u16 = 40;

/// Creates bars. Without a terminal the bars are hidden, so that callers need not check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bars {
    hidden: bool,
}

impl Bars {
    /// Creates bars, which are visible on a terminal unless `hidden`.
    pub(crate) fn new(hidden: bool) -> Self {
        Self { hidden }
    }

    /// Returns a bar for `size` bytes. It is removed when it is dropped.
    pub(crate) fn bar(self, what: &'static str, size: u64) -> Bar {
        let bar = ProgressBar::with_draw_target(Some(size), self.target());
        Bar::show(bar, what, template(columns()))
    }

    /// Returns a counter for an unknown number of bytes, which are reported to its [`part`](Bar::part).
    pub(crate) fn counter(self, what: &'static str) -> Bar {
        Bar::show(ProgressBar::with_draw_target(None, self.target()), what, COUNTER)
    }

    /// If standard error is not a terminal, bars are hidden.
    fn target(self) -> ProgressDrawTarget {
        match self.hidden || columns() < NARROW {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        }
    }
}

/// Template for an unknown number of bytes.
const COUNTER: &str = "{msg:9} {bytes:>11} {bytes_per_sec:>13}";

/// Returns the template for a terminal of this width.
fn template(columns: u16) -> &'static str {
    match columns {
        0..WIDE => "{msg:9} {wide_bar:.cyan/blue} {bytes:>11} {percent:>3}%",
        _ => {
            "{msg:9} {wide_bar:.cyan/blue} {bytes:>11} of {total_bytes:>11} {bytes_per_sec:>13} {eta:>4} left"
        }
    }
}

/// Returns the width of the terminal. Some terminals report zero instead of none.
fn columns() -> u16 {
    let known = rustix::termios::tcgetwinsize(io::stderr()).ok().filter(|size| size.ws_col > 0);
    known.map_or(WIDE, |size| size.ws_col)
}

/// Writes to the terminal while the bar is hidden.
pub(crate) fn suspend<R>(write: impl FnOnce() -> R) -> R {
    let bar = current_bar().as_ref().and_then(WeakProgressBar::upgrade);
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

fn current_bar() -> std::sync::MutexGuard<'static, Option<WeakProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bar that counts bytes that are safe.
pub(crate) struct Bar {
    bar: ProgressBar,
    is_started: AtomicBool,
}

impl Bar {
    fn show(bar: ProgressBar, what: &'static str, template: &str) -> Self {
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.expect("the templates are well-formed"));
        bar.set_message(what);
        *current_bar() = Some(bar.downgrade());
        Self { bar, is_started: AtomicBool::new(false) }
    }

    /// Returns the progress of one part, after `before` bytes of other parts.
    pub(crate) fn part(&self, before: u64) -> Part<'_> {
        Part { bar: self, before }
    }

    fn set(&self, position: u64) {
        self.bar.set_position(position);
        // Bytes from an earlier run do not count towards the speed.
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

/// Part of a bar.
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

    /// Bytes from an earlier run count as done but not towards the speed.
    #[test]
    fn earlier_bytes_do_not_count_towards_the_speed() {
        let bar = Bars::new(true).bar("storing", 1 << 40);
        bar.safe(1 << 39, 1 << 40);
        assert_eq!(bar.bar.position(), 1 << 39);
        assert!(bar.bar.per_sec() < 1.0, "{}", bar.bar.per_sec());
    }

    /// indicatif accepts the templates.
    #[test]
    fn templates_are_well_formed() {
        for columns in [NARROW, 60, WIDE - 1, WIDE] {
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

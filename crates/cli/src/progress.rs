//! Progress bars on standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use storage_client::Progress;

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
        // A standard error that is no terminal hides the bar, too.
        let target = if self.hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(size), target);
        let style = ProgressStyle::with_template(
            "{msg:9} {wide_bar:.cyan/blue} {bytes:>11} of {total_bytes:>11} {bytes_per_sec:>13} {eta:>4} left",
        );
        bar.set_style(style.expect("the template is well-formed"));
        bar.set_message(what);
        Bar(bar)
    }
}

/// A bar that counts bytes that are safe.
pub(crate) struct Bar(ProgressBar);

impl Progress for Bar {
    fn safe(&self, bytes: u64, size: u64) {
        self.0.set_length(size);
        self.0.set_position(bytes);
    }
}

impl Bar {
    /// The progress of a part of what this bar counts, after so many bytes of other parts.
    pub(crate) fn part(&self, before: u64) -> Part<'_> {
        Part { bar: &self.0, before }
    }
}

/// A part of a bar.
pub(crate) struct Part<'a> {
    bar: &'a ProgressBar,
    before: u64,
}

impl Progress for Part<'_> {
    fn safe(&self, bytes: u64, _size: u64) {
        self.bar.set_position(self.before + bytes);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The template of the bar is one that indicatif understands, and a hidden bar counts as well.
    #[test]
    fn a_bar_counts() {
        let bar = Bars::new(true).bar("storing", 10);
        bar.safe(7, 12);
        assert_eq!((bar.0.position(), bar.0.length()), (7, Some(12)));
        assert!(bar.0.is_hidden());
        bar.part(10).safe(1, 2);
        assert_eq!((bar.0.position(), bar.0.length()), (11, Some(12)));
    }
}

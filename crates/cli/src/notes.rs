//! Notes to the user on standard error.

use std::io::Write;

use crate::{progress, text};

/// Prints notes, which are not data: progress, skipped items, what a command waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notes {
    pub(crate) quiet: bool,
    /// Whether data is printed as JSON for another program.
    pub(crate) json: bool,
}

impl Notes {
    /// Prints a note unless `--quiet` is given.
    pub(crate) fn say(self, message: &str) {
        if !self.quiet {
            say(message);
        }
    }
}

/// Prints a message. Untrusted text in it is escaped.
pub(crate) fn say(message: &str) {
    // If standard error is closed, the message is lost.
    let _ = progress::suspend(|| writeln!(anstream::stderr(), "{}", text::escape_message(message)));
}

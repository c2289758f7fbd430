//! What is said to a person on standard error.

use std::io::Write;

use crate::{progress, text};

/// Says what is not data: what was done, what was left out, what a command waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notes {
    pub(crate) quiet: bool,
    /// Whether data is printed as JSON, for a program that has no use for news.
    pub(crate) json: bool,
}

impl Notes {
    /// Says something, unless the user wants quiet.
    pub(crate) fn say(self, message: &str) {
        if !self.quiet {
            say(message);
        }
    }
}

/// Says something that has to be said. What others have chosen in it is made safe to look at.
pub(crate) fn say(message: &str) {
    // Where standard error is closed, nobody wants to know.
    let _ = progress::suspend(|| writeln!(anstream::stderr(), "{}", text::escape_message(message)));
}

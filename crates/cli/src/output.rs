//! Data on standard output, as text or as JSON.

use std::io::{self, Write};

use anyhow::Result;
use serde::Serialize;

/// Prints what a command found in the form that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// JSON instead of text.
    pub(crate) json: bool,
    /// Say nothing but data and errors.
    pub(crate) quiet: bool,
}

impl Output {
    /// Prints a value as one line of JSON, or else the lines that the function makes of it.
    pub(crate) fn print<T: Serialize>(self, value: &T, lines: impl FnOnce(&T) -> Vec<String>) -> Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, value).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            for line in lines(value) {
                writeln!(out, "{line}")?;
            }
        }
        Ok(out.flush()?)
    }

    /// Says something to a person on standard error; it is not data.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            // Where standard error is closed, nobody wants to know.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

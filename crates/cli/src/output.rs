//! Data on standard output, as text or as JSON.

use std::io::{self, BufWriter, Write};

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
        // Standard output writes each line by itself, which takes long for many.
        let mut out = BufWriter::new(io::stdout().lock());
        if self.json {
            write_json(&mut out, value)?;
        } else {
            for line in lines(value) {
                writeln!(out, "{line}")?;
            }
        }
        Ok(out.flush()?)
    }

    /// Prints values of which there may be more to come, each on a line: as JSON, or as the text that the function makes.
    pub(crate) fn lines<T: Serialize>(self, values: &[T], text: impl Fn(&T) -> String) -> Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        for value in values {
            match self.json {
                true => write_json(&mut out, value)?,
                false => writeln!(out, "{}", text(value))?,
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

fn write_json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)
}

/// So many of something, as people say it.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A key as it can be shown: what would move the cursor or break the line is written as in a string of Rust.
pub(crate) fn shown(key: &str) -> String {
    let mut shown = String::with_capacity(key.len());
    for character in key.chars() {
        match character {
            control if control.is_control() => shown.extend(control.escape_default()),
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key with a newline stays on its line, and letters stay as they are.
    #[test]
    fn keys_are_shown_on_one_line() {
        assert_eq!(shown("grüße/a b"), "grüße/a b");
        assert_eq!(shown("a\nb\u{1b}[2J"), "a\\nb\\u{1b}[2J");
    }
}

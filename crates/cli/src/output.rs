//! Data on standard output, as text or as JSON.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::{
    args::{HumanArgs, global::GlobalOptions},
    idle::{Idle, Stdout},
    notes::Notes,
    size::Sizes,
    text,
};

/// Bytes of text written in one step.
const PIECE_BYTES: usize = 64 << 10;

/// Prints the results of a command as text or JSON.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// Whether to print JSON.
    pub(crate) json: bool,
    /// Format of sizes in text.
    pub(crate) sizes: Sizes,
    /// The store, which is released while the reader of the output is slow.
    pub(crate) idle: Idle,
    /// Whether standard output is a terminal, so that output must be escaped.
    pub(crate) is_guarded: bool,
    notes: Notes,
}

impl Output {
    /// Creates the output given by the arguments.
    pub(crate) fn new(options: GlobalOptions) -> Self {
        Self {
            json: options.json,
            sizes: if options.bytes { Sizes::Exact } else { Sizes::Full },
            idle: Idle::default(),
            is_guarded: io::stdout().is_terminal() && !options.raw,
            notes: Notes { quiet: options.quiet, json: options.json },
        }
    }

    /// Returns the same output with sizes only in units, if that is asked for.
    pub(crate) fn human(&self, args: &HumanArgs) -> Self {
        let sizes = if args.human_readable { Sizes::Human } else { self.sizes };
        Self { sizes, ..self.clone() }
    }

    /// Prints a value as one line of JSON, or as the lines returned by the function.
    pub(crate) fn print<T: Serialize>(&self, value: &T, lines: impl FnOnce(&T) -> Vec<String>) -> Result<()> {
        let mut out = Stdout::open(&self.idle);
        match self.json {
            true => out.write_all(json(value)?.as_bytes())?,
            false => self.write_lines(&mut out, &lines(value))?,
        }
        Ok(out.finish()?)
    }

    /// Prints values, each on a line, as JSON or as the text returned by the function. Can be called repeatedly.
    pub(crate) fn lines<T: Serialize>(&self, values: &[T], text: impl Fn(&T) -> String) -> Result<()> {
        let mut out = Stdout::open(&self.idle);
        match self.json {
            true => {
                for value in values {
                    out.write_all(json(value)?.as_bytes())?;
                }
            }
            false => self.write_lines(&mut out, &values.iter().map(text).collect::<Vec<_>>())?,
        }
        Ok(out.finish()?)
    }

    /// Writes each text on its line. Escapes characters that a terminal cannot show.
    fn write_lines(&self, out: &mut Stdout, lines: &[String]) -> io::Result<()> {
        let mut piece = String::new();
        for line in lines {
            match self.is_guarded {
                true => piece.push_str(&text::escape(line)),
                false => piece.push_str(line),
            }
            piece.push('\n');
            if piece.len() >= PIECE_BYTES {
                out.write_all(piece.as_bytes())?;
                piece.clear();
            }
        }
        out.write_all(piece.as_bytes())
    }

    /// Reports a change: as JSON on standard output, or as a note.
    pub(crate) fn done<T: Serialize>(&self, value: &T, text: &str) -> Result<()> {
        let printed = if self.json { self.print(value, |_| Vec::new()) } else { Ok(()) };
        self.note(text);
        printed
    }

    /// Prints a note on standard error.
    pub(crate) fn note(&self, text: &str) {
        self.notes.say(text);
    }

    /// Returns a printer of notes.
    pub(crate) fn notes(&self) -> Notes {
        self.notes
    }
}

/// Returns a value as one line of JSON with escaped invisible characters.
fn json(value: &impl Serialize) -> Result<String> {
    let mut line = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut line, Visible))?;
    let mut line = String::from_utf8(line)?;
    line.push('\n');
    Ok(line)
}

/// Escapes invisible characters in JSON.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        writer.write_all(text::escape_json(fragment).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// JSON has no invisible characters, and the same meaning as its source.
    #[test]
    fn json_is_visible() {
        let line = json(&["a\u{202e}\n\"\u{1b}", "grüße"]).unwrap();
        assert_eq!(line, "[\"a\\u202e\\n\\\"\\u001b\",\"grüße\"]\n");
        assert_eq!(serde_json::from_str::<Vec<String>>(&line).unwrap(), ["a\u{202e}\n\"\u{1b}", "grüße"]);
    }
}

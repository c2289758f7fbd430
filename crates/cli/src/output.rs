//! Data on standard output, as text or as JSON.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::{
    args::Manner,
    idle::{Idle, Stdout},
    notes::Notes,
    size::Sizes,
    text,
};

/// How many bytes of text are written in one step.
const PIECE_BYTES: usize = 64 << 10;

/// Prints what a command found in the form that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    /// JSON instead of text.
    pub(crate) json: bool,
    /// How numbers of bytes are printed in text.
    pub(crate) sizes: Sizes,
    /// What is let go while the reader of the output takes his time.
    pub(crate) idle: Idle,
    /// Whether standard output is a terminal, on which not everything may be written as it is.
    pub(crate) is_guarded: bool,
    notes: Notes,
}

impl Output {
    /// The output that the arguments ask for.
    pub(crate) fn new(manner: Manner) -> Self {
        Self {
            json: manner.json,
            sizes: Sizes { exact: manner.bytes },
            idle: Idle::default(),
            is_guarded: io::stdout().is_terminal() && !manner.raw,
            notes: Notes { quiet: manner.quiet, json: manner.json },
        }
    }

    /// Prints a value as one line of JSON, or else the lines that the function makes of it.
    pub(crate) fn print<T: Serialize>(&self, value: &T, lines: impl FnOnce(&T) -> Vec<String>) -> Result<()> {
        let mut out = Stdout::open(&self.idle);
        match self.json {
            true => out.write_all(json(value)?.as_bytes())?,
            false => self.write_lines(&mut out, &lines(value))?,
        }
        Ok(out.finish()?)
    }

    /// Prints values of which there may be more to come, each on a line: as JSON, or as the text that the function makes.
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

    /// Each text on its line. A terminal is shown what it cannot show otherwise in escapes.
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

    /// Tells what was done: as JSON, and to a person on standard error.
    pub(crate) fn done<T: Serialize>(&self, value: &T, text: &str) -> Result<()> {
        if self.json {
            self.print(value, |_| Vec::new())?;
        }
        self.note(text);
        Ok(())
    }

    /// Says something to a person on standard error; it is not data.
    pub(crate) fn note(&self, text: &str) {
        self.notes.say(text);
    }

    /// Notes for where there is no output.
    pub(crate) fn notes(&self) -> Notes {
        self.notes
    }
}

/// A value on one line of JSON, in which everything can be seen.
fn json(value: &impl Serialize) -> Result<String> {
    let mut line = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut line, Visible))?;
    let mut line = String::from_utf8(line)?;
    line.push('\n');
    Ok(line)
}

/// Writes characters that cannot be seen in escapes, which are the same text.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        writer.write_all(text::escape_json(fragment).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// JSON hides nothing, and says the same as what it was made from.
    #[test]
    fn json_is_visible() {
        let line = json(&["a\u{202e}\n\"\u{1b}", "grüße"]).unwrap();
        assert_eq!(line, "[\"a\\u202e\\n\\\"\\u001b\",\"grüße\"]\n");
        assert_eq!(serde_json::from_str::<Vec<String>>(&line).unwrap(), ["a\u{202e}\n\"\u{1b}", "grüße"]);
    }
}

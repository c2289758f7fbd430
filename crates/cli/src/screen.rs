//! Content of an object on a terminal.

use std::io::{self, Write};

use crate::{failure::NotText, text::escape_content};

/// Writes text escaped for a terminal, and rejects content that is not text.
pub(crate) struct Screen<W> {
    out: W,
    /// Start of a character whose other bytes have not arrived.
    started: Vec<u8>,
}

impl<W: Write> Screen<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, started: Vec::new() }
    }

    /// Checks that the last character is complete, and returns the inner writer.
    pub(crate) fn finish(self) -> io::Result<W> {
        if self.started.is_empty() { Ok(self.out) } else { Err(io::Error::other(NotText)) }
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.started.extend_from_slice(bytes);
        let (text, rest) = match str::from_utf8(&self.started) {
            Ok(text) => (text, 0),
            Err(error) if error.error_len().is_none() => {
                let (text, rest) = self.started.split_at(error.valid_up_to());
                (str::from_utf8(text).expect("it is valid up to there"), rest.len())
            }
            Err(_) => return Err(io::Error::other(NotText)),
        };
        if text.contains('\0') {
            return Err(io::Error::other(NotText));
        }
        self.out.write_all(escape_content(text).as_bytes())?;
        self.started.drain(..self.started.len() - rest);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&[u8]]) -> Option<String> {
        let mut screen = Screen::new(Vec::new());
        pieces.iter().try_for_each(|piece| screen.write_all(piece)).ok()?;
        screen.finish().ok().map(|text| String::from_utf8(text).unwrap())
    }

    /// Text is shown completely, however it is split, without characters that move the cursor.
    #[test]
    fn text_is_shown() {
        let text = "grüße 🙂\n\ttab\u{1b}[2J\u{202e}".as_bytes();
        for size in 1..=text.len() {
            let pieces: Vec<_> = text.chunks(size).collect();
            assert_eq!(shown(&pieces).as_deref(), Some("grüße 🙂\n\ttab\\u{1b}[2J\\u{202e}"), "{size}");
        }
    }

    /// Content that is not text is rejected: invalid UTF-8, zeros, and an incomplete character at the end.
    #[test]
    fn other_bytes_are_refused() {
        for pieces in [&[&b"a\xff"[..]][..], &[b"\x89PNG\r\n\x1a\n\0"], &[b"ab\0"], &[b"a", b"\xc3"]] {
            assert_eq!(shown(pieces), None, "{pieces:?}");
        }
    }
}

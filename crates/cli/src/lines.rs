//! Lines of a stream that arrives in pieces.

use std::mem;

use stable_storage_api::limits::MAX_PAYLOAD_BYTES;

/// Line without its newline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The whole line.
    Whole(Vec<u8>),
    /// Longer than an entry of the log can be; its bytes are discarded.
    TooLong,
}

impl Line {
    /// Creates a line of known bytes.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        if bytes.len() as u64 > MAX_PAYLOAD_BYTES { Self::TooLong } else { Self::Whole(bytes) }
    }
}

/// Splits pieces into lines. Holds at most one line of bounded length.
#[derive(Default)]
pub(crate) struct Lines {
    started: Vec<u8>,
    is_too_long: bool,
}

impl Lines {
    /// Returns the lines that end in this piece.
    pub(crate) fn add(&mut self, piece: &[u8]) -> Vec<Line> {
        let mut ended = Vec::new();
        let mut parts = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            self.continue_line(part);
            if parts.peek().is_some() {
                ended.push(self.end_line());
            }
        }
        ended
    }

    /// Returns the last line, if it has no newline.
    pub(crate) fn finish(&mut self) -> Option<Line> {
        (!self.started.is_empty() || self.is_too_long).then(|| self.end_line())
    }

    fn continue_line(&mut self, part: &[u8]) {
        if (self.started.len() + part.len()) as u64 > MAX_PAYLOAD_BYTES {
            self.is_too_long = true;
            self.started = Vec::new();
        }
        if !self.is_too_long {
            self.started.extend_from_slice(part);
        }
    }

    fn end_line(&mut self) -> Line {
        let line = mem::take(&mut self.started);
        if mem::take(&mut self.is_too_long) { Line::TooLong } else { Line::Whole(line) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pieces: &[&[u8]]) -> Vec<Line> {
        let mut lines = Lines::default();
        let mut all: Vec<_> = pieces.iter().flat_map(|piece| lines.add(piece)).collect();
        all.extend(lines.finish());
        all
    }

    fn whole(lines: &[&[u8]]) -> Vec<Line> {
        lines.iter().map(|line| Line::Whole(line.to_vec())).collect()
    }

    /// The lines of a stream do not depend on how it is split into pieces.
    #[test]
    fn lines_do_not_depend_on_pieces() {
        let text = b"one\n\ntwo\nlast";
        let expected = whole(&[b"one", b"", b"two", b"last"]);
        for size in 1..=text.len() {
            assert_eq!(cut(&text.chunks(size).collect::<Vec<_>>()), expected, "{size}");
        }
        assert_eq!(cut(&[b"one\n"]), whole(&[b"one"]));
        assert_eq!(cut(&[]), []);
    }

    /// A line of the maximum length is kept, and the bytes of a longer one are not.
    #[test]
    fn lines_are_bounded() {
        let most = vec![b'x'; MAX_PAYLOAD_BYTES as usize];
        assert_eq!(cut(&[&most, b"\nnext"]), whole(&[&most, b"next"]));
        let mut lines = Lines::default();
        assert_eq!(lines.add(&most), []);
        assert_eq!(lines.add(&most), []);
        assert!(lines.started.capacity() < most.len());
        assert_eq!(lines.add(b"y\nnext\n"), [Line::TooLong, Line::Whole(b"next".to_vec())]);
        assert_eq!(lines.finish(), None);
    }
}

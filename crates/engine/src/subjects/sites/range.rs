//! The header `Range` (RFC 9110, section 14).

use stable_storage_api::limits::HTTP_PIECE_BYTES;

/// What was read of the header.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum RangeHeader {
    #[default]
    Absent,
    One(Option<Range>),
    /// A field with one value, twice.
    Repeated,
}

impl RangeHeader {
    pub(crate) fn add(&mut self, value: &str) {
        *self = match self {
            Self::Absent => Self::One(Range::parse(value)),
            _ => Self::Repeated,
        };
    }

    /// Returns the range; `None` if there is none, or it is ignored.
    pub(crate) fn get(self) -> Option<Range> {
        match self {
            Self::One(range) => range,
            _ => None,
        }
    }
}

/// One range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// From an offset to another, inclusive, or to the end.
    From { first: u64, last: Option<u64> },
    /// The last bytes.
    Suffix(u64),
}

impl Range {
    /// Parses a header. Several ranges, other units and everything that is no range are ignored, as the RFC allows.
    fn parse(value: &str) -> Option<Self> {
        let (unit, range) = value.trim_matches([' ', '\t']).split_once('=')?;
        let (first, last) =
            range.trim_matches([' ', '\t']).split_once('-').filter(|_| unit.eq_ignore_ascii_case("bytes"))?;
        match (first, last) {
            ("", last) => number(last).map(Self::Suffix),
            (first, "") => Some(Self::From { first: number(first)?, last: None }),
            (first, last) => Some(Self::From { first: number(first)?, last: Some(number(last)?) }),
        }
    }

    /// Returns the start and the end, exclusive, of what is sent of an object, or `None` if it has no byte of the range.
    ///
    /// A range of more than one piece ends where the piece of its first byte ends, so that the client continues with whole pieces.
    pub(crate) fn of(self, size: u64) -> Option<(u64, u64)> {
        let (start, end) = match self {
            Self::From { first, last } => (first, last.map_or(size, |last| last.saturating_add(1).min(size))),
            Self::Suffix(bytes) => (size.saturating_sub(bytes), size),
        };
        if start >= end {
            return None;
        }
        match end - start > HTTP_PIECE_BYTES {
            true => Some((start, (start / HTTP_PIECE_BYTES + 1) * HTTP_PIECE_BYTES)),
            false => Some((start, end)),
        }
    }
}

/// Parses digits. A number that is larger than any offset is the largest.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(value: &str, size: u64) -> Option<Option<(u64, u64)>> {
        Range::parse(value).map(|range| range.of(size))
    }

    #[test]
    fn a_range_is_part_of_the_object() {
        for (value, part) in [
            ("bytes=0-", (0, 10)),
            ("bytes=0-0", (0, 1)),
            ("BYTES=2-4", (2, 5)),
            (" bytes= 2-4 ", (2, 5)),
            ("bytes=9-", (9, 10)),
            ("bytes=5-99", (5, 10)),
            ("bytes=0-18446744073709551615", (0, 10)),
            ("bytes=0-99999999999999999999999999", (0, 10)),
            ("bytes=-1", (9, 10)),
            ("bytes=-10", (0, 10)),
            ("bytes=-11", (0, 10)),
            ("bytes=-99999999999999999999999999", (0, 10)),
        ] {
            assert_eq!(of(value, 10), Some(Some(part)), "{value}");
        }
    }

    #[test]
    fn a_range_without_bytes_is_not_satisfiable() {
        for value in
            ["bytes=10-", "bytes=10-20", "bytes=5-4", "bytes=-0", "bytes=99999999999999999999999999-"]
        {
            assert_eq!(of(value, 10), Some(None), "{value}");
        }
        for value in ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"] {
            assert_eq!(of(value, 0), Some(None), "{value}");
        }
    }

    #[test]
    fn everything_else_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-",
            "bytes=1-b",
            "bytes=+1-2",
            "bytes=1--2",
            "bytes=--1",
            "items=0-1",
            "bytes=0-1,3-4",
            "bytes=0-4,2-6",
            "bytes=0-1,",
            "bytes=0 - 1",
            "0-1",
            "bytes 0-1",
        ] {
            assert_eq!(of(value, 10), None, "{value}");
        }
    }

    #[test]
    fn a_long_range_ends_with_a_piece() {
        let piece = HTTP_PIECE_BYTES;
        let size = 3 * piece + 5;
        for (value, part) in [
            ("bytes=0-".to_string(), (0, piece)),
            (format!("bytes={piece}-"), (piece, 2 * piece)),
            (format!("bytes={}-", 3 * piece), (3 * piece, size)),
            (format!("bytes={}-{}", piece - 1, 2 * piece - 2), (piece - 1, 2 * piece - 1)),
            (format!("bytes={}-{}", piece - 1, 2 * piece - 1), (piece - 1, piece)),
            (format!("bytes=-{}", piece + 1), (2 * piece + 4, 3 * piece)),
            ("bytes=7-".to_string(), (7, piece)),
        ] {
            assert_eq!(of(&value, size), Some(Some(part)), "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_part_is_never_empty_nor_past_the_end(first: u64, last: Option<u64>, size: u64, is_suffix: bool) {
            let range = if is_suffix { Range::Suffix(first) } else { Range::From { first, last } };
            if let Some((start, end)) = range.of(size) {
                prop_assert!(start < end && end <= size && end - start <= HTTP_PIECE_BYTES);
            }
        }
    }
}

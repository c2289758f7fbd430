//! The framing of bodies in `aws-chunked`, checked before `s3s` decodes them. `s3s` holds each chunk whole, takes the end of
//! the body for its end, and compares neither the length nor the trailers with what the headers announce.

use bytes::Bytes;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

/// The largest chunk with a signature, in bytes. It is held until the signature was verified.
pub(crate) const MAX_SIGNED_CHUNK: u64 = 16 << 20;

/// The longest line with the size of a chunk, in bytes.
const MAX_LINE: usize = 256;

/// The most bytes of trailers.
const MAX_TRAILERS: usize = 8 << 10;

/// What the headers announce of a body.
#[derive(Debug)]
pub(crate) struct Announced {
    /// Number of bytes without the framing.
    pub(crate) length: u64,
    /// Name of a trailer, in lowercase.
    pub(crate) trailer: Option<String>,
    /// Whether chunks have no signatures.
    pub(crate) is_unsigned: bool,
}

/// Checks the pieces of a body, in their order.
pub(crate) struct Framing {
    announced: Announced,
    decoded: u64,
    state: State,
}

enum State {
    /// In the line with the size of a chunk.
    Size(Vec<u8>),
    /// In a chunk, with this many bytes left.
    Data(u64),
    /// In the line break after a chunk, with this much of it left.
    Break(&'static [u8]),
    /// After the line of the last chunk, which is empty.
    Trailers(Vec<u8>),
}

impl Framing {
    pub(crate) fn new(announced: Announced) -> Self {
        Self { announced, decoded: 0, state: State::Size(Vec::new()) }
    }

    /// Checks the next piece, and returns what is to be passed on. Chunks without signatures are cut at the ends of the
    /// pieces, so that none of them has to be held.
    ///
    /// # Errors
    /// `IncompleteBody`, `InvalidRequest`, `MalformedTrailerError`.
    pub(crate) fn next(&mut self, piece: Bytes) -> S3Result<Vec<Bytes>> {
        let mut rest = piece.clone();
        let mut cut = Vec::new();
        while !rest.is_empty() {
            match &mut self.state {
                State::Size(line) => {
                    let end = rest.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
                    line.extend_from_slice(&rest.split_to(end.unwrap_or(rest.len())));
                    if line.len() > MAX_LINE {
                        return Err(malformed("the line with its size is too long"));
                    }
                    if end.is_some() {
                        let line = std::mem::take(line);
                        self.start(&line)?;
                        if matches!(self.state, State::Trailers(_)) {
                            cut.push(Bytes::from_static(b"0\r\n"));
                        }
                    }
                }
                State::Data(left) => {
                    let data = rest.split_to(rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX)));
                    *left -= data.len() as u64;
                    cut.extend([
                        Bytes::from(format!("{:x}\r\n", data.len())),
                        data,
                        Bytes::from_static(b"\r\n"),
                    ]);
                    if *left == 0 {
                        self.state = State::Break(b"\r\n");
                    }
                }
                State::Break(left) => {
                    if rest.split_to(1)[0] != left[0] {
                        return Err(malformed("it is longer than its size"));
                    }
                    self.state = match &left[1..] {
                        [] => State::Size(Vec::new()),
                        left => State::Break(left),
                    };
                }
                State::Trailers(trailers) => {
                    if trailers.len() + rest.len() > MAX_TRAILERS {
                        return Err(trailer(format!("the trailers have more than {MAX_TRAILERS} bytes")));
                    }
                    trailers.extend_from_slice(&rest);
                    cut.push(std::mem::take(&mut rest));
                }
            }
        }
        Ok(if self.announced.is_unsigned { cut } else { vec![piece] })
    }

    /// Starts a chunk with the line of its size.
    fn start(&mut self, line: &[u8]) -> S3Result<()> {
        let text = line.strip_suffix(b"\r\n").and_then(|line| std::str::from_utf8(line).ok());
        let digits = text.map(|text| text.split(';').next().unwrap_or_default());
        let digits = digits.filter(|digits| {
            (1..=16).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        let size = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let size = size.ok_or_else(|| malformed("its size is not a hexadecimal number"))?;
        if !self.announced.is_unsigned && size > MAX_SIGNED_CHUNK {
            return Err(s3_error!(
                InvalidRequest,
                "a chunk with a signature has {size} bytes; the limit is {MAX_SIGNED_CHUNK}"
            ));
        }
        let length = self.announced.length;
        self.decoded = self.decoded.saturating_add(size);
        if self.decoded > length || (size == 0 && self.decoded != length) {
            return Err(s3_error!(
                IncompleteBody,
                "the chunks have {} bytes, and x-amz-decoded-content-length is {length}",
                self.decoded
            ));
        }
        self.state = if size == 0 { State::Trailers(Vec::new()) } else { State::Data(size) };
        Ok(())
    }

    /// Checks the end of the body.
    ///
    /// # Errors
    /// `IncompleteBody` without the last chunk, `MalformedTrailerError` if the trailers are not those that were announced.
    pub(crate) fn finish(&self) -> S3Result<()> {
        let State::Trailers(trailers) = &self.state else {
            return Err(s3_error!(IncompleteBody, "the body ends before its last chunk"));
        };
        let text = String::from_utf8_lossy(trailers);
        let names = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let names = names.map(|line| line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase());
        let names: Vec<_> = names.filter(|name| name != "x-amz-trailer-signature").collect();
        match &self.announced.trailer {
            expected if names.iter().eq(expected.iter()) => Ok(()),
            expected => Err(trailer(format!(
                "the trailers are {names:?}, and x-amz-trailer announces {:?}",
                expected.as_deref().unwrap_or_default()
            ))),
        }
    }
}

fn malformed(what: &str) -> S3Error {
    s3_error!(IncompleteBody, "a chunk is malformed: {what}")
}

fn trailer(what: String) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom("MalformedTrailerError".into()), what);
    error.set_status_code(axum::http::StatusCode::BAD_REQUEST);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "x-amz-checksum-crc32";

    fn announced(length: u64, trailer: Option<&str>) -> Announced {
        Announced { length, trailer: trailer.map(str::to_owned), is_unsigned: true }
    }

    /// Passes a body in pieces of one length, and returns what is passed on, or the code of the error.
    fn passed(body: &str, announced: Announced, length: usize) -> Result<Vec<u8>, String> {
        let mut framing = Framing::new(announced);
        let mut passed = Vec::new();
        let code = |error: S3Error| error.code().as_str().to_owned();
        for piece in body.as_bytes().chunks(length) {
            passed.extend(framing.next(Bytes::copy_from_slice(piece)).map_err(code)?.concat());
        }
        framing.finish().map_err(code)?;
        Ok(passed)
    }

    #[test]
    fn a_body_is_passed_on_in_chunks_that_are_not_longer_than_its_pieces() {
        let body = format!("5\r\nhello\r\n3\r\nyou\r\n0\r\n{SUM}:AAAA\r\n\r\n");
        let all = passed(&body, announced(8, Some(SUM)), 1_000).unwrap();
        assert_eq!(String::from_utf8(all).unwrap(), body);
        let expected = format!("3\r\nhel\r\n2\r\nlo\r\n3\r\nyou\r\n0\r\n{SUM}:AAAA\r\n\r\n");
        let cut = passed(&body, announced(8, Some(SUM)), 6).unwrap();
        assert_eq!(String::from_utf8(cut).unwrap(), expected);
        // With signatures, bytes are passed on as they are.
        let signed = "5;chunk-signature=00\r\nhello\r\n0;chunk-signature=11\r\n\r\n";
        for length in 1..=signed.len() {
            let announced = Announced { is_unsigned: false, ..announced(5, None) };
            assert_eq!(passed(signed, announced, length).unwrap(), signed.as_bytes());
        }
    }

    #[test]
    fn a_body_with_another_framing_is_refused() {
        let end = "0\r\n\r\n";
        for (body, length, announced_trailer, code) in [
            ("5\r\nhello\r\n".to_owned(), 5, None, "IncompleteBody"),
            ("5\r\nhel".to_owned(), 5, None, "IncompleteBody"),
            (String::new(), 0, None, "IncompleteBody"),
            (format!("5\r\nhello\r\n{end}"), 6, None, "IncompleteBody"),
            (format!("5\r\nhello\r\n{end}"), 4, None, "IncompleteBody"),
            (format!("5\r\nhello!\r\n{end}"), 5, None, "IncompleteBody"),
            (format!("x\r\nhello\r\n{end}"), 5, None, "IncompleteBody"),
            (format!("+5\r\nhello\r\n{end}"), 5, None, "IncompleteBody"),
            (format!("00000000000000005\r\nhello\r\n{end}"), 5, None, "IncompleteBody"),
            (format!("5;{}\r\nhello\r\n{end}", "x".repeat(300)), 5, None, "IncompleteBody"),
            (format!("5\r\nhello\r\n{end}"), 5, Some(SUM), "MalformedTrailerError"),
            (
                "5\r\nhello\r\n0\r\nx-amz-checksum-sha1:AAAA\r\n\r\n".to_owned(),
                5,
                Some(SUM),
                "MalformedTrailerError",
            ),
            (format!("5\r\nhello\r\n0\r\n{SUM}:AAAA\r\n\r\n"), 5, None, "MalformedTrailerError"),
            (format!("5\r\nhello\r\n0\r\n{SUM}:A\r\n{SUM}:B\r\n\r\n"), 5, Some(SUM), "MalformedTrailerError"),
            (format!("0\r\n{}", "x".repeat(9_000)), 0, None, "MalformedTrailerError"),
        ] {
            for piece in [1, 7, 10_000] {
                let found = passed(&body, announced(length, announced_trailer), piece);
                assert_eq!(found.unwrap_err(), code, "{body}");
            }
        }
    }

    #[test]
    fn a_chunk_with_a_signature_has_a_limit() {
        for (size, is_within) in [(MAX_SIGNED_CHUNK, true), (MAX_SIGNED_CHUNK + 1, false)] {
            let line = Bytes::from(format!("{size:x};chunk-signature=00\r\n"));
            let announced = |is_unsigned| Announced { is_unsigned, ..announced(u64::MAX, None) };
            assert_eq!(Framing::new(announced(false)).next(line.clone()).is_ok(), is_within);
            assert!(Framing::new(announced(true)).next(line).is_ok());
        }
    }
}

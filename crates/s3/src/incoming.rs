//! What is checked of the body of a request while `s3s` reads it: that it does not stop, the framing of `aws-chunked`, and the
//! digests of bodies that `s3s` parses itself.

use std::{collections::VecDeque, io};

use axum::{
    body::{Body, BodyDataStream, HttpBody},
    http::{Method, request::Parts},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use s3s::{S3Result, s3_error};

use crate::{
    body::Checked,
    elements,
    error::not_implemented,
    framing::{Announced, Framing},
    idle::timed,
    query,
    refusal::Refusal,
    sums::{Given, Sums},
};

/// The largest body of XML, in bytes: 10,000 parts with their checksums.
pub(crate) const MAX_XML_BYTES: u64 = 4 << 20;

/// Returns the body with the checks that it needs. It ends with `RequestTimeout` when the client stops sending.
///
/// # Errors
/// `NotImplemented` for `aws-chunked` where there is no object, `MissingContentLength`, `InvalidDigest`.
pub(crate) fn checked(parts: &Parts, body: Body, is_object: bool, refusal: &Refusal) -> S3Result<Body> {
    let body = timed(body, refusal);
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let payload = text("x-amz-content-sha256").unwrap_or_default();
    let is_parsed = parts.method == Method::POST || !is_object;
    let refusal = refusal.clone();
    if payload.starts_with("STREAMING-") {
        if is_parsed {
            return Err(not_implemented("aws-chunked for a body other than that of an object"));
        }
        let length = text("x-amz-decoded-content-length").and_then(|length| length.parse().ok());
        let framing = Framing::new(Announced {
            length: length
                .ok_or_else(|| s3_error!(MissingContentLength, "x-amz-decoded-content-length is missing"))?,
            trailer: text("x-amz-trailer").map(str::to_ascii_lowercase),
            is_unsigned: payload == "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        });
        return Ok(Body::from_stream(
            framed(body, framing).map(move |piece| piece.map_err(|error| refusal.keep(error))),
        ));
    }
    if is_object && lacks_a_length(parts, &body) {
        return Err(s3_error!(MissingContentLength));
    }
    let given = digests(parts);
    if !is_parsed || (body.is_end_stream() && !given.is_some()) {
        return Ok(body);
    }
    let mut size = 0;
    let limited = move |piece: Result<Bytes, axum::Error>| {
        let piece = piece.map_err(io::Error::other)?;
        size += piece.len() as u64;
        match size <= MAX_XML_BYTES {
            true => Ok(piece),
            false => Err(io::Error::other(s3_error!(
                MaxMessageLengthExceeded,
                "the limit is {MAX_XML_BYTES} bytes"
            ))),
        }
    };
    let checked = Checked::new(body.into_data_stream().map(limited).boxed(), Sums::new(given)?);
    Ok(Body::from_stream(
        elements::checked(checked).map(move |piece| piece.map_err(|error| refusal.keep(error))),
    ))
}

/// Returns whether a request to store a body does not say that there is none. In HTTP/1.1, the bytes that follow are taken for
/// the next request.
fn lacks_a_length(parts: &Parts, body: &Body) -> bool {
    let has = |name: &str| parts.headers.contains_key(name);
    parts.method == Method::PUT
        && body.is_end_stream()
        && !has("content-length")
        && !has("transfer-encoding")
        && !has("x-amz-copy-source")
}

/// Returns the digests that the headers give of a body.
fn digests(parts: &Parts) -> Given {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut given = Given { content_md5: text("content-md5"), ..Given::default() };
    // In a completion, the checksums are those of the object.
    if query::pairs(&parts.uri).iter().all(|(name, _)| name != "uploadId") {
        given.checksum.checksum_crc32 = text("x-amz-checksum-crc32");
        given.checksum.checksum_crc32c = text("x-amz-checksum-crc32c");
        given.checksum.checksum_crc64nvme = text("x-amz-checksum-crc64nvme");
        given.checksum.checksum_sha1 = text("x-amz-checksum-sha1");
        given.checksum.checksum_sha256 = text("x-amz-checksum-sha256");
    }
    given
}

/// The pieces of a body in `aws-chunked`, which end with an error if its framing is not what the headers announce.
fn framed(body: Body, framing: Framing) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let chunked = Chunked { body: body.into_data_stream(), framing, ready: VecDeque::new() };
    stream::unfold(Some(chunked), |chunked| async {
        let mut chunked = chunked?;
        let piece = chunked.next().await?;
        // Nothing follows an error.
        let rest = piece.is_ok().then_some(chunked);
        Some((piece, rest))
    })
}

struct Chunked {
    body: BodyDataStream,
    framing: Framing,
    /// Pieces that were checked.
    ready: VecDeque<Bytes>,
}

impl Chunked {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(Ok(piece));
            }
            let passed = match self.body.next().await {
                Some(Ok(piece)) => self.framing.next(piece),
                Some(Err(error)) => return Some(Err(io::Error::other(error))),
                None => return self.framing.finish().err().map(|error| Err(io::Error::other(error))),
            };
            match passed {
                Ok(pieces) => self.ready.extend(pieces),
                Err(error) => return Some(Err(io::Error::other(error))),
            }
        }
    }
}

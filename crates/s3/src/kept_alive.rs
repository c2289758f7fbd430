//! Responses that start before their operation has ended, so that the client keeps waiting. `s3s` starts them with a declaration
//! of XML, and starts an error that follows with another one, which no reader of XML accepts.

use std::mem;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::StreamExt;
use s3s::{S3Response, dto::CompleteMultipartUploadOutput};

use crate::xml;

/// Marks a response that starts before its operation has ended.
#[derive(Clone, Copy)]
struct KeptAlive;

/// Returns the response to a completion.
pub(crate) fn response(output: CompleteMultipartUploadOutput) -> S3Response<CompleteMultipartUploadOutput> {
    if output.future.is_none() {
        return xml::with_keys(output);
    }
    let mut response = S3Response::new(output);
    response.extensions.insert(KeptAlive);
    response
}

/// Removes the declaration of an error from a response that has started, and writes references for the control characters of
/// its key.
pub(crate) fn with_one_declaration(response: Response) -> Response {
    if response.extensions().get::<KeptAlive>().is_none() {
        return response;
    }
    response.map(|body| {
        let mut is_first = true;
        let mut piece = move |piece: Bytes| match mem::take(&mut is_first) {
            true => piece,
            false => xml::with_references(without_declaration(piece)),
        };
        Body::from_stream(body.into_data_stream().map(move |next| next.map(&mut piece)))
    })
}

/// Returns a piece without the declaration at its start. `s3s` sends an error in one piece.
fn without_declaration(mut piece: Bytes) -> Bytes {
    let end = b"?>";
    if piece.starts_with(b"<?xml")
        && let Some(at) = piece.windows(end.len()).position(|bytes| bytes == end)
    {
        return piece.split_off(at + end.len());
    }
    piece
}

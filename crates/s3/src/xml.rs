//! Control characters in bodies of XML. `s3s` writes the characters of a key as they are, and a reader of XML takes a carriage
//! return for a line feed then. S3 writes references, as is done here: that of a carriage return is XML 1.0, those of other
//! control characters are not, and some readers refuse them. There is no other way to write them, except `encoding-type=url`.

use axum::{
    body::{Body, to_bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use s3s::S3Response;

/// Marks a response whose body is XML with keys. Bodies of objects are never changed.
#[derive(Clone, Copy)]
struct WithKeys;

/// Returns the response with an output that has keys.
pub(crate) fn with_keys<T>(output: T) -> S3Response<T> {
    let mut response = S3Response::new(output);
    response.extensions.insert(WithKeys);
    response
}

/// Writes references for the control characters of a response that has keys. `s3s` has its body in memory.
pub(crate) async fn escaped(response: Response) -> Response {
    if response.extensions().get::<WithKeys>().is_none() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(with_references(bytes)))
}

/// Returns whether XML does not keep a character as it is.
fn is_control(byte: u8) -> bool {
    byte < b' ' && byte != b'\t' && byte != b'\n'
}

/// Writes references for control characters.
pub(crate) fn with_references(bytes: Bytes) -> Bytes {
    if !bytes.iter().any(|byte| is_control(*byte)) {
        return bytes;
    }
    let text = bytes.iter().fold(Vec::with_capacity(bytes.len()), |mut text: Vec<u8>, byte| {
        match is_control(*byte) {
            true => text.extend(format!("&#x{byte:x};").into_bytes()),
            false => text.push(*byte),
        }
        text
    });
    text.into()
}

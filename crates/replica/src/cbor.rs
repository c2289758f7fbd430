//! CBOR encoding of responses.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_cbor::Serializer;
use tokio::sync::OwnedSemaphorePermit;

use crate::body;

/// Encodes a value as CBOR, with the self-describing tag that the specification asks for.
pub(crate) fn encode(value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    let mut serializer = Serializer::new(Vec::new());
    serializer.self_describe().expect("a vector takes any number of bytes");
    value
        .serialize(&mut serializer)
        .expect("a vector takes any number of bytes, and the types have no other failure");
    serializer.into_inner()
}

/// Returns a response with status 200 and a small body in CBOR.
pub(crate) fn response(value: &impl Serialize) -> Response {
    with_body(Body::from(encode(value)))
}

/// Returns a response with status 200 and a body in CBOR, for which memory was reserved.
pub(crate) fn large_response(value: &impl Serialize, permit: OwnedSemaphorePermit) -> Response {
    with_body(body::held(encode(value), permit))
}

fn with_body(body: Body) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/cbor")], body).into_response()
}

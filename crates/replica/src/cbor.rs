//! CBOR, as the bodies of requests and responses have it.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_cbor::Serializer;

/// CBOR that begins with the tag that says so.
pub(crate) fn encode(value: &(impl Serialize + ?Sized)) -> Vec<u8> {
    let mut serializer = Serializer::new(Vec::new());
    serializer.self_describe().expect("a vector takes any number of bytes");
    value
        .serialize(&mut serializer)
        .expect("a vector takes any number of bytes, and the types have no other failure");
    serializer.into_inner()
}

/// A response with status 200.
pub(crate) fn response(value: &impl Serialize) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/cbor")], Body::from(encode(value))).into_response()
}

//! HTTP requests and responses, as exchanged with the HTTP gateways of the Internet Computer.

use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use storage_wire::Wire;

/// HTTP request, as a gateway forwards it.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// For example `GET`.
    pub method: String,
    /// Path and query, for example `/metrics`.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body, empty for `GET`.
    pub body: ByteBuf,
    /// Version of the verification of responses that the gateway supports.
    pub certificate_version: Option<u16>,
}

impl HttpRequest {
    /// Creates a `GET` without headers.
    pub fn get(url: impl Into<String>) -> Self {
        Self { method: "GET".into(), url: url.into(), ..Self::default() }
    }
}

/// HTTP response.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// For example 200.
    pub status_code: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: ByteBuf,
    /// Whether the gateway has to call `http_request_update` instead.
    pub upgrade: Option<bool>,
}

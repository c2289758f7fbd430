//! The HTTP endpoint: the sites, and the metrics.

use ic_cdk::api::data_certificate;
use serde_bytes::ByteBuf;
use stable_storage_api::{HttpRequest, HttpResponse, Result};
use storage_engine::HttpReply;

use crate::metrics;
use crate::state::CanisterStore;

/// Content type of the Prometheus text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// Responds to everyone. What cannot be certified is left to [`http_request_update`].
pub(crate) fn http_request(store: &CanisterStore, request: HttpRequest) -> Result<HttpResponse> {
    let certificate = data_certificate();
    // An update that calls this method has no certificate, and needs none.
    match store.http(&request, certificate.as_deref())? {
        HttpReply::Response(response) => Ok(response),
        HttpReply::Upgrade => Ok(upgrade()),
        HttpReply::NoSite => Ok(metrics_or_nothing(store, &request)),
    }
}

/// Responds to everyone, in an update: the subnet agrees on the response, so that it needs no certificate.
pub(crate) fn http_request_update(store: &CanisterStore, request: HttpRequest) -> Result<HttpResponse> {
    match store.http(&request, None)? {
        HttpReply::Response(response) => Ok(response),
        HttpReply::Upgrade | HttpReply::NoSite => Ok(metrics_or_nothing(store, &request)),
    }
}

/// Responds with the metrics at their path. An argument that is not a request has no method.
fn metrics_or_nothing(store: &CanisterStore, request: &HttpRequest) -> HttpResponse {
    let path = request.url.split(['?', '#']).next();
    let response = match (request.method.as_str(), path) {
        ("", _) => text(400, "the argument is not an HTTP request"),
        (_, Some("/metrics")) => match request.method.as_str() {
            "GET" | "HEAD" => match metrics::encode(store) {
                Ok(body) => response(200, PROMETHEUS_TEXT, body),
                Err(error) => text(500, &error.to_string()),
            },
            _ => not_allowed(),
        },
        _ => text(404, "not found; there is no site at this path"),
    };
    if request.method == "HEAD" { without_body(response) } else { response }
}

/// Has the gateway call [`http_request_update`].
fn upgrade() -> HttpResponse {
    HttpResponse { status_code: 200, headers: Vec::new(), body: ByteBuf::new(), upgrade: Some(true) }
}

fn not_allowed() -> HttpResponse {
    let mut response = text(405, "only GET and HEAD are allowed");
    response.headers.push(("allow".into(), "GET, HEAD".into()));
    response
}

fn text(status_code: u16, body: &str) -> HttpResponse {
    response(status_code, PLAIN_TEXT, format!("{body}\n").into_bytes())
}

fn response(status_code: u16, content_type: &str, body: Vec<u8>) -> HttpResponse {
    let headers = [
        ("content-type", content_type),
        ("content-length", &body.len().to_string()),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    HttpResponse { status_code, headers, body: ByteBuf::from(body), upgrade: None }
}

/// Returns the response to HEAD: that of GET without the body.
fn without_body(response: HttpResponse) -> HttpResponse {
    HttpResponse { body: ByteBuf::new(), ..response }
}

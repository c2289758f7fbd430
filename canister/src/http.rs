//! The HTTP endpoint, which serves only the metrics.

use serde_bytes::{ByteBuf, Bytes};
use stable_storage_api::{HttpResponse, Result};
use storage_wire::Wire;

use crate::metrics;
use crate::state::CanisterStore;

/// Content type of the Prometheus text format.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// [`HttpRequest`](stable_storage_api::HttpRequest), borrowed from the argument of the message. An invalid
/// argument becomes a request without a method, so that it also gets a response.
#[derive(Default, Wire)]
pub(crate) struct Request<'a> {
    method: &'a str,
    url: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a Bytes,
}

/// Responds to everyone.
pub(crate) fn http_request(store: &CanisterStore, request: Request<'_>) -> Result<HttpResponse> {
    let path = request.url.split(['?', '#']).next();
    let response = match (request.method, path) {
        ("", _) => text(400, "the argument is not an HTTP request"),
        (_, Some("/metrics")) => match request.method {
            "GET" | "HEAD" => match metrics::encode(store) {
                Ok(body) => response(200, PROMETHEUS_TEXT, body),
                Err(error) => text(500, &error.to_string()),
            },
            _ => not_allowed(),
        },
        _ => text(404, "not found; the only path is /metrics"),
    };
    Ok(if request.method == "HEAD" { without_body(response) } else { response })
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
    HttpResponse { status_code, headers, body: ByteBuf::from(body) }
}

/// Returns the response to HEAD: that of GET without the body.
fn without_body(response: HttpResponse) -> HttpResponse {
    HttpResponse { body: ByteBuf::new(), ..response }
}

//! What the canister answers to HTTP: its metrics, and nothing else.

use serde_bytes::{ByteBuf, Bytes};
use stable_storage_api::{HttpResponse, Result};
use storage_wire::Wire;

use crate::metrics;
use crate::state::CanisterStore;

/// The version of the text format of Prometheus.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// [`HttpRequest`](stable_storage_api::HttpRequest), borrowed from the argument of the message. An argument that is no request is one
/// without a method, so that it is answered, too.
#[derive(Default, Wire)]
pub(crate) struct Request<'a> {
    method: &'a str,
    url: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a Bytes,
}

/// Everyone may ask.
pub(crate) fn http_request(store: &CanisterStore, request: Request<'_>) -> Result<HttpResponse> {
    let path = request.url.split(['?', '#']).next();
    let response = match (request.method, path) {
        ("", _) => text(400, "this is no HTTP request"),
        (_, Some("/metrics")) => match request.method {
            "GET" | "HEAD" => match metrics::encode(store) {
                Ok(body) => response(200, PROMETHEUS_TEXT, body),
                Err(error) => text(500, &error.to_string()),
            },
            _ => not_allowed(),
        },
        _ => text(404, "there is nothing here but /metrics"),
    };
    Ok(if request.method == "HEAD" { without_body(response) } else { response })
}

fn not_allowed() -> HttpResponse {
    let mut response = text(405, "only GET and HEAD are answered");
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

/// The answer to HEAD says what GET would, without the body.
fn without_body(response: HttpResponse) -> HttpResponse {
    HttpResponse { body: ByteBuf::new(), ..response }
}

//! What the canister answers to HTTP: its metrics, and nothing else.

use candid::encode_one;
use ic_cdk::api::msg_reply;
use serde_bytes::ByteBuf;
use storage_api::{HttpRequest, HttpResponse};

use crate::metrics;
use crate::wire::{Arguments, Reply, endpoint};

/// The version of the text format of Prometheus.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// An argument that is no request is one without a method, so that it is answered, too.
impl Arguments<'_> for (HttpRequest,) {
    fn instead(_error: String) -> Result<Self, String> {
        Ok((HttpRequest::default(),))
    }
}

impl Reply for HttpResponse {
    type Candid = Self;

    fn send(self) {
        msg_reply(encode_one(self).expect("a response can be encoded"));
    }
}

endpoint!("canister_query http_request": query fn http_request(request: HttpRequest) -> HttpResponse);

/// Everyone may ask.
fn http_request(request: HttpRequest) -> HttpResponse {
    let path = request.url.split(['?', '#']).next();
    let response = match (request.method.as_str(), path) {
        ("", _) => text(400, "this is no HTTP request"),
        (_, Some("/metrics")) => match request.method.as_str() {
            "GET" | "HEAD" => match metrics::encode() {
                Ok(body) => response(200, PROMETHEUS_TEXT, body),
                Err(error) => text(500, &error.to_string()),
            },
            _ => not_allowed(),
        },
        _ => text(404, "there is nothing here but /metrics"),
    };
    if request.method == "HEAD" { without_body(response) } else { response }
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

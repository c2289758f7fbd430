//! The page that `storage serve` shows: files that are a part of this program, each at a separate address.
//!
//! `packages/page` has the sources, and `scripts/web.sh` builds `crates/cli/page` from them. An address that is not in the
//! table is not found; no path of a request ever names a file.

use std::sync::LazyLock;

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use sha2::{Digest, Sha256};

/// A file of the page.
struct Asset {
    path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 6] = [
    Asset {
        path: "/",
        content_type: "text/html; charset=utf-8",
        bytes: include_bytes!("../page/index.html"),
    },
    Asset {
        path: "/index.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../page/index.js"),
    },
    Asset {
        path: "/index.css",
        content_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../page/index.css"),
    },
    Asset {
        path: "/worker.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../page/worker.js"),
    },
    Asset {
        path: "/licenses.md",
        content_type: "text/plain; charset=utf-8",
        bytes: include_bytes!("../page/licenses.md"),
    },
    Asset { path: "/icon.svg", content_type: "image/svg+xml", bytes: include_bytes!("../page/icon.svg") },
];

/// A digest of each file in the order of the table, by which a browser finds out whether it has the file already.
static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let tag = |asset: &Asset| format!("\"{}\"", hex::encode(&Sha256::digest(asset.bytes)[..16]));
    ASSETS.iter().map(tag).collect()
});

/// What the page may load and whom it may call: this server, replicas on this machine, and the Internet Computer. Scripts are
/// its own files, so that content of the store is never run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
    media-src 'self' blob:; frame-src 'self'; worker-src 'self'; \
    connect-src 'self' http://127.0.0.1:* http://localhost:* https://icp-api.io https://icp0.io https://ic0.app; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The headers of every answer.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-cache"),
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The addresses of the page, and `/storage.json`, which names the canister.
pub(crate) fn router(canister: &str) -> Router {
    let target = Bytes::from(serde_json::json!({ "canister": canister }).to_string());
    let mut router = Router::new();
    for (asset, tag) in ASSETS.iter().zip(TAGS.iter()) {
        router = router.route(asset.path, get(async move |headers: HeaderMap| answer(asset, tag, &headers)));
    }
    router.route("/storage.json", get(async move || with_headers("application/json", target.clone())))
}

fn answer(asset: &Asset, tag: &'static str, request: &HeaderMap) -> Response {
    let known = request.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let is_known = known.is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag));
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => with_headers(asset.content_type, Bytes::from_static(asset.bytes)),
    };
    response.headers_mut().insert(header::ETAG, HeaderValue::from_static(tag));
    response
}

fn with_headers(content_type: &'static str, body: Bytes) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in &HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

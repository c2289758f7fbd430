//! A storage canister with a site, and a gateway whose connection to the canister can be tampered with.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use candid::{CandidType, Principal, utils::ArgumentEncoder};
use embedded_ic::{Config, EmbeddedIc};
use embedded_ic_replica::{Options, Replica};
use http_body_util::BodyExt;
use ic_transport_types::{QueryResponse, ReplyResponse};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use stable_storage_api::{
    CertifyProgress, HttpResponse, MetadataPair, PutArgs, SOURCE_DIGEST, Site, Written,
};
use storage_wasm::STORAGE_WASM;
use tower::ServiceExt;

/// Prefix of the site.
pub(super) const PREFIX: &str = "w/";

/// A host with the storage canister.
pub(super) struct Host {
    host: EmbeddedIc,
    owner: Principal,
}

impl Host {
    pub(super) fn new() -> Self {
        // The canister is compiled once for all cases.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled");
        let mut host = EmbeddedIc::new(Config::default().with_compilation_cache(cache)).unwrap();
        host.install(STORAGE_WASM, &candid::encode_one(None::<()>).unwrap()).unwrap();
        let owner = host.controllers()[0];
        Self { host, owner }
    }

    fn call<R: CandidType + DeserializeOwned>(&mut self, method: &str, args: impl ArgumentEncoder) -> R {
        let reply = self.host.update(self.owner, method, candid::encode_args(args).unwrap()).unwrap();
        let result: stable_storage_api::Result<R> = candid::decode_one(&reply.bytes).unwrap();
        result.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Stores an object under the prefix of the site.
    pub(super) fn put(&mut self, name: &str, object: &Stored) {
        let source = object.source.clone().map(|digest| vec![MetadataPair::new(SOURCE_DIGEST, digest)]);
        let args = PutArgs {
            content_type: Some("text/plain".into()),
            content_encoding: object.encoding.map(Into::into),
            metadata: source,
            sha256: Some(Sha256::digest(&object.content).to_vec().into()),
            ..PutArgs::new(format!("{PREFIX}{name}"), object.content.clone())
        };
        self.call::<Written>("put_with", (args,));
    }

    pub(super) fn delete(&mut self, name: &str) {
        self.call::<bool>("delete", (format!("{PREFIX}{name}"), None::<stable_storage_api::Condition>));
    }

    /// Declares the site, and certifies what exists.
    pub(super) fn declare(&mut self, site: &Site) {
        self.call::<()>("set_site", (site,));
        while !self.call::<CertifyProgress>("certify", (&site.prefix,)).done {}
    }

    /// Starts a gateway.
    pub(super) fn serve(self) -> Gateway {
        let replica = Replica::start(self.host).unwrap();
        let (line, options) = (Arc::new(Line::default()), Options::default());
        let api = replica.router(&options).layer(from_fn_with_state(Arc::clone(&line), transmit));
        let router = replica.with_sites_through(api, Router::new(), &options);
        Gateway { replica, router, line }
    }
}

/// An object as it was stored.
#[derive(Clone, Debug, Default)]
pub(super) struct Stored {
    pub(super) content: Vec<u8>,
    pub(super) encoding: Option<&'static str>,
    /// The digest that its metadata names as that of its source.
    pub(super) source: Option<String>,
}

impl Stored {
    pub(super) fn text(content: impl Into<Vec<u8>>) -> Self {
        Self { content: content.into(), ..Self::default() }
    }
}

/// Changes a reply of `http_request`.
pub(super) type Tampering = Box<dyn Fn(&mut HttpResponse) + Send>;

/// The connection between gateway and canister.
#[derive(Default)]
struct Line {
    updates: AtomicUsize,
    queries: AtomicUsize,
    /// The query whose reply is changed, counted from 0, and how.
    tampering: Mutex<Option<(usize, Tampering)>>,
    /// The last reply of a query, before it was changed.
    last: Mutex<Option<HttpResponse>>,
}

async fn transmit(State(line): State<Arc<Line>>, request: Request, next: Next) -> Response {
    let is_query = request.uri().path().ends_with("/query");
    if !is_query {
        line.updates.fetch_add(usize::from(request.uri().path().ends_with("/call")), Ordering::Relaxed);
        return next.run(request).await;
    }
    let number = line.queries.fetch_add(1, Ordering::Relaxed);
    let (mut parts, body) = next.run(request).await.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    parts.headers.remove("content-length");
    Response::from_parts(parts, Body::from(line.change(number, bytes)))
}

impl Line {
    /// Returns the bytes of a reply, changed if it is its turn.
    fn change(&self, number: usize, bytes: Bytes) -> Bytes {
        let Ok(QueryResponse::Replied { reply, signatures }) = serde_cbor::from_slice(&bytes) else {
            return bytes;
        };
        let mut response: HttpResponse = candid::decode_one(&reply.arg).unwrap();
        *self.last.lock().unwrap() = Some(response.clone());
        match &*self.tampering.lock().unwrap() {
            Some((turn, tamper)) if *turn == number => tamper(&mut response),
            _ => return bytes,
        }
        let reply = ReplyResponse { arg: candid::encode_one(response).unwrap() };
        serde_cbor::to_vec(&QueryResponse::Replied { reply, signatures }).unwrap().into()
    }
}

/// A gateway that calls the canister.
pub(super) struct Gateway {
    replica: Replica,
    router: Router,
    line: Arc<Line>,
}

/// What a browser gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// The body, or as much of it as arrived before an error.
    pub(super) body: Result<Vec<u8>, Vec<u8>>,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| &**value)
    }
}

impl Gateway {
    /// Sends a request of a browser.
    pub(super) async fn ask(&self, method: &str, url: &str, headers: &[(&str, &str)]) -> Received {
        let host = format!("{}.localhost", self.replica.canister_id());
        let mut request = Request::builder().method(method).uri(url).header("host", host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, mut body) = response.into_parts();
        let mut headers: Vec<_> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        // Each reply has another certificate.
        headers.retain(|(name, _)| name != "ic-certificate");
        let mut received = Vec::new();
        let body = loop {
            match body.frame().await {
                None => break Ok(received),
                Some(Ok(frame)) => received.extend(frame.into_data().unwrap()),
                Some(Err(_)) => break Err(received),
            }
        };
        Received { status: parts.status.as_u16(), headers, body }
    }

    /// Sends a request while the reply to its n-th query is changed.
    pub(super) async fn ask_tampered(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        query: usize,
        tamper: Tampering,
    ) -> Received {
        let turn = self.line.queries.load(Ordering::Relaxed) + query;
        *self.line.tampering.lock().unwrap() = Some((turn, tamper));
        let received = self.ask("GET", url, headers).await;
        *self.line.tampering.lock().unwrap() = None;
        received
    }

    /// Returns the number of updates that the gateway has needed.
    pub(super) fn updates(&self) -> usize {
        self.line.updates.load(Ordering::Relaxed)
    }

    /// Returns the last reply of the canister to the gateway.
    pub(super) fn last(&self) -> HttpResponse {
        self.line.last.lock().unwrap().clone().unwrap()
    }

    pub(super) async fn stop(self) {
        self.replica.close().await.unwrap();
    }
}

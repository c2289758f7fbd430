//! A gateway, and requests to it.

use axum::{Router, body::Body, http};
use bytes::Bytes;
use embedded_ic::{Config, EmbeddedIc};
use http_body_util::BodyExt;
use md5::Md5;
use sha2::{Digest, Sha256};
use stable_storage_api::InitArgs;
use storage_client::{Client, EmbeddedTransport, Transport};
use storage_s3::{Credentials, Domains, router};
use storage_testkit::Lagging;
use storage_wasm::STORAGE_WASM;
use tower::ServiceExt;

pub(crate) use crate::signing::Signing;
use crate::signing::mac;

/// A key that may do everything, and one that may read.
const KEYS: &str =
    "[[key]]\naccess_key = \"WRITER\"\nsecret_key = \"secret of the writer\"\nrole = \"writer\"\n
[[key]]\naccess_key = \"READER\"\nsecret_key = \"secret of the reader\"\nrole = \"reader\"\n";

/// Who signs a request.
#[derive(Clone, Copy)]
pub(crate) struct Signer {
    pub(crate) key: &'static str,
    pub(crate) secret: &'static str,
}

pub(crate) const WRITER: Signer = Signer { key: "WRITER", secret: "secret of the writer" };
pub(crate) const READER: Signer = Signer { key: "READER", secret: "secret of the reader" };

/// A gateway to a new store.
pub(crate) struct Gateway {
    pub(crate) client: Client<EmbeddedTransport>,
    router: Router,
}

pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The texts of all elements with this name.
    pub(crate) fn all(&self, element: &str) -> Vec<&str> {
        let (start, end) = (format!("<{element}>"), format!("</{element}>"));
        let parts = self.text().split(start.as_str()).skip(1);
        parts.map(|part| part.split(end.as_str()).next().unwrap()).collect()
    }

    /// The text of the first element with this name.
    pub(crate) fn one(&self, element: &str) -> &str {
        self.all(element).first().copied().unwrap_or_default()
    }

    /// The status and the code of an error.
    pub(crate) fn error(&self) -> (u16, &str) {
        (self.status, self.one("Code"))
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "{}: {:?}", self.status, self.body);
        self
    }
}

/// A request, of the writer unless another signer is set.
pub(crate) struct Request<'g> {
    gateway: &'g Gateway,
    signer: Option<Signer>,
    /// Headers that are added without a signature.
    unsigned: Vec<(&'static str, String)>,
    host: &'static str,
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(&'static str, String)>,
    /// What `x-amz-content-sha256` says, if the signature is in a header.
    payload: Option<&'static str>,
    /// When it was signed, if its body is signed with the same time.
    signed_at: Option<Signing>,
    body: Body,
}

impl Gateway {
    pub(crate) fn new() -> Self {
        let mut host = EmbeddedIc::new(Config::default()).unwrap();
        let owner = host.controllers()[0];
        host.install(STORAGE_WASM, &candid::encode_one(None::<InitArgs>).unwrap()).unwrap();
        Self::over(Client::new(EmbeddedTransport::new(host, owner)))
    }

    /// Another gateway to the same store.
    pub(crate) fn over(client: Client<EmbeddedTransport>) -> Self {
        let router = router(client.clone(), Credentials::parse(KEYS).unwrap(), Domains::default());
        Self { client, router }
    }

    /// A gateway whose queries are executed by a node that has seen no update at all.
    pub(crate) fn lagging() -> Self {
        let (canister, stale) = (Self::new().client, Self::new().client);
        let node = Lagging { canister: canister.transport().clone(), stale: stale.transport().clone() };
        Self::through(canister, node)
    }

    /// A gateway that reaches the store of a client through another transport.
    pub(crate) fn through(client: Client<EmbeddedTransport>, transport: impl Transport + 'static) -> Self {
        let router = router(Client::new(transport), Credentials::parse(KEYS).unwrap(), Domains::default());
        Self { client, router }
    }

    /// A gateway with the bucket `bucket`.
    pub(crate) async fn with_bucket() -> Self {
        let gateway = Self::new();
        gateway.request("PUT", "/bucket").send().await.ok();
        gateway
    }

    pub(crate) fn request(&self, method: &'static str, path: &str) -> Request<'_> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Request {
            gateway: self,
            signer: Some(WRITER),
            unsigned: Vec::new(),
            host: HOST,
            method,
            path: path.to_owned(),
            query: query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            headers: Vec::new(),
            payload: None,
            signed_at: None,
            body: Body::empty(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request("GET", path).send().await
    }

    pub(crate) async fn put(&self, path: &str, body: impl Into<Bytes>) -> Response {
        self.request("PUT", path).body(body).send().await
    }
}

impl Request<'_> {
    pub(crate) fn signed_by(self, signer: impl Into<Option<Signer>>) -> Self {
        Self { signer: signer.into(), ..self }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends the request to this host.
    pub(crate) fn at(self, host: &'static str) -> Self {
        Self { host, ..self }
    }

    /// Signs with this instead of the current time and the scope of S3.
    pub(crate) fn signed_with(self, signing: Signing) -> Self {
        Self { signed_at: Some(signing), ..self }
    }

    /// Adds a header that the signature does not name.
    pub(crate) fn unsigned(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.unsigned.push((name, value.into()));
        self
    }

    pub(crate) fn body(self, body: impl Into<Bytes>) -> Self {
        let bytes: Bytes = body.into();
        let length = bytes.len().to_string();
        Self { body: Body::from(bytes), ..self }.header("content-length", length)
    }

    /// Sends this body, whose length is not what its pieces have.
    pub(crate) fn streamed(self, length: u64, body: Body) -> Self {
        Self { body, ..self }.header("content-length", length.to_string())
    }

    /// Signs in the header `Authorization` instead of the query.
    pub(crate) fn in_header(self, payload: &'static str) -> Self {
        Self { payload: Some(payload), ..self }
    }

    /// Sends chunks in `aws-chunked`, and announces this number of bytes. If `payload` says that they are signed, `end` is the
    /// line of a trailer, or empty; otherwise it follows the chunks as it is.
    pub(crate) fn chunked(self, payload: &'static str, length: u64, chunks: &[&[u8]], end: &str) -> Self {
        let mut request = self.in_header(payload).header("x-amz-decoded-content-length", length.to_string());
        request = request.header("content-encoding", "aws-chunked");
        let Some(Signer { secret, .. }) = request.signer.filter(|_| payload != UNSIGNED_CHUNKS) else {
            let chunks = chunks
                .iter()
                .map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
            let body = [chunks.collect::<Vec<_>>().concat(), end.as_bytes().to_vec()].concat();
            return request.body(body);
        };
        // The signatures are a chain that starts with that of the headers, of which one is the length of the body.
        let zeros = "0".repeat(64);
        let size =
            |chunk: &[u8], signature: &str| format!("{:x};chunk-signature={signature}\r\n", chunk.len());
        let line = |chunk: &[u8]| if chunk.is_empty() { "" } else { "\r\n" };
        let trailers = |signature: &str| match end {
            "" => "\r\n".to_owned(),
            end => format!("{end}\r\nx-amz-trailer-signature:{signature}\r\n\r\n"),
        };
        let total: usize =
            chunks.iter().map(|chunk| size(chunk, &zeros).len() + chunk.len() + line(chunk).len()).sum();
        let request = request.header("content-length", (total + trailers(&zeros).len()).to_string());
        let now = Signing::now(secret);
        let hash = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
        let mut previous = request.signature(&now);
        let mut body = Vec::new();
        for chunk in chunks {
            let kind = format!("AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}", now.time, now.scope);
            let text = format!("{kind}\n{previous}\n{}\n{}", hash(b""), hash(chunk));
            previous = hex::encode(mac(&now.key, &text));
            body.extend([size(chunk, &previous).as_bytes(), chunk, line(chunk).as_bytes()].concat());
        }
        let kind = format!("AWS4-HMAC-SHA256-TRAILER\n{}\n{}", now.time, now.scope);
        let text = format!("{kind}\n{previous}\n{}", hash(format!("{end}\n").as_bytes()));
        body.extend(trailers(&hex::encode(mac(&now.key, &text))).into_bytes());
        Self { body: Body::from(body), signed_at: Some(now), ..request }
    }

    pub(crate) async fn send(self) -> Response {
        let (parts, body) = self.respond().await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Response { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Returns the response before its body was read.
    pub(crate) async fn respond(mut self) -> http::Response<Body> {
        let signed_at = self.signed_at.take();
        let signing =
            self.signer.map(|signer| (signer.key, signed_at.unwrap_or_else(|| Signing::now(signer.secret))));
        let mut authorization = None;
        let uri = match (&signing, self.payload) {
            (Some((key, now)), Some(payload)) => {
                let signature = self.signature(now);
                authorization = Some(format!(
                    "AWS4-HMAC-SHA256 Credential={key}/{}, SignedHeaders={}, Signature={signature}",
                    now.scope,
                    self.signed_headers(now).iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
                ));
                self.headers.push(("x-amz-content-sha256", payload.to_owned()));
                self.headers.push(("x-amz-date", now.time.clone()));
                format!("{}?{}", encoded(&self.path, true), joined(&self.query))
            }
            (Some((key, now)), None) => self.presigned(key, now),
            (None, _) => format!("{}?{}", encoded(&self.path, true), joined(&self.query)),
        };
        let mut request = http::Request::builder().method(self.method).uri(uri).header("host", self.host);
        for (name, value) in self.headers.iter().chain(&self.unsigned) {
            request = request.header(*name, value);
        }
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        self.gateway.router.clone().oneshot(request.body(self.body).unwrap()).await.unwrap()
    }

    fn signed_headers(&self, now: &Signing) -> Vec<(&'static str, String)> {
        let mut headers = self.headers.clone();
        headers.push(("host", self.host.to_owned()));
        headers.push(("x-amz-content-sha256", self.payload.unwrap_or_default().to_owned()));
        headers.push(("x-amz-date", now.time.clone()));
        headers.sort();
        headers
    }

    /// Returns the signature in a header.
    fn signature(&self, now: &Signing) -> String {
        let headers = self.signed_headers(now);
        let lines: String = headers.iter().map(line).collect();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let mut query = self.query.clone();
        query.sort();
        now.signature(&format!(
            "{}\n{}\n{}\n{lines}\n{names}\n{}",
            self.method,
            encoded(&self.path, true),
            joined(&query),
            self.payload.unwrap_or_default()
        ))
    }

    /// Returns the presigned URL: its query has the signature.
    fn presigned(&self, key: &str, now: &Signing) -> String {
        let mut query = self.query.clone();
        let path = encoded(&self.path, true);
        let mut headers: Vec<_> =
            self.headers.iter().filter(|(name, _)| name.starts_with("x-amz-")).cloned().collect();
        headers.push(("host", self.host.to_owned()));
        headers.sort();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        for (name, value) in [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", format!("{key}/{}", now.scope)),
            ("X-Amz-Date", now.time.clone()),
            ("X-Amz-Expires", "60".to_owned()),
            ("X-Amz-SignedHeaders", names.clone()),
        ] {
            if query.iter().all(|(given, _)| given != name) {
                query.push((name.to_owned(), value));
            }
        }
        query.sort();
        let lines: String = headers.iter().map(line).collect();
        let canonical =
            format!("{}\n{path}\n{}\n{lines}\n{names}\nUNSIGNED-PAYLOAD", self.method, joined(&query));
        format!("{path}?{}&X-Amz-Signature={}", joined(&query), now.signature(&canonical))
    }
}

pub(crate) const SIGNED_CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
pub(crate) const SIGNED_TRAILERS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
pub(crate) const UNSIGNED_CHUNKS: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

const HOST: &str = "localhost";

/// A header as it is signed: with single spaces.
fn line((name, value): &(&str, String)) -> String {
    format!("{name}:{}\n", value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

fn joined(query: &[(String, String)]) -> String {
    let pairs =
        query.iter().map(|(name, value)| format!("{}={}", encoded(name, false), encoded(value, false)));
    pairs.collect::<Vec<_>>().join("&")
}

fn encoded(text: &str, is_path: bool) -> String {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || (is_path && byte == b'/');
    let byte = |byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(byte).collect()
}

/// Bytes that differ at each offset and repeat with no power of two.
pub(crate) fn bytes(length: u64) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

/// The MD5 of bytes, in hexadecimal.
pub(crate) fn md5(bytes: &[u8]) -> String {
    hex::encode(md5_digest(bytes))
}

pub(crate) fn md5_digest(bytes: &[u8]) -> Vec<u8> {
    <Md5 as md5::Digest>::digest(bytes).to_vec()
}

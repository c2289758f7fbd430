//! A server for each test, and functions that build messages.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use candid::Principal;
use embedded_ic::{Config, EmbeddedIc};
use embedded_ic_replica::{Options, Replica, serve};
use ic_agent::{Agent, Identity, identity::AnonymousIdentity};
use ic_transport_types::{Envelope, EnvelopeContent};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

/// Keeps the last argument (8 bytes at 0: its length; at 16: its bytes) and counts updates, in two pages of its heap and in one of
/// stable memory. `counts` and `pause` reply with these three counts; `pause` prints after it has read the first.
const CANISTER: &str = r#"(module
    (import "ic0" "msg_arg_data_size" (func $size (result i32)))
    (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "msg_reject" (func $reject (param i32 i32)))
    (import "ic0" "msg_caller_size" (func $caller_size (result i32)))
    (import "ic0" "msg_caller_copy" (func $caller_copy (param i32 i32 i32)))
    (import "ic0" "msg_method_name_size" (func $method_size (result i32)))
    (import "ic0" "accept_message" (func $accept))
    (import "ic0" "debug_print" (func $print (param i32 i32)))
    (import "ic0" "trap" (func $trap (param i32 i32)))
    (import "ic0" "stable64_grow" (func $stable_grow (param i64) (result i64)))
    (import "ic0" "stable64_write" (func $stable_write (param i64 i64 i64)))
    (import "ic0" "stable64_read" (func $stable_read (param i64 i64 i64)))
    (memory (export "memory") 64)
    (func (export "canister_init") (drop (call $stable_grow (i64.const 1))))
    (data (i32.const 4000000) "no")
    (func (export "canister_inspect_message")
        ;; Methods with names of six letters are not accepted.
        (if (i32.ne (call $method_size) (i32.const 6)) (then (call $accept))))
    (func (export "canister_update write")
        (i32.store (i32.const 0) (call $size))
        (call $copy (i32.const 16) (i32.const 0) (call $size))
        (call $append (i32.const 16) (i32.load (i32.const 0)))
        (call $reply))
    (func (export "canister_query read")
        (call $append (i32.const 16) (i32.load (i32.const 0)))
        (call $reply))
    (func (export "canister_update count")
        (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
        (i32.store (i32.const 3500000) (i32.load (i32.const 8)))
        (call $stable_write (i64.const 5000) (i64.const 8) (i64.const 4))
        (call $append (i32.const 8) (i32.const 4))
        (call $reply))
    (func (export "canister_query counted") (call $append (i32.const 8) (i32.const 4)) (call $reply))
    (func $counts (param $pauses i32)
        (call $append (i32.const 8) (i32.const 4))
        (if (local.get $pauses) (then (call $print (i32.const 4000000) (i32.const 2))))
        (call $append (i32.const 3500000) (i32.const 4))
        (call $stable_read (i64.const 3600000) (i64.const 5000) (i64.const 4))
        (call $append (i32.const 3600000) (i32.const 4))
        (call $reply))
    (func (export "canister_query counts") (call $counts (i32.const 0)))
    (func (export "canister_query pause") (call $counts (i32.const 1)))
    (func (export "canister_query whoami")
        (call $caller_copy (i32.const 3000000) (i32.const 0) (call $caller_size))
        (call $append (i32.const 3000000) (call $caller_size))
        (call $reply))
    (func (export "canister_update closed") (call $reply))
    (func (export "canister_update print") (call $print (i32.const 4000000) (i32.const 2)) (call $reply))
    (func (export "canister_update fail") (call $trap (i32.const 4000000) (i32.const 2)))
    (func (export "canister_query refuse") (call $reject (i32.const 4000000) (i32.const 2)))
)"#;

/// The canister's module.
pub(crate) fn wasm() -> Vec<u8> {
    wat::parse_str(CANISTER).unwrap()
}

/// A server, until it is stopped.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) canister: Principal,
    pub(crate) root_key: Vec<u8>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    replica: Replica,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default(), Config::default()).await
    }

    pub(crate) async fn start_with(options: Options, config: Config) -> Self {
        let mut host = EmbeddedIc::new(config).unwrap();
        host.install(&wasm(), b"").unwrap();
        Self::of(host, options).await
    }

    pub(crate) async fn of(host: EmbeddedIc, options: Options) -> Self {
        let replica = Replica::start(host).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let router = replica.router(&options);
        let served = tokio::spawn(serve(listener, router, options, async { drop(stopped.await) }));
        let (canister, root_key) = (replica.canister_id(), replica.root_key().to_vec());
        Self { url: format!("http://{address}"), address, canister, root_key, stop, served, replica }
    }

    /// An agent that verifies certificates and query signatures.
    pub(crate) async fn agent(&self, identity: impl Identity + 'static) -> Agent {
        let agent = Agent::builder()
            .with_url(&self.url)
            .with_identity(identity)
            .with_verify_query_signatures(true)
            .build()
            .unwrap();
        agent.fetch_root_key().await.unwrap();
        agent
    }

    pub(crate) async fn anonymous(&self) -> Agent {
        self.agent(AnonymousIdentity).await
    }

    /// How often `count` was executed.
    pub(crate) async fn counted(&self) -> u32 {
        let reply = self.anonymous().await.query(&self.canister, "counted").call().await.unwrap();
        u32::from_le_bytes(reply.try_into().unwrap())
    }

    /// The path of an endpoint of the canister.
    pub(crate) fn path(&self, endpoint: &str) -> String {
        let (version, name) = endpoint.split_once('/').unwrap();
        format!("/api/{version}/canister/{}/{name}", self.canister)
    }

    /// Sends CBOR to an endpoint of the canister.
    pub(crate) async fn post(&self, endpoint: &str, body: &[u8]) -> Answer {
        self.send(&request(&self.path(endpoint), body)).await
    }

    /// Sends bytes, and reads the answer to the end of the connection.
    pub(crate) async fn send(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        read(stream).await
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Stops listening and closes the host.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.served.await.unwrap();
        self.replica.close().await.unwrap();
    }
}

/// The response of a server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Asserts the status and a part of the text.
    pub(crate) fn expect(&self, status: u16, words: &str) {
        assert!(self.status == status && self.text().contains(words), "{} {}", self.status, self.text());
    }
}

/// Reads an answer to the end of the connection.
pub(crate) async fn read(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // A server that gives up on a client may reset the connection after its answer.
    let _ = stream.read_to_end(&mut bytes).await;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Answer { status, head, body: bytes[end..].to_vec() }
}

/// A request that ends the connection.
pub(crate) fn request(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/cbor\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

pub(crate) fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// The current time plus a duration.
pub(crate) fn in_future(by: Duration) -> u64 {
    now_ns() + by.as_nanos() as u64
}

/// An anonymous call of a method.
pub(crate) fn call(canister: Principal, method: &str, arg: &[u8]) -> EnvelopeContent {
    EnvelopeContent::Call {
        nonce: None,
        ingress_expiry: in_future(Duration::from_secs(120)),
        sender: Principal::anonymous(),
        canister_id: canister,
        method_name: method.into(),
        arg: arg.into(),
        sender_info: None,
    }
}

/// An anonymous query of a method.
pub(crate) fn query(canister: Principal, method: &str, arg: &[u8]) -> EnvelopeContent {
    EnvelopeContent::Query {
        nonce: None,
        ingress_expiry: in_future(Duration::from_secs(120)),
        sender: Principal::anonymous(),
        canister_id: canister,
        method_name: method.into(),
        arg: arg.into(),
        sender_info: None,
    }
}

/// The same message with another time of expiry.
pub(crate) fn expiring(mut content: EnvelopeContent, at: u64) -> EnvelopeContent {
    let (EnvelopeContent::Call { ingress_expiry, .. }
    | EnvelopeContent::Query { ingress_expiry, .. }
    | EnvelopeContent::ReadState { ingress_expiry, .. }) = &mut content;
    *ingress_expiry = at;
    content
}

/// The same message by another sender.
pub(crate) fn by(mut content: EnvelopeContent, who: Principal) -> EnvelopeContent {
    let (EnvelopeContent::Call { sender, .. }
    | EnvelopeContent::Query { sender, .. }
    | EnvelopeContent::ReadState { sender, .. }) = &mut content;
    *sender = who;
    content
}

/// The encoded envelope of an anonymous message.
pub(crate) fn unsigned(content: EnvelopeContent) -> Vec<u8> {
    envelope(content).encode_bytes()
}

/// The envelope of a message, without a signature.
pub(crate) fn envelope(content: EnvelopeContent) -> Envelope<'static> {
    Envelope {
        content: std::borrow::Cow::Owned(content),
        sender_pubkey: None,
        sender_sig: None,
        sender_delegation: None,
    }
}

/// The message of an identity, signed by it.
pub(crate) fn signed(content: EnvelopeContent, identity: &dyn Identity) -> Envelope<'static> {
    let content = by(content, identity.sender().unwrap());
    let signature = identity.sign(&content).unwrap();
    Envelope {
        content: std::borrow::Cow::Owned(content),
        sender_pubkey: signature.public_key,
        sender_sig: signature.signature,
        sender_delegation: signature.delegations,
    }
}

//! The limit of the library on the pieces of one response, with a canister whose pieces have one byte.

use axum::{Router, body::Bytes, routing::post};
use candid::Principal;
use embedded_ic::{Config, EmbeddedIc};
use embedded_ic_replica::{Options, Replica, serve};
use ic_transport_types::{Envelope, EnvelopeContent, QueryResponse, ReplyResponse};
use stable_storage_api::{HttpRequest, HttpResponse};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::harness::{Answer, read, wasm};

/// Pieces of the object.
const PIECES: usize = 1_200;
/// Pieces that the library sends in one response.
const MOST: usize = 1_000;

/// Answers a query of `http_request`: with the byte at the start of the range.
async fn answer(body: Bytes) -> Vec<u8> {
    let envelope: Envelope<'_> = serde_cbor::from_slice(&body).unwrap();
    let EnvelopeContent::Query { arg, .. } = &*envelope.content else { panic!("only queries are expected") };
    let request: HttpRequest = candid::decode_one(arg).unwrap();
    let range = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("range"));
    let start = range.map_or("0", |(_, range)| range["bytes=".len()..].split('-').next().unwrap());
    let response = HttpResponse {
        status_code: 206,
        headers: vec![("content-range".into(), format!("bytes {start}-{start}/{PIECES}"))],
        body: vec![start.parse::<usize>().unwrap() as u8].into(),
        upgrade: None,
    };
    let reply = ReplyResponse { arg: candid::encode_one(response).unwrap() };
    serde_cbor::to_vec(&QueryResponse::Replied { reply, signatures: Vec::new() }).unwrap()
}

async fn ask(address: std::net::SocketAddr, canister: Principal, range: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET /a HTTP/1.1\r\nhost: {canister}.raw.localhost\r\nconnection: close\r\n{range}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    read(stream).await
}

/// A longer object is cut, and the client sees that, because the length was announced. Ranges beyond are served.
#[tokio::test]
async fn a_response_has_at_most_1000_pieces() {
    let mut host = EmbeddedIc::new(Config::default()).unwrap();
    host.install(&wasm(), b"").unwrap();
    let replica = Replica::start(host).unwrap();
    let (options, canister) = (Options::default(), replica.canister_id());
    let api = Router::new()
        .route("/api/v2/canister/{id}/query", post(answer))
        .route("/api/v3/canister/{id}/query", post(answer));
    let router = replica.with_sites_through(api, Router::new(), &options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, router, options, async { drop(stopped.await) }));

    let whole = ask(address, canister, "").await;
    assert_eq!(whole.status, 200, "{}", whole.text());
    assert!(whole.head.to_lowercase().contains(&format!("content-length: {PIECES}\r\n")), "{}", whole.head);
    // Bytes that were not sent yet when the body ended are lost with the connection.
    let bytes: Vec<_> = (0..MOST).map(|at| at as u8).collect();
    assert!(bytes.starts_with(&whole.body) && !whole.body.is_empty(), "{} bytes", whole.body.len());
    for at in [0, MOST - 1, MOST, PIECES - 1] {
        let part = ask(address, canister, &format!("range: bytes={at}-\r\n")).await;
        assert_eq!((part.status, part.body.as_slice()), (206, &[at as u8][..]));
    }
    drop(stop);
    served.await.unwrap();
    replica.close().await.unwrap();
}

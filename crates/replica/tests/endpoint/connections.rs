//! Slow, silent and many clients, and the shutdown of the server.

use std::time::Duration;

use embedded_ic::Config;
use embedded_ic_replica::Options;
use tokio::{io::AsyncReadExt, io::AsyncWriteExt, net::TcpStream};

use crate::harness::{Server, call, query, read, request, unsigned};

/// A server with short timeouts and few connections.
async fn impatient() -> Server {
    let mut options = Options::default();
    options.head_timeout = Duration::from_millis(200);
    options.body_timeout = Duration::from_millis(200);
    options.max_connections = 16;
    Server::start_with(options, Config::default()).await
}

/// A client that sends a partial header or nothing is disconnected.
#[tokio::test]
async fn a_partial_header_times_out() {
    let server = impatient().await;
    for part in ["", "POST", "POST /api/v2/status HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = server.connect().await;
        stream.write_all(part.as_bytes()).await.unwrap();
        let answer = read(stream).await;
        assert!([0, 408].contains(&answer.status), "{}", answer.head);
    }
    server.stop().await;
}

/// A client that sends a partial body receives 408, and nothing is executed.
#[tokio::test]
async fn a_partial_body_times_out() {
    let server = impatient().await;
    let whole = request(&server.path("v3/call"), &unsigned(call(server.canister, "count", b"argument")));
    for left in [1, 10, 60] {
        let mut stream = server.connect().await;
        stream.write_all(&whole[..whole.len() - left]).await.unwrap();
        read(stream).await.expect(408, "did not arrive within");
    }
    assert_eq!(server.counted().await, 0);
    server.stop().await;
}

/// A client that disconnects within a body has no effect.
#[tokio::test]
async fn a_disconnect_within_a_body_has_no_effect() {
    let server = Server::start().await;
    let whole = request(&server.path("v3/call"), &unsigned(call(server.canister, "count", b"argument")));
    let mut stream = server.connect().await;
    stream.write_all(&whole[..whole.len() - 1]).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = read(stream).await;
    assert!([0, 400].contains(&answer.status), "{answer:?}");
    assert_eq!(server.counted().await, 0);
    server.stop().await;
}

/// Connections over the limit wait until others are closed.
#[tokio::test]
async fn connections_over_the_limit_wait() {
    let server = impatient().await;
    // Silent clients use all connections until they time out.
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(server.connect().await);
    }
    let answer = server.post("v3/call", &unsigned(call(server.canister, "count", b""))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(server.counted().await, 1);
    drop(silent);
    server.stop().await;
}

/// Large bodies that do not arrive free their memory when they time out.
#[tokio::test]
async fn large_bodies_that_time_out_free_their_memory() {
    let server = impatient().await;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: application/cbor\r\ncontent-length: 2097152\r\n\r\n",
        server.path("v3/call")
    );
    let mut slow = Vec::new();
    for _ in 0..12 {
        let mut stream = server.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    for stream in slow {
        assert_eq!(read(stream).await.status, 408);
    }
    let large = unsigned(call(server.canister, "write", &[1; 2_000_000]));
    assert_eq!(server.post("v3/call", &large).await.status, 200);
    server.stop().await;
}

/// A connection serves several requests.
#[tokio::test]
async fn a_connection_serves_several_requests() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(b"GET /api/v2/status HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut head = [0; 15];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK");
        drain(&mut stream).await;
    }
    server.stop().await;
}

/// Reads the rest of an answer to the status.
async fn drain(stream: &mut TcpStream) {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
}

/// A request whose body is incomplete when the shutdown begins is executed and answered.
#[tokio::test]
async fn active_requests_finish_before_the_server_ends() {
    let server = Server::start().await;
    let whole = request(&server.path("v3/call"), &unsigned(call(server.canister, "write", &[1; 1_000_000])));
    let (first, rest) = whole.split_at(500_000);
    let mut stream = server.connect().await;
    stream.write_all(first).await.unwrap();
    // The server has read the head when it takes a request that came later.
    server.counted().await;
    let address = server.address;
    let stopping = tokio::spawn(server.stop());
    while TcpStream::connect(address).await.is_ok() {}
    stream.write_all(rest).await.unwrap();
    assert_eq!(read(stream).await.status, 200);
    stopping.await.unwrap();
}

/// Clients that do not read large responses are disconnected, and others are served.
#[tokio::test]
async fn clients_that_do_not_read_are_disconnected() {
    let mut options = Options::default();
    options.write_timeout = Duration::from_millis(200);
    let server = Server::start_with(options, Config::default()).await;
    let large = unsigned(call(server.canister, "write", &[1; 2_000_000]));
    assert_eq!(server.post("v3/call", &large).await.status, 200);
    let asking = request(&server.path("v3/query"), &unsigned(query(server.canister, "read", b"")));
    let mut silent = Vec::new();
    for _ in 0..40 {
        let mut stream = server.connect().await;
        stream.write_all(&asking).await.unwrap();
        silent.push(stream);
    }
    // There is memory for 8 such responses: this one waits until others have timed out.
    let answer = read({
        let mut stream = server.connect().await;
        stream.write_all(&asking).await.unwrap();
        stream
    })
    .await;
    assert!(answer.status == 200 && answer.body.len() > 2_000_000);
    drop(silent);
    server.stop().await;
}

/// A connection without a further request is closed, so that idle clients do not use up the connections.
#[tokio::test]
async fn idle_connections_are_closed() {
    let server = impatient().await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /api/v2/status HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // The server ends the connection, as the client does not.
    assert_eq!(read(stream).await.status, 200);
    server.stop().await;
}

//! Malformed requests: each gets an HTTP error, and nothing changes.

use tokio::io::AsyncWriteExt;

use crate::harness::{Server, call, query, read, request, unsigned};

/// A body that is not an envelope is rejected.
#[tokio::test]
async fn malformed_envelopes_are_rejected() {
    let server = Server::start().await;
    let sound = unsigned(call(server.canister, "count", b"argument"));
    let mut bodies: Vec<Vec<u8>> = vec![
        vec![],
        b"hello".to_vec(),
        vec![0xff; 1_000],
        vec![0xa0],
        // Deeply nested arrays, tags and maps, and lengths beyond the end.
        vec![0x81; 1 << 20],
        vec![0xc1; 1 << 20],
        vec![0xbf; 1 << 20],
        vec![0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        vec![0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        vec![0xbb, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff],
        [&sound[..], b"more"].concat(),
    ];
    bodies.extend((0..sound.len()).step_by(7).map(|end| sound[..end].to_vec()));
    for body in bodies {
        for endpoint in ["v2/call", "v4/call", "v3/query", "v3/read_state"] {
            let answer = server.post(endpoint, &body).await;
            answer.expect(400, "Could not parse body as an envelope in CBOR");
        }
    }
    assert_eq!(server.counted().await, 0);
    server.stop().await;
}

/// A body over the limit is rejected with 413, with a content length and with chunked encoding.
#[tokio::test]
async fn bodies_over_the_limit_are_rejected() {
    let server = Server::start().await;
    for length in [(2 << 20) + 1, 3 << 20, 10 << 20] {
        server.post("v3/call", &vec![0; length]).await.expect(413, "is larger than the max allowed 2097152");
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/cbor\r\n\
             transfer-encoding: chunked\r\n\r\n{length:x}\r\n",
            server.path("v3/call")
        );
        let chunked = [head.as_bytes(), &vec![0; length], b"\r\n0\r\n\r\n"].concat();
        server.send(&chunked).await.expect(413, "is larger than the max allowed 2097152");
    }
    // A body that is far too long is not read at all.
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: application/cbor\r\ncontent-length: 99999999999\r\n\r\n",
        server.path("v3/call")
    );
    server.send(head.as_bytes()).await.expect(413, "Message byte size 99999999999");
    assert_eq!(server.counted().await, 0);
    server.stop().await;
}

/// Method names and nonces over the limit are rejected.
#[tokio::test]
async fn method_names_and_nonces_over_the_limit_are_rejected() {
    let server = Server::start().await;
    let long = "m".repeat(10_000_000);
    server
        .post("v3/call", &unsigned(call(server.canister, &long, b"")))
        .await
        .expect(413, "Message byte size");
    let long = "m".repeat(20_001);
    server.post("v3/call", &unsigned(call(server.canister, &long, b""))).await.expect(400, "20001 bytes");
    server.post("v3/query", &unsigned(query(server.canister, &long, b""))).await.expect(400, "20001 bytes");
    let mut content = call(server.canister, "count", b"");
    if let ic_transport_types::EnvelopeContent::Call { nonce, .. } = &mut content {
        *nonce = Some(vec![0; 33]);
    }
    server.post("v3/call", &unsigned(content)).await.expect(400, "33 bytes");
    assert_eq!(server.counted().await, 0);
    server.stop().await;
}

/// A method name at the limit reaches the canister, which rejects it.
#[tokio::test]
async fn a_method_name_at_the_limit_reaches_the_canister() {
    let server = Server::start().await;
    let answer = server.post("v3/call", &unsigned(call(server.canister, &"m".repeat(20_000), b""))).await;
    assert!(answer.status == 200 && answer.text().contains("certificate"), "{answer:?}");
    server.stop().await;
}

/// Unknown paths are not found, and other HTTP methods and content types are rejected.
#[tokio::test]
async fn unknown_paths_are_not_found() {
    let server = Server::start().await;
    let paths = [
        "/api/v2/../../etc/passwd",
        "/../keys.bin",
        "/api/v2/canister/../../keys.bin/query",
        "/api/v2/canister/%2e%2e%2f%2e%2e%2fkeys.bin/read_state/x",
        "/keys.bin",
        "/api/v9/status",
        "//",
    ];
    for path in paths {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert_eq!(server.send(request.as_bytes()).await.status, 404, "{path}");
    }
    let get = format!("GET {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", server.path("v3/call"));
    assert_eq!(server.send(get.as_bytes()).await.status, 405);
    let mut post = request(&server.path("v3/call"), &unsigned(call(server.canister, "count", b"")));
    let at = post.windows(4).position(|window| window == b"cbor").unwrap();
    post[at..at + 4].copy_from_slice(b"json");
    server.send(&post).await.expect(415, "expected application/cbor");
    assert_eq!(server.counted().await, 0);
    server.stop().await;
}

/// Malformed HTTP is rejected or closes the connection.
#[tokio::test]
async fn malformed_http_is_rejected() {
    let server = Server::start().await;
    let long_header = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(10_000));
    let heads = [
        "\0\0\0\0",
        "GET\r\n\r\n",
        "\u{16}\u{3}\u{1}",
        "GET / HTTP/9.9\r\n\r\n",
        &long_header,
        &many_headers,
    ];
    for head in heads {
        let mut stream = server.connect().await;
        // The server may end the connection before it has read everything.
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.shutdown().await;
        let answer = read(stream).await;
        assert!(answer.status == 0 || (400..500).contains(&answer.status), "{}", answer.head);
    }
    let smuggled = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/cbor\r\ncontent-length: 5\r\n\
         content-length: 6\r\n\r\nhello!",
        server.path("v3/call")
    );
    assert_eq!(server.send(smuggled.as_bytes()).await.status, 400);
    server.stop().await;
}

/// Web pages of any origin are allowed.
#[tokio::test]
async fn other_origins_are_allowed() {
    let server = Server::start().await;
    let preflight = format!(
        "OPTIONS {} HTTP/1.1\r\nhost: x\r\norigin: http://example.org\r\nconnection: close\r\n\r\n",
        server.path("v3/call")
    );
    let answer = server.send(preflight.as_bytes()).await;
    assert!(
        answer.status == 204 && answer.head.contains("access-control-allow-origin: *"),
        "{}",
        answer.head
    );
    let answer = server.post("v3/call", b"").await;
    assert!(answer.head.contains("access-control-allow-origin: *"), "{}", answer.head);
    server.stop().await;
}

//! How much of a body is held in memory, counted in the bytes of its pieces that are alive.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;

use crate::harness::{Gateway, UNSIGNED_CHUNKS};

const PIECE: usize = 64 << 10;

/// Counts bytes that were sent, and those that are alive.
#[derive(Clone, Default)]
struct Held {
    sent: Arc<AtomicUsize>,
    alive: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

/// A piece that is counted while it is alive.
struct Piece(Vec<u8>, Held);

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.1.alive.fetch_sub(self.0.len(), Ordering::SeqCst);
    }
}

impl Held {
    fn piece(&self, bytes: Vec<u8>) -> Bytes {
        self.sent.fetch_add(bytes.len(), Ordering::SeqCst);
        let alive = self.alive.fetch_add(bytes.len(), Ordering::SeqCst) + bytes.len();
        self.most.fetch_max(alive, Ordering::SeqCst);
        Bytes::from_owner(Piece(bytes, self.clone()))
    }

    /// A body of a start, pieces of this number of bytes in total, and an end.
    fn body(&self, start: String, size: usize, end: &'static str) -> Body {
        let held = self.clone();
        let start = std::iter::once(start.into_bytes());
        let pieces =
            start.chain((0..size / PIECE).map(|_| vec![b'a'; PIECE])).chain([end.as_bytes().to_vec()]);
        Body::from_stream(stream::iter(pieces.map(move |bytes| Ok::<_, std::io::Error>(held.piece(bytes)))))
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// A form is refused before more of it is read than a form may have, also without a signature.
#[tokio::test]
async fn a_form_is_not_held_beyond_its_limit() {
    let gateway = Gateway::with_bucket().await;
    let start = "--B\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nx\r\n\
                 --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n";
    for announced in [1 << 30, 1 << 20] {
        let held = Held::default();
        let form = gateway.request("POST", "/bucket").signed_by(None);
        let form = form.header("content-type", "multipart/form-data; boundary=B");
        let body = held.body(start.to_owned(), 1 << 30, "\r\n--B--\r\n");
        let refused = form.streamed(announced, body).send().await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(held.sent() <= (4 << 20) + 2 * PIECE, "{}", held.sent());
    }
}

/// A chunk without a signature is passed on as it arrives, however large it is.
#[tokio::test]
async fn a_large_chunk_is_not_held() {
    const SIZE: usize = 100 << 20;
    let gateway = Gateway::with_bucket().await;
    let held = Held::default();
    let (start, end) = (format!("{SIZE:x}\r\n"), "\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n");
    let put = gateway.request("PUT", "/bucket/a").header("x-amz-trailer", "x-amz-checksum-crc32");
    let put = put.header("x-amz-decoded-content-length", SIZE.to_string()).in_header(UNSIGNED_CHUNKS);
    let length = (start.len() + SIZE + end.len()) as u64;
    let put = put.streamed(length, held.body(start, SIZE, end)).send().await;
    // All of it was read, and the checksum is wrong.
    assert_eq!(put.error(), (400, "BadDigest"));
    assert!(held.sent() > SIZE);
    assert!(held.most() <= 16 << 20, "{}", held.most());
}

/// A chunk with a signature is held until it was verified, so its size has a limit.
#[tokio::test]
async fn a_large_chunk_with_a_signature_is_refused() {
    const SIZE: usize = (16 << 20) + PIECE;
    let gateway = Gateway::with_bucket().await;
    let held = Held::default();
    let start = format!("{SIZE:x};chunk-signature={}\r\n", "0".repeat(64));
    let put = gateway.request("PUT", "/bucket/a").header("x-amz-decoded-content-length", SIZE.to_string());
    let put = put.in_header(crate::harness::SIGNED_CHUNKS);
    let put = put.streamed(2 * SIZE as u64, held.body(start, SIZE, "\r\n")).send().await;
    assert_eq!(put.error(), (400, "InvalidRequest"));
    assert!(held.sent() <= 2 * PIECE, "{}", held.sent());
}

#[tokio::test]
async fn xml_is_not_held_beyond_its_limit() {
    let gateway = Gateway::with_bucket().await;
    for path in ["/bucket?delete", "/other"] {
        let held = Held::default();
        let method = if path == "/other" { "PUT" } else { "POST" };
        let request =
            gateway.request(method, path).streamed(64 << 20, held.body(String::new(), 64 << 20, ""));
        assert_eq!(request.send().await.error(), (400, "MaxMessageLengthExceeded"), "{path}");
        assert!(held.sent() <= (4 << 20) + 2 * PIECE, "{}", held.sent());
    }
}

/// Of an object, a few chunks are held.
#[tokio::test]
async fn an_object_is_not_held() {
    let gateway = Gateway::with_bucket().await;
    let held = Held::default();
    let put =
        gateway.request("PUT", "/bucket/a").streamed(100 << 20, held.body(String::new(), 100 << 20, ""));
    put.send().await.ok();
    assert!(held.most() <= 16 << 20, "{}", held.most());
}

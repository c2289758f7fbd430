//! How much of the heap a request takes, whatever the size of its object: everything that is allocated in this process is counted,
//! copies of a body as well. The embedded host keeps what is stored on the heap too, which is subtracted.

#![expect(clippy::unwrap_used, reason = "a helper of tests may fail the test")]

#[expect(dead_code, reason = "the other tests of the gateway use the rest")]
#[path = "s3/harness.rs"]
mod harness;
#[expect(dead_code, reason = "the other tests of the gateway use the rest")]
#[path = "s3/signing.rs"]
mod signing;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;

use harness::Gateway;

/// The allocator of the system, with the number of bytes in use, and the largest one since a measurement began.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed to the allocator of the system as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let in_use = IN_USE.fetch_add(layout.size(), SeqCst) + layout.size();
        MOST.fetch_max(in_use, SeqCst);
        // SAFETY: the caller keeps the contract of this method, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), SeqCst);
        // SAFETY: the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SIZE: usize = 128 << 20;
const PIECE: usize = 64 << 10;

/// What docs/S3.md says. The client, the host and the messages of the canister are in it.
const LIMIT: usize = 16 << 20;

/// A body of pieces that are made when they are sent.
fn body() -> Body {
    let pieces =
        (0..SIZE / PIECE).map(|number| Ok::<_, std::io::Error>(Bytes::from(vec![number as u8; PIECE])));
    Body::from_stream(stream::iter(pieces))
}

/// Runs a request, and returns how many bytes were in use meanwhile that were neither before nor are after it.
async fn measured(request: impl Future<Output = usize>) -> usize {
    let before = IN_USE.load(SeqCst);
    MOST.store(before, SeqCst);
    assert_eq!(request.await, SIZE, "bytes were sent or fetched");
    MOST.load(SeqCst) - before.max(IN_USE.load(SeqCst))
}

/// One test, because others would be measured as well.
#[tokio::test]
async fn an_object_is_never_on_the_heap() {
    let gateway = Gateway::with_bucket().await;
    let send = async |method, path: &str| {
        gateway.request(method, path).streamed(SIZE as u64, body()).send().await.ok();
        SIZE
    };
    let put = measured(send("PUT", "/bucket/a")).await;
    let created = gateway.request("POST", "/bucket/b?uploads").send().await.ok();
    let path = format!("/bucket/b?partNumber=1&uploadId={}", created.one("UploadId"));
    let part = measured(send("PUT", &path)).await;
    let get = measured(async {
        let response = gateway.request("GET", "/bucket/a").respond().await;
        assert_eq!(response.status(), 200);
        let (mut body, mut fetched) = (response.into_body(), 0);
        while let Some(frame) = body.frame().await {
            fetched += frame.unwrap().data_ref().map_or(0, Bytes::len);
        }
        fetched
    })
    .await;
    println!("put {put}, part {part}, get {get}");
    assert!([put, part, get].iter().all(|most| *most < LIMIT), "put {put}, part {part}, get {get}");
    // What is measured would show a body that is held as a whole.
    let held = measured(async { vec![1_u8; SIZE].len() }).await;
    assert!(held >= SIZE, "{held}");
}

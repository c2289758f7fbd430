//! What happens between two calls of one operation.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::future::BoxFuture;
use storage_client::{EmbeddedTransport, Transport, TransportError};

use crate::{
    harness::{Gateway, md5},
    multipart::{complete, create, put},
};

type Event = BoxFuture<'static, Result<(), TransportError>>;

/// A transport on which something happens before a call: the n-th update with a method, of which 0 is the first.
struct Before {
    canister: EmbeddedTransport,
    method: &'static str,
    calls_before: AtomicUsize,
    event: Mutex<Option<Event>>,
}

impl Transport for Before {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let is_now = method == self.method && self.calls_before.fetch_sub(1, Ordering::Relaxed) == 0;
        let event = is_now.then(|| self.event.lock().unwrap().take()).flatten();
        if let Some(event) = event {
            event.await?;
        }
        self.canister.update(method, arg).await
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        self.canister.query(method, arg).await
    }
}

/// Another gateway to the same store, on which an event happens before a call.
fn with_event(gateway: &Gateway, call: (usize, &'static str), event: Event) -> Gateway {
    let (calls_before, method) = call;
    let canister = gateway.client.transport().clone();
    let event = Mutex::new(Some(event));
    let transport = Before { canister, method, calls_before: AtomicUsize::new(calls_before), event };
    Gateway::through(gateway.client.clone(), transport)
}

/// A request of another client.
fn other(gateway: &Gateway, method: &'static str, path: &str) -> Event {
    let (gateway, path) = (Gateway::over(gateway.client.clone()), path.to_owned());
    Box::pin(async move {
        gateway.request(method, &path).body("").send().await.ok();
        Ok(())
    })
}

fn failure() -> Event {
    Box::pin(async { Err(TransportError::Refused { message: "a test".to_owned() }) })
}

/// An upload to `/bucket/a` with one part.
async fn upload(gateway: &Gateway) -> (String, String) {
    let id = create(gateway, "/bucket/a").await;
    put(gateway, "/bucket/a", &id, 1, vec![7; 10]).await.ok();
    (id, md5(&[7; 10]))
}

#[tokio::test]
async fn a_completion_of_an_upload_that_is_aborted_meanwhile_finds_none() {
    let gateway = Gateway::with_bucket().await;
    // When the parts are listed, and when they are copied.
    for method in ["list", "copy_chunks"] {
        let (id, etag) = upload(&gateway).await;
        let abort = other(&gateway, "DELETE", &format!("/bucket/a?uploadId={id}"));
        let racing = with_event(&gateway, (0, method), abort);
        let answer = complete(&racing, "/bucket/a", &id, &[(1, &etag)]).await;
        assert_eq!(answer.error(), (404, "NoSuchUpload"), "{method}");
        assert_eq!(gateway.get("/bucket/a").await.error(), (404, "NoSuchKey"));
        assert_eq!(gateway.client.list_all(":").await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_part_that_is_removed_during_a_completion_is_invalid() {
    let gateway = Gateway::with_bucket().await;
    let (id, etag) = upload(&gateway).await;
    let part = gateway.client.list_all(":s3/parts/").await.unwrap().remove(0).key;
    let client = gateway.client.clone();
    let remove = Box::pin(async move {
        client.delete(&part).await.unwrap();
        Ok(())
    });
    let racing = with_event(&gateway, (0, "copy_chunks"), remove);
    assert_eq!(complete(&racing, "/bucket/a", &id, &[(1, &etag)]).await.error(), (400, "InvalidPart"));
}

/// The uploads to a bucket are removed with it, and none of them brings it back.
#[tokio::test]
async fn a_bucket_is_deleted_with_its_uploads() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket-2", "").await.ok();
    let kept = create(&gateway, "/bucket-2/a").await;
    let (id, etag) = upload(&gateway).await;
    create(&gateway, "/bucket/b").await;
    gateway.request("DELETE", "/bucket").send().await.ok();
    let keys: Vec<_> = gateway.client.list_all("").await.unwrap().into_iter().map(|info| info.key).collect();
    assert_eq!(keys, [format!(":s3/uploads/{kept}"), "bucket-2/".to_owned()]);
    assert_eq!(put(&gateway, "/bucket/a", &id, 2, vec![7]).await.error(), (404, "NoSuchUpload"));
    let completed = complete(&gateway, "/bucket/a", &id, &[(1, &etag)]).await;
    assert_eq!(completed.error(), (404, "NoSuchUpload"));
    assert_eq!(gateway.get("/bucket").await.error(), (404, "NoSuchBucket"));
}

/// A bucket with an object is not deleted, and its uploads are kept.
#[tokio::test]
async fn a_bucket_that_is_not_empty_keeps_its_uploads() {
    let gateway = Gateway::with_bucket().await;
    let (id, etag) = upload(&gateway).await;
    gateway.put("/bucket/b", "x").await.ok();
    assert_eq!(gateway.request("DELETE", "/bucket").send().await.error(), (409, "BucketNotEmpty"));
    complete(&gateway, "/bucket/a", &id, &[(1, &etag)]).await.ok();
}

#[tokio::test]
async fn a_bucket_that_is_deleted_during_an_operation_does_not_come_back() {
    // A completion whose parts have been copied, and an upload that is created.
    let gateway = Gateway::with_bucket().await;
    let (id, etag) = upload(&gateway).await;
    let racing = with_event(&gateway, (0, "commit_upload"), other(&gateway, "DELETE", "/bucket"));
    assert_eq!(complete(&racing, "/bucket/a", &id, &[(1, &etag)]).await.error(), (404, "NoSuchUpload"));
    assert_eq!(gateway.client.list_all("").await.unwrap(), []);
    gateway.put("/bucket", "").await.ok();
    let racing = with_event(&gateway, (0, "put_with"), other(&gateway, "DELETE", "/bucket"));
    let created = racing.request("POST", "/bucket/a?uploads").send().await;
    assert_eq!(created.error(), (404, "NoSuchBucket"));
    assert_eq!(gateway.client.list_all("").await.unwrap(), []);
}

/// An object that is stored while its bucket is deleted is kept, and so is the bucket with its region.
#[tokio::test]
async fn a_bucket_that_gets_an_object_while_it_is_deleted_stays() {
    let gateway = Gateway::new();
    let body = "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
    gateway.put("/bucket", body).await.ok();
    let racing = with_event(&gateway, (0, "delete"), other(&gateway, "PUT", "/bucket/a"));
    assert_eq!(racing.request("DELETE", "/bucket").send().await.error(), (409, "BucketNotEmpty"));
    gateway.request("DELETE", "/bucket/a").send().await.ok();
    assert!(gateway.get("/bucket?location").await.ok().text().contains(">eu-west-1<"));
}

/// Whichever call fails, the bucket can be deleted by another request.
#[tokio::test]
async fn a_bucket_whose_deletion_has_failed_is_deleted_again() {
    let gateway = Gateway::with_bucket().await;
    for call in [(0, "list"), (0, "delete_prefix"), (0, "delete"), (1, "delete"), (1, "list"), (2, "list")] {
        upload(&gateway).await;
        let failing = with_event(&gateway, call, failure());
        assert_eq!(failing.request("DELETE", "/bucket").send().await.status, 503, "{call:?}");
        gateway.get("/bucket?uploads").await.ok();
        gateway.request("DELETE", "/bucket").send().await.ok();
        assert_eq!(gateway.client.list_all("").await.unwrap(), [], "{call:?}");
        gateway.put("/bucket", "").await.ok();
    }
}

//! Which signatures are accepted, for how long, and what is read before they are verified.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::{
    harness::{Gateway, SIGNED_CHUNKS, Signing, UNSIGNED_CHUNKS, WRITER},
    unsupported::{form, form_signed_with},
};

const MINUTE: i64 = 60;

/// A body of a start, of which nothing more arrives. It records whether it was read.
fn stopped(start: &'static [u8]) -> (Body, Arc<AtomicBool>) {
    let was_read = Arc::new(AtomicBool::new(false));
    let read = Arc::clone(&was_read);
    let first = stream::once(async move {
        read.store(true, Ordering::SeqCst);
        Ok::<_, std::io::Error>(Bytes::from_static(start))
    });
    (Body::from_stream(first.chain(stream::pending())), was_read)
}

/// `s3s` reads the body of a request for the service `sts` before it verifies the signature.
#[tokio::test]
async fn a_signature_for_another_service_is_refused_before_the_body_is_read() {
    let gateway = Gateway::with_bucket().await;
    for service in ["sts", "iam", "S3"] {
        let signing = || Signing::of(WRITER.secret, 0, service);
        let get = || gateway.request("GET", "/bucket");
        let (body, was_read) = stopped(b"x");
        let refused =
            get().in_header("UNSIGNED-PAYLOAD").streamed(100, body).signed_with(signing()).send().await;
        assert_eq!(refused.error(), (400, "AuthorizationHeaderMalformed"), "{service}");
        assert!(!was_read.load(Ordering::SeqCst), "{service}");
        let (body, was_read) = stopped(b"x");
        let refused = get().streamed(100, body).signed_with(signing()).send().await;
        assert_eq!(refused.error(), (400, "AuthorizationQueryParametersError"), "{service}");
        assert!(!was_read.load(Ordering::SeqCst), "{service}");
        // As `s3s` reads it: without a digest of the body.
        let (body, was_read) = stopped(b"x");
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders=host;x-amz-date, Signature=00",
            WRITER.key,
            signing().scope
        );
        let request = get().signed_by(None).streamed(100, body).header("x-amz-date", signing().time);
        let refused = request.header("authorization", authorization).send().await;
        assert_eq!(refused.error(), (400, "AuthorizationHeaderMalformed"), "{service}");
        assert!(!was_read.load(Ordering::SeqCst), "{service}");
        let post = gateway.request("POST", "/bucket").signed_by(None);
        let post = post.header("content-type", "multipart/form-data; boundary=B");
        let post = post.body(form_signed_with(&[("key", "a")], &signing()));
        assert_eq!(post.send().await.error(), (400, "AuthorizationQueryParametersError"), "{service}");
    }
}

/// A signature of version 2 in a header has no time limit.
#[tokio::test]
async fn signatures_of_version_2_are_refused() {
    let gateway = Gateway::with_bucket().await;
    let unsigned = |path: &str| gateway.request("GET", path).signed_by(None);
    let header = unsigned("/bucket").header("date", "Tue, 27 Mar 2007 19:36:42 GMT");
    let header = header.header("authorization", "AWS WRITER:bWq2s1WEIj+Ydj0vQ697zp+IXMU=").send().await;
    assert_eq!(header.error(), (400, "InvalidRequest"));
    let query = "/bucket/a?AWSAccessKeyId=WRITER&Expires=9999999999&Signature=AAAA";
    assert_eq!(unsigned(query).send().await.error(), (400, "InvalidRequest"));
    let post = gateway.request("POST", "/bucket").signed_by(None);
    let fields = [("key", "a"), ("AWSAccessKeyId", "WRITER"), ("signature", "AAAA")];
    let post = post.header("content-type", "multipart/form-data; boundary=B").body(form(&fields));
    assert_eq!(post.send().await.error(), (501, "NotImplemented"));
}

/// A request that was captured can be sent again for 15 minutes, and one with a presigned URL until that expires.
#[tokio::test]
async fn a_signature_is_valid_for_15_minutes() {
    let gateway = Gateway::with_bucket().await;
    let signing = |after| Signing::of(WRITER.secret, after, "s3");
    let header = |after| {
        let get = gateway.request("GET", "/bucket").in_header("UNSIGNED-PAYLOAD");
        get.body("").signed_with(signing(after)).send()
    };
    let form = |after| {
        let post = gateway.request("POST", "/bucket").signed_by(None);
        let form = form_signed_with(&[("key", "a")], &signing(after));
        post.header("content-type", "multipart/form-data; boundary=B").body(form).send()
    };
    for after in [-14 * MINUTE, 14 * MINUTE] {
        header(after).await.ok();
        form(after).await.ok();
    }
    for after in [-15 * MINUTE - 1, 16 * MINUTE] {
        assert_eq!(header(after).await.error(), (403, "RequestTimeTooSkewed"), "{after}");
        assert_eq!(form(after).await.error(), (403, "RequestTimeTooSkewed"), "{after}");
    }
    let presigned = |after, expires: u32| {
        let path = format!("/bucket?X-Amz-Expires={expires}");
        gateway.request("GET", &path).signed_with(signing(after)).send()
    };
    presigned(-14 * MINUTE, 3_600).await.ok();
    presigned(-59 * MINUTE, 3_600).await.ok();
    assert_eq!(presigned(-61 * MINUTE, 3_600).await.error(), (403, "AccessDenied"));
    assert_eq!(presigned(16 * MINUTE, 3_600).await.error(), (403, "RequestTimeTooSkewed"));
}

/// A client that stops within a body, of any kind, gets an error after a minute, and does not hold a connection. The clock of
/// this test passes when nothing else happens.
#[tokio::test(start_paused = true)]
async fn a_body_that_stops_ends_the_request() {
    let gateway = Gateway::with_bucket().await;
    let created = gateway.request("POST", "/bucket/a?uploads").send().await.ok();
    let upload = format!("/bucket/a?uploadId={}", created.one("UploadId"));
    let part = format!("{upload}&partNumber=1");
    let chunked = |payload| {
        let put = gateway.request("PUT", "/bucket/a").in_header(payload);
        put.header("x-amz-decoded-content-length", "100")
    };
    let form = gateway.request("POST", "/bucket").signed_by(None);
    let trailer = chunked(UNSIGNED_CHUNKS).header("x-amz-trailer", "x-amz-checksum-crc32");
    for (kind, request, start) in [
        ("an object", gateway.request("PUT", "/bucket/a"), &b"x"[..]),
        ("a hashed object", gateway.request("PUT", "/bucket/a").in_header(HASH_OF_NOTHING), b"x"),
        ("a part", gateway.request("PUT", &part), b"x"),
        ("chunks", trailer, b"3\r\nab"),
        ("signed chunks", chunked(SIGNED_CHUNKS), b"3;chunk-sig"),
        ("keys to delete", gateway.request("POST", "/bucket?delete"), b"<Delete>"),
        ("parts", gateway.request("POST", &upload), b"<CompleteMultipartUpload>"),
        ("a bucket", gateway.request("PUT", "/other"), b"<CreateBucketConfiguration>"),
        ("a form", form.header("content-type", "multipart/form-data; boundary=B"), b"--B\r\n"),
        ("nothing", gateway.request("POST", "/bucket?delete"), b""),
    ] {
        let (body, was_read) = stopped(start);
        let sent = request.streamed(1_000, body).send();
        let ended = tokio::time::timeout(std::time::Duration::from_secs(100), sent).await;
        let ended = ended.unwrap_or_else(|_| panic!("{kind}: the request has not ended"));
        assert_eq!(ended.error(), (400, "RequestTimeout"), "{kind}");
        assert!(was_read.load(Ordering::SeqCst), "{kind}");
    }
    assert_eq!(gateway.get("/").await.ok().all("Name"), ["bucket"]);
    assert!(gateway.get("/bucket").await.ok().all("Key").is_empty());
}

const HASH_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

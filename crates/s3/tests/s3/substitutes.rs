//! Headers that are replaced after their signature was verified.

use crate::{
    harness::{Gateway, READER, SIGNED_CHUNKS, SIGNED_TRAILERS, Signer, UNSIGNED_CHUNKS},
    multipart::{complete, put},
};

/// The SHA-256 of no bytes.
const NO_BYTES: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Values of `Expires` that are no date of the form that is preferred.
const EXPIRES: [&str; 5] =
    ["0", "-1", "2033-12-01T16:00:00Z", "Thursday, 01-Dec-33 16:00:00 GMT", "Thu, 1 Dec 2033 16:00:00 GMT"];

async fn assert_expires(gateway: &Gateway, path: &str, body: &str, expires: &str) {
    let got = gateway.get(path).await.ok();
    assert_eq!((got.header("expires"), got.text()), (expires, body), "{path}");
    let head = gateway.request("HEAD", path).send().await.ok();
    assert_eq!(head.header("expires"), expires, "{path}");
}

/// S3 keeps any text, by whichever operation it comes. Pages that are not to be cached have a zero.
#[tokio::test]
async fn any_text_of_expires_is_kept() {
    let gateway = Gateway::with_bucket().await;
    for expires in EXPIRES.into_iter().chain(["Thu, 01 Dec 2033 16:00:00 GMT"]) {
        let request = |method, path: &str| gateway.request(method, path).header("expires", expires);
        request("PUT", "/bucket/presigned").body("one").send().await.ok();
        assert_expires(&gateway, "/bucket/presigned", "one", expires).await;
        let signed = request("PUT", "/bucket/signed").body("one").in_header("UNSIGNED-PAYLOAD");
        signed.send().await.ok();
        assert_expires(&gateway, "/bucket/signed", "one", expires).await;
        let copy = request("PUT", "/bucket/copy").header("x-amz-copy-source", "/bucket/signed");
        copy.header("x-amz-metadata-directive", "REPLACE").in_header("UNSIGNED-PAYLOAD").send().await.ok();
        assert_expires(&gateway, "/bucket/copy", "one", expires).await;
        let created = request("POST", "/bucket/parts?uploads").in_header("UNSIGNED-PAYLOAD");
        let id = created.send().await.ok().one("UploadId").to_owned();
        let etag = put(&gateway, "/bucket/parts", &id, 1, b"one".to_vec()).await.ok();
        complete(&gateway, "/bucket/parts", &id, &[(1, &etag.header("etag").replace('"', ""))]).await.ok();
        assert_expires(&gateway, "/bucket/parts", "one", expires).await;
    }
    let overridden = gateway.get("/bucket/signed?response-expires=Thu, 01 Dec 2033 16:00:00 GMT").await.ok();
    assert_eq!(overridden.header("expires"), "Thu, 01 Dec 2033 16:00:00 GMT");
}

/// The chunks of a body are verified, and its trailers.
#[tokio::test]
async fn a_body_is_verified_whatever_headers_are_replaced() {
    let gateway = Gateway::with_bucket().await;
    let put = |key: &str| gateway.request("PUT", &format!("/bucket/{key}")).header("expires", "0");
    // The CRC32 of `abc`, and another one.
    let (good, bad) = ("x-amz-checksum-crc32:NSRBwg==", "x-amz-checksum-crc32:AAAAAA==");
    let trailers = |payload, trailer: &str| {
        let end = match payload {
            UNSIGNED_CHUNKS => format!("0\r\n{trailer}\r\n\r\n"),
            _ => trailer.to_owned(),
        };
        let chunks: &[&[u8]] = if payload == UNSIGNED_CHUNKS { &[b"abc"] } else { &[b"abc", b""] };
        put("a").header("x-amz-trailer", "x-amz-checksum-crc32").chunked(payload, 3, chunks, &end).send()
    };
    for payload in [SIGNED_TRAILERS, UNSIGNED_CHUNKS] {
        assert_eq!(trailers(payload, bad).await.error(), (400, "BadDigest"), "{payload}");
        assert_eq!(gateway.get("/bucket/a").await.status, 404);
        trailers(payload, good).await.ok();
        assert_expires(&gateway, "/bucket/a", "abc", "0").await;
        gateway.request("DELETE", "/bucket/a").send().await.ok();
    }
    put("a").chunked(SIGNED_CHUNKS, 3, &[b"abc", b""], "").send().await.ok();
    assert_expires(&gateway, "/bucket/a", "abc", "0").await;
    let other = put("b").in_header(NO_BYTES).body("x").send().await;
    assert_eq!(other.error(), (400, "BadDigest"));
    for refused in [
        put("b").body("x").signed_by(READER).send().await,
        put("b").body("x").signed_by(None).send().await,
        put("b").body("x").signed_by(Signer { key: "WRITER", secret: "other" }).send().await,
    ] {
        assert_eq!(refused.status, 403, "{}", refused.text());
    }
    let unsupported = put("b").header("x-amz-acl", "public-read").body("x").send().await;
    assert_eq!(unsupported.error(), (501, "NotImplemented"));
    assert_eq!(gateway.get("/bucket/b").await.status, 404);
}

/// HTTP has three forms of a date, and ignores a condition that is none of them.
#[tokio::test]
async fn conditions_with_dates_are_read_as_in_http() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/a", "0123456789").await.ok();
    let past =
        ["Fri, 02 Jan 1970 00:00:00 GMT", "Friday, 02-Jan-70 00:00:00 GMT", "Fri Jan  2 00:00:00 1970"];
    let future =
        ["Tue, 05 Feb 2069 00:00:00 GMT", "Tuesday, 05-Feb-69 00:00:00 GMT", "Tue Feb  5 00:00:00 2069"];
    let none = ["0", "yesterday", "2033-12-01T16:00:00Z", "Thu, 32 Dec 2033 16:00:00 GMT"];
    let cases = |texts: &[&'static str], modified, unmodified| {
        let case = |text: &&'static str| [("modified", *text, modified), ("unmodified", *text, unmodified)];
        texts.iter().flat_map(case).collect::<Vec<_>>()
    };
    let cases = [cases(&past, 200, 412), cases(&future, 304, 200), cases(&none, 200, 200)].concat();
    for (name, date, status) in cases {
        let (read, copy) = match name {
            "modified" => ("if-modified-since", "x-amz-copy-source-if-modified-since"),
            _ => ("if-unmodified-since", "x-amz-copy-source-if-unmodified-since"),
        };
        for method in ["GET", "HEAD"] {
            let read = gateway.request(method, "/bucket/a").header(read, date);
            assert_eq!(read.in_header("UNSIGNED-PAYLOAD").send().await.status, status, "{name} {date}");
        }
        // With a range that is replaced as well.
        let range = gateway.request("GET", "/bucket/a").header(read, date);
        let range = range.header("range", "bytes=8-99999999999999999999").send().await;
        assert_eq!(range.status, if status == 200 { 206 } else { status }, "{name} {date}");
        let copied = gateway.request("PUT", "/bucket/b").header("x-amz-copy-source", "/bucket/a");
        let copied = copied.header(copy, date).in_header("UNSIGNED-PAYLOAD").send().await;
        assert_eq!(copied.status, if status == 304 { 412 } else { status }, "{name} {date}");
    }
}

//! What errors state beside their codes.

use crate::{
    harness::{Gateway, Response},
    multipart::{complete, create, put},
};

/// Clients that read in ranges learn the size of an object from the error, also that it is empty.
#[tokio::test]
async fn a_range_that_is_not_there_is_answered_with_the_size_of_the_object() {
    let gateway = Gateway::with_bucket().await;
    for (key, size) in [("/bucket/empty", 0), ("/bucket/ten", 10)] {
        gateway.put(key, vec![7; size]).await.ok();
        for range in ["bytes=10-", "bytes=10-20"] {
            let read = gateway.request("GET", key).header("range", range).send().await;
            assert_eq!(read.error(), (416, "InvalidRange"), "{key} {range}");
            assert_eq!(
                (read.one("RangeRequested"), read.one("ActualObjectSize")),
                (range, &*size.to_string())
            );
        }
    }
}

/// Clients learn from the condition that an object exists.
#[tokio::test]
async fn an_error_names_the_condition_that_does_not_hold() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/a", "x").await.ok();
    let check = |answer: Response, name: &str| {
        assert_eq!(answer.error(), (412, "PreconditionFailed"), "{name}");
        assert_eq!(answer.one("Condition"), name);
        assert_eq!(answer.one("Message"), format!("the condition {name} does not hold"));
    };
    let past = "Thu, 01 Jan 1970 00:00:01 GMT";
    let future = "Thu, 01 Jan 2099 00:00:01 GMT";
    for (name, value) in [("if-match", "\"other\""), ("if-unmodified-since", past)] {
        let expected = if name == "if-match" { "If-Match" } else { "If-Unmodified-Since" };
        check(gateway.request("GET", "/bucket/a").header(name, value).send().await, expected);
    }
    for (name, value, expected) in
        [("if-match", "\"other\"", "If-Match"), ("if-none-match", "*", "If-None-Match")]
    {
        check(gateway.request("PUT", "/bucket/a").header(name, value).body("y").send().await, expected);
        let copy = gateway.request("PUT", "/bucket/a").header("x-amz-copy-source", "/bucket/a");
        let copy = copy.header("x-amz-metadata-directive", "REPLACE").header(name, value);
        check(copy.send().await, expected);
    }
    check(gateway.request("DELETE", "/bucket/a").header("if-match", "\"other\"").send().await, "If-Match");
    for (name, value, expected) in [
        ("x-amz-copy-source-if-match", "\"other\"", "x-amz-copy-source-If-Match"),
        ("x-amz-copy-source-if-none-match", "*", "x-amz-copy-source-If-None-Match"),
        ("x-amz-copy-source-if-unmodified-since", past, "x-amz-copy-source-If-Unmodified-Since"),
        ("x-amz-copy-source-if-modified-since", future, "x-amz-copy-source-If-Modified-Since"),
    ] {
        let copy = gateway.request("PUT", "/bucket/b").header("x-amz-copy-source", "/bucket/a");
        check(copy.header(name, value).send().await, expected);
    }
    let id = create(&gateway, "/bucket/a").await;
    let etag = put(&gateway, "/bucket/a", &id, 1, vec![7]).await.ok().header("etag").replace('"', "");
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>\
         </CompleteMultipartUpload>"
    );
    for (name, value, expected) in
        [("if-match", "\"other\"", "If-Match"), ("if-none-match", "*", "If-None-Match")]
    {
        let request = gateway.request("POST", &format!("/bucket/a?uploadId={id}")).header(name, value);
        check(request.body(body.clone()).send().await, expected);
    }
    complete(&gateway, "/bucket/a", &id, &[(1, &etag)]).await.ok();
}

/// A client names the request by its identifier when it reports an error.
#[tokio::test]
async fn every_response_has_the_identifier_of_its_request() {
    let gateway = Gateway::with_bucket().await;
    let found = gateway.get("/bucket").await.ok();
    assert_eq!(found.header("x-amz-request-id").len(), 16);
    let missing = gateway.get("/bucket/missing").await;
    assert_eq!(missing.error(), (404, "NoSuchKey"));
    assert_eq!(missing.one("RequestId"), missing.header("x-amz-request-id"));
    assert!(found.header("x-amz-request-id") != missing.header("x-amz-request-id"));
    // Before `s3s` sees the request.
    let refused = gateway.request("GET", "/bucket/a?Signature=00").send().await;
    assert_eq!(refused.error(), (400, "InvalidRequest"));
    assert_eq!(refused.one("RequestId"), refused.header("x-amz-request-id"));
}

//! Conditions that clients rarely send.

use crate::harness::Gateway;

/// A client whose variable for the ETag is empty must not lose its protection.
#[tokio::test]
async fn an_empty_condition_is_refused() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/a", "first").await.ok();
    for name in ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"] {
        for value in ["", " "] {
            let put = gateway.request("PUT", "/bucket/a").header(name, value).body("second").send().await;
            assert_eq!(put.error(), (400, "InvalidRequest"), "{name}");
            let delete = gateway.request("DELETE", "/bucket/a").header(name, value).send().await;
            assert_eq!(delete.error(), (400, "InvalidRequest"), "{name}");
        }
    }
    let copy = gateway.request("PUT", "/bucket/b").header("x-amz-copy-source", "/bucket/a");
    let copy = copy.header("x-amz-copy-source-if-match", "").send().await;
    assert_eq!(copy.error(), (400, "InvalidRequest"));
    assert_eq!(gateway.get("/bucket/a").await.ok().text(), "first");
    assert_eq!(gateway.get("/bucket/b").await.status, 404);
}

/// `If-Match` is not met by a weak ETag, `If-None-Match` is (RFC 9110, section 8.8.3.2).
#[tokio::test]
async fn weak_etags_are_compared_as_rfc_9110_says() {
    let gateway = Gateway::with_bucket().await;
    let etag = gateway.put("/bucket/a", "first").await.ok().header("etag").to_owned();
    let weak = format!("W/{etag}");
    for (value, is_met) in [
        (weak.clone(), false),
        (format!("\"other\", {weak}"), false),
        (format!("W/\"other\", {etag}"), true),
        (format!("{weak}, {etag}"), true),
    ] {
        let read = gateway.request("GET", "/bucket/a").header("if-match", value.clone()).send().await;
        assert_eq!(read.status, if is_met { 200 } else { 412 }, "{value}");
        let read = gateway.request("GET", "/bucket/a").header("if-none-match", value.clone()).send().await;
        assert_eq!(read.status, 304, "{value}");
    }
    let put = gateway.request("PUT", "/bucket/a").header("if-match", weak).body("second").send().await;
    assert_eq!(put.error(), (412, "PreconditionFailed"));
    assert_eq!(gateway.get("/bucket/a").await.ok().text(), "first");
}

/// A download that is resumed gets all of the object when it was overwritten, and never bytes of two versions.
#[tokio::test]
async fn a_range_of_another_version_is_all_of_the_object() {
    let gateway = Gateway::with_bucket().await;
    let old = gateway.put("/bucket/a", "first version").await.ok().header("etag").to_owned();
    let read = async |range: &str, condition: &str| {
        let read = gateway.request("GET", "/bucket/a").header("range", range).header("if-range", condition);
        let read = read.send().await.ok();
        (read.status, read.text().to_owned())
    };
    assert_eq!(read("bytes=6-", &old).await, (206, "version".to_owned()));
    let modified = gateway.get("/bucket/a").await.ok().header("last-modified").to_owned();
    assert_eq!(read("bytes=6-", &modified).await, (206, "version".to_owned()));
    let all = || (200, "second".to_owned());
    gateway.put("/bucket/a", "second").await.ok();
    for range in ["bytes=6-", "bytes=0-1", "bytes=0-99999999999999999999"] {
        for condition in [&*old, "Thu, 01 Jan 1970 00:00:00 GMT", "no date", &format!("W/{old}")] {
            assert_eq!(read(range, condition).await, all(), "{range} {condition}");
        }
    }
    let new = gateway.get("/bucket/a").await.ok().header("etag").to_owned();
    assert_eq!(read("bytes=0-1", &format!("W/{new}")).await, all());
    let head = gateway.request("HEAD", "/bucket/a").header("range", "bytes=0-1").header("if-range", old);
    let head = head.send().await.ok();
    assert_eq!((head.status, head.header("content-length")), (200, "6"));
}

use crate::harness::{Gateway, READER, Signer};

#[tokio::test]
async fn a_reader_reads_and_does_not_write() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/a", "x").await.ok();
    for (method, path) in [("GET", "/"), ("GET", "/bucket"), ("GET", "/bucket/a"), ("HEAD", "/bucket/a")] {
        gateway.request(method, path).signed_by(READER).send().await.ok();
    }
    for (method, path) in [
        ("PUT", "/bucket/a"),
        ("DELETE", "/bucket/a"),
        ("DELETE", "/bucket"),
        ("PUT", "/other"),
        ("POST", "/bucket/a?uploads"),
    ] {
        let refused = gateway.request(method, path).signed_by(READER).body("").send().await;
        assert_eq!(refused.error(), (403, "AccessDenied"), "{method} {path}");
    }
}

#[tokio::test]
async fn a_request_needs_the_signature_of_a_known_key() {
    let gateway = Gateway::with_bucket().await;
    let unsigned = gateway.request("GET", "/bucket").signed_by(None).send().await;
    assert_eq!(unsigned.error(), (403, "AccessDenied"));
    let unknown = Signer { key: "OTHER", secret: "secret of the other" };
    let unknown = gateway.request("GET", "/bucket").signed_by(unknown).send().await;
    assert_eq!(unknown.error(), (403, "InvalidAccessKeyId"));
    let wrong = Signer { key: "WRITER", secret: "secret of the reader" };
    let wrong = gateway.request("GET", "/bucket").signed_by(wrong).send().await;
    assert_eq!(wrong.error(), (403, "SignatureDoesNotMatch"));
}

/// What the gateway has not is refused, and is neither ignored nor answered as if there were none.
#[tokio::test]
async fn what_is_not_supported_is_not_implemented() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/a", "x").await.ok();
    for (method, path) in [
        ("GET", "/bucket?acl"),
        ("GET", "/bucket?policy"),
        ("GET", "/bucket?lifecycle"),
        ("GET", "/bucket?versions"),
        ("GET", "/bucket/a?tagging"),
    ] {
        assert_eq!(gateway.get(path).await.error(), (501, "NotImplemented"), "{method} {path}");
    }
    for (name, value) in [
        ("x-amz-server-side-encryption", "AES256"),
        ("x-amz-acl", "public-read"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
    ] {
        let put = gateway.request("PUT", "/bucket/b").header(name, value).body("x").send().await;
        assert_eq!(put.error(), (501, "NotImplemented"), "{name}");
    }
    assert_eq!(gateway.get("/bucket/a?versionId=1").await.error(), (404, "NoSuchVersion"));
    assert_eq!(gateway.get("/bucket").await.ok().all("Key"), ["a"]);
}

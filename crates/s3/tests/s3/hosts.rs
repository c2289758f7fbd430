//! Requests with the bucket in the host name, as the AWS SDKs send them to names.

use crate::harness::{Gateway, SIGNED_CHUNKS};

const HOST: &str = "one.localhost:9000";

/// The bucket of the host is used, and not one whose name the key starts with.
#[tokio::test]
async fn the_bucket_is_that_of_the_host() {
    let gateway = Gateway::new();
    gateway.put("/one", "").await.ok();
    gateway.put("/two", "").await.ok();
    gateway.put("/two/x.txt", "of two").await.ok();
    let request = |method, path| gateway.request(method, path).at(HOST);
    request("PUT", "/two/x.txt").body("of one").send().await.ok();
    assert_eq!(gateway.get("/two/x.txt").await.ok().text(), "of two");
    assert_eq!(gateway.get("/one/two/x.txt").await.ok().text(), "of one");
    // Also where s3s does not see the range that the client has sent.
    let range = request("GET", "/two/x.txt").header("range", "bytes=1-99999999999999999999").send().await;
    assert_eq!((range.status, range.text()), (206, "f one"));
    assert_eq!(request("GET", "/?list-type=2").send().await.ok().all("Key"), ["two/x.txt"]);
    request("DELETE", "/two/x.txt").send().await.ok();
    assert_eq!(gateway.get("/two/x.txt").await.ok().text(), "of two");
    // The key "two", and not the bucket.
    request("DELETE", "/two").send().await.ok();
    request("DELETE", "/").send().await.ok();
    assert_eq!(gateway.get("/").await.ok().all("Name"), ["two"]);
    assert_eq!(gateway.get("/two/x.txt").await.ok().text(), "of two");
}

/// A body of an object has no limit, and can have any framing, wherever the bucket is.
#[tokio::test]
async fn bodies_are_those_of_objects() {
    let gateway = Gateway::new();
    gateway.put("/one", "").await.ok();
    let large = vec![7; (5 << 20) + 1];
    gateway.request("PUT", "/large").at(HOST).body(large.clone()).send().await.ok();
    assert!(gateway.get("/one/large").await.ok().body == large);
    let chunked = gateway.request("PUT", "/chunked").at(HOST);
    chunked.chunked(SIGNED_CHUNKS, 5, &[b"hello", b""], "").send().await.ok();
    assert_eq!(gateway.get("/one/chunked").await.ok().text(), "hello");
    let none = gateway.request("PUT", "/empty").at(HOST).send().await;
    assert_eq!(none.error(), (411, "MissingContentLength"));
}

/// A host that may have the name of a bucket in it is refused, and nothing changes.
#[tokio::test]
async fn other_hosts_are_refused() {
    let gateway = Gateway::new();
    gateway.put("/one", "").await.ok();
    for host in ["one.example.com", "localhost.example.com", "example.com:9000"] {
        let put = gateway.request("PUT", "/one/a").at(host).body("a").send().await;
        assert_eq!(put.error(), (400, "InvalidRequest"), "{host}");
        assert!(put.text().contains("--s3-domain"), "{}", put.text());
    }
    assert!(gateway.get("/one").await.ok().all("Key").is_empty());
    for host in ["127.0.0.1:9000", "[::1]:9000", "storage:9000", "LOCALHOST"] {
        gateway.request("PUT", "/one/a").at(host).body("a").send().await.ok();
    }
}

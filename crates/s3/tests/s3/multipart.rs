use std::io;

use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::stream;
use stable_storage_api::{Settings, limits::MIN_CAPACITY_BYTES};
use tokio::sync::mpsc;

use crate::harness::{Gateway, Response, bytes, md5, md5_digest};

pub(crate) const PART: u64 = 5 << 20;

pub(crate) async fn create(gateway: &Gateway, path: &str) -> String {
    let created = gateway.request("POST", &format!("{path}?uploads")).header("x-amz-meta-name", "value");
    created.send().await.ok().one("UploadId").to_owned()
}

pub(crate) async fn put(gateway: &Gateway, path: &str, id: &str, number: i32, body: Vec<u8>) -> Response {
    gateway.put(&format!("{path}?partNumber={number}&uploadId={id}"), body).await
}

pub(crate) async fn complete(gateway: &Gateway, path: &str, id: &str, parts: &[(i32, &str)]) -> Response {
    let part = |(number, etag): &(i32, &str)| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag></Part>")
    };
    let body: String = parts.iter().map(part).collect();
    let body = format!("<CompleteMultipartUpload>{body}</CompleteMultipartUpload>");
    gateway.request("POST", &format!("{path}?uploadId={id}")).body(body).send().await
}

/// Parts arrive in any order, one of them twice, and the gateway is restarted in between.
#[tokio::test]
async fn parts_in_any_order_become_the_object() {
    let gateway = Gateway::with_bucket().await;
    let parts = [bytes(PART), bytes(PART + 12_345), bytes(7)];
    let id = create(&gateway, "/bucket/a").await;
    put(&gateway, "/bucket/a", &id, 30, parts[2].clone()).await.ok();
    put(&gateway, "/bucket/a", &id, 2, bytes(100)).await.ok();
    let gateway = Gateway::over(gateway.client.clone());
    let second = put(&gateway, "/bucket/a", &id, 2, parts[1].clone()).await.ok();
    assert_eq!(second.header("etag"), format!("\"{}\"", md5(&parts[1])));
    put(&gateway, "/bucket/a", &id, 1, parts[0].clone()).await.ok();

    let listed = gateway.get(&format!("/bucket/a?uploadId={id}")).await.ok();
    assert_eq!(listed.all("PartNumber"), ["1", "2", "30"]);
    assert_eq!(listed.all("Size"), parts.each_ref().map(|part| part.len().to_string()));
    let page = gateway.get(&format!("/bucket/a?uploadId={id}&max-parts=1&part-number-marker=1")).await.ok();
    assert_eq!((page.all("PartNumber"), page.one("IsTruncated")), (vec!["2"], "true"));
    assert_eq!(gateway.get("/bucket?uploads").await.ok().all("UploadId"), [&id]);
    assert!(gateway.get("/bucket").await.ok().all("Key").is_empty());
    assert_eq!(gateway.get("/").await.ok().all("Name"), ["bucket"]);

    let md5s = parts.each_ref().map(|part| md5(part));
    let all = [(1, &*md5s[0]), (2, &*md5s[1]), (30, &*md5s[2])];
    let etag = complete(&gateway, "/bucket/a", &id, &all).await.ok().one("ETag").replace("&quot;", "\"");
    let digests = parts.each_ref().map(|part| md5_digest(part)).concat();
    assert_eq!(etag, format!("\"{}-3\"", md5(&digests)));
    let got = gateway.get("/bucket/a").await.ok();
    assert!(got.body == parts.concat());
    assert_eq!((got.header("etag"), got.header("x-amz-meta-name")), (&*etag, "value"));
    // The response may have been lost.
    let again = complete(&gateway, "/bucket/a", &id, &all).await.ok();
    assert_eq!(again.one("ETag").replace("&quot;", "\""), etag);
    assert_eq!(complete(&gateway, "/bucket/a", &id, &all[..2]).await.error(), (404, "NoSuchUpload"));
    gateway.put("/bucket/a", bytes(1)).await.ok();
    assert_eq!(complete(&gateway, "/bucket/a", &id, &all).await.error(), (404, "NoSuchUpload"));
    assert_eq!(gateway.client.list_all(":").await.unwrap(), []);
    assert!(gateway.client.list_uploads().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_completion_that_does_not_match_the_parts_is_refused() {
    let gateway = Gateway::with_bucket().await;
    let id = create(&gateway, "/bucket/a").await;
    let (small, large) = (bytes(10), bytes(PART));
    let (small_md5, large_md5) = (md5(&small), md5(&large));
    put(&gateway, "/bucket/a", &id, 1, small).await.ok();
    put(&gateway, "/bucket/a", &id, 2, large).await.ok();
    for (parts, code) in [
        (&[][..], "MalformedXML"),
        (&[(2, &*large_md5), (1, &*small_md5)], "InvalidPartOrder"),
        (&[(1, &*small_md5), (1, &*small_md5)], "InvalidPartOrder"),
        (&[(1, &*large_md5)], "InvalidPart"),
        (&[(3, &*large_md5)], "InvalidPart"),
        (&[(1, &*small_md5), (2, &*large_md5)], "EntityTooSmall"),
    ] {
        assert_eq!(complete(&gateway, "/bucket/a", &id, parts).await.error(), (400, code), "{parts:?}");
    }
    let none = put(&gateway, "/bucket/other", &id, 1, Vec::new()).await;
    assert_eq!(none.error(), (404, "NoSuchUpload"));
    for number in [0, 10_001] {
        assert_eq!(
            put(&gateway, "/bucket/a", &id, number, Vec::new()).await.error(),
            (400, "InvalidArgument")
        );
    }
    // Parts that are not listed are left out.
    complete(&gateway, "/bucket/a", &id, &[(2, &large_md5)]).await.ok();
    assert_eq!(gateway.get("/bucket/a").await.ok().body.len() as u64, PART);
    assert_eq!(gateway.client.list_all(":").await.unwrap(), []);
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let gateway = Gateway::with_bucket().await;
    let id = create(&gateway, "/bucket/a").await;
    put(&gateway, "/bucket/a", &id, 1, bytes(PART)).await.ok();
    let abort = || gateway.request("DELETE", &format!("/bucket/a?uploadId={id}")).send();
    abort().await.ok();
    assert_eq!(abort().await.error(), (404, "NoSuchUpload"));
    assert_eq!(put(&gateway, "/bucket/a", &id, 1, Vec::new()).await.error(), (404, "NoSuchUpload"));
    for other in ["", "../..", "0123456789abcdef0123456789abcdef"] {
        let found = gateway.get(&format!("/bucket/a?uploadId={other}")).await;
        assert_eq!(found.error(), (404, "NoSuchUpload"), "{other}");
    }
    assert_eq!(gateway.client.list_all(":").await.unwrap(), []);
}

#[tokio::test]
async fn a_range_of_an_object_is_a_part() {
    let gateway = Gateway::with_bucket().await;
    let source = bytes(2 * PART);
    gateway.put("/bucket/source", source.clone()).await.ok();
    let id = create(&gateway, "/bucket/a").await;
    let mut etags = Vec::new();
    for (number, range) in [(1, format!("bytes=0-{}", PART - 1)), (2, "bytes=3-5".to_owned())] {
        let copy = gateway.request("PUT", &format!("/bucket/a?partNumber={number}&uploadId={id}"));
        let copy =
            copy.header("x-amz-copy-source", "/bucket/source").header("x-amz-copy-source-range", range);
        etags.push(copy.send().await.ok().one("ETag").replace("&quot;", "").replace('"', ""));
    }
    complete(&gateway, "/bucket/a", &id, &[(1, &etags[0]), (2, &etags[1])]).await.ok();
    let expected = [&source[..PART as usize], &source[3..6]].concat();
    assert!(gateway.get("/bucket/a").await.ok().body == expected);
}

/// A part whose bytes are still arriving when its upload ends is refused, and leaves nothing.
#[tokio::test]
async fn a_part_that_comes_after_the_end_of_its_upload_leaves_nothing() {
    for is_completed in [false, true] {
        let gateway = Gateway::with_bucket().await;
        let id = create(&gateway, "/bucket/a").await;
        let first = bytes(PART);
        let md5 = md5(&first);
        put(&gateway, "/bucket/a", &id, 1, first).await.ok();
        let (gateway, id) = (&gateway, &id);
        let (sender, receiver) = mpsc::channel::<Vec<u8>>(1);
        let pieces = stream::unfold(receiver, async |mut receiver| {
            receiver.recv().await.map(|piece| (io::Result::Ok(piece), receiver))
        });
        let part = gateway.request("PUT", &format!("/bucket/a?partNumber=2&uploadId={id}"));
        let part = part.streamed(2 * PART, Body::from_stream(pieces)).send();
        let feed = async move {
            sender.send(bytes(PART)).await.unwrap();
            // The gateway has found the upload once it has taken the first piece.
            let second = sender.reserve().await.unwrap();
            if is_completed {
                complete(gateway, "/bucket/a", id, &[(1, &md5)]).await.ok();
            } else {
                gateway.request("DELETE", &format!("/bucket/a?uploadId={id}")).send().await.ok();
            }
            second.send(bytes(PART));
        };
        let (response, ()) = futures_util::join!(part, feed);
        assert_eq!(response.error(), (404, "NoSuchUpload"), "completed: {is_completed}");
        assert_eq!(gateway.client.list_all(":").await.unwrap(), [], "completed: {is_completed}");
        assert!(gateway.client.list_uploads().await.unwrap().is_empty());
    }
}

/// One node executes a query, and may lag the updates that the gateway has just made.
#[tokio::test]
async fn a_gateway_sees_its_own_writes_on_a_network() {
    let gateway = Gateway::lagging();
    gateway.request("PUT", "/bucket").send().await.ok();
    let source = bytes(PART);
    let stored = gateway.put("/bucket/source", source.clone()).await.ok();
    let id = create(&gateway, "/bucket/a").await;
    let first = put(&gateway, "/bucket/a", &id, 1, source.clone()).await.ok();
    let copy = gateway.request("PUT", &format!("/bucket/a?partNumber=2&uploadId={id}"));
    let copied = copy.header("x-amz-copy-source", "/bucket/source").send().await.ok();
    let etags = [first.header("etag").replace('"', ""), copied.one("ETag").replace("&quot;", "")];
    let etags = etags.map(|etag| etag.replace('"', ""));
    let listed = gateway.get(&format!("/bucket/a?uploadId={id}")).await.ok();
    assert_eq!(listed.all("PartNumber"), ["1", "2"]);
    complete(&gateway, "/bucket/a", &id, &[(1, &etags[0]), (2, &etags[1])]).await.ok();
    assert!(gateway.get("/bucket/a").await.ok().body == [&*source, &*source].concat());
    let copy = gateway.request("PUT", "/bucket/b").header("x-amz-copy-source", "/bucket/source");
    let etag = copy.send().await.ok().one("ETag").replace("&quot;", "\"");
    assert_eq!(etag, stored.header("etag"));

    let id = create(&gateway, "/bucket/c").await;
    gateway.request("DELETE", &format!("/bucket/c?uploadId={id}")).send().await.ok();
    assert_eq!(put(&gateway, "/bucket/c", &id, 1, Vec::new()).await.error(), (404, "NoSuchUpload"));
    assert_eq!(gateway.client.list_all(":").await.unwrap(), []);
}

/// The canister copies a part, whatever its size: the gateway reads nothing of it.
#[tokio::test]
async fn a_copied_part_above_the_limit_of_one_call() {
    let gateway = Gateway::with_bucket().await;
    let size = 70 << 20;
    let source = bytes(size);
    gateway.put("/bucket/source", source.clone()).await.ok();
    let id = create(&gateway, "/bucket/a").await;
    let mut etags = Vec::new();
    for number in [1, 2] {
        let copy = gateway.request("PUT", &format!("/bucket/a?partNumber={number}&uploadId={id}"));
        let copied = copy.header("x-amz-copy-source", "/bucket/source").send().await.ok();
        etags.push(copied.one("ETag").replace("&quot;", "").replace('"', ""));
    }
    assert!(etags[0] == etags[1] && etags[0].ends_with("-1"), "no MD5 is known: {etags:?}");
    complete(&gateway, "/bucket/a", &id, &[(1, &etags[0]), (2, &etags[1])]).await.ok();
    let head = gateway.request("HEAD", "/bucket/a").send().await;
    assert_eq!(head.header("content-length"), (2 * size).to_string());
    let range = format!("bytes={}-{}", size - 2, size + 1);
    let around = gateway.request("GET", "/bucket/a").header("range", range).send().await.ok();
    assert!(*around.body == [&source[source.len() - 2..], &source[..2]].concat());
}

/// From 64 MiB on, the response starts before the object is complete; its end has the result.
#[tokio::test]
async fn a_large_upload_is_completed_while_the_client_is_kept_waiting() {
    let gateway = Gateway::with_bucket().await;
    let id = create(&gateway, "/bucket/a").await;
    let part = bytes(33 << 20);
    for number in [1, 2] {
        put(&gateway, "/bucket/a", &id, number, part.clone()).await.ok();
    }
    let md5 = md5(&part);
    let completed = complete(&gateway, "/bucket/a", &id, &[(1, &md5), (2, &md5)]).await.ok();
    assert!(completed.one("ETag").contains("-2"), "{}", completed.text());
    assert_eq!(
        gateway.request("HEAD", "/bucket/a").send().await.header("content-length"),
        (66 << 20).to_string()
    );
    assert_eq!(gateway.client.list_all(":").await.unwrap(), []);
}

/// A completion and a listing have the checksums that parts were uploaded with.
/// What can be checked is checked before the response to a large completion starts. What fails later is one document of XML.
#[tokio::test]
async fn a_large_completion_is_refused_in_the_status_or_in_one_document() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/a", "as it was").await.ok();
    let id = create(&gateway, "/bucket/a").await;
    let part = bytes(33 << 20);
    for number in [1, 2] {
        put(&gateway, "/bucket/a", &id, number, part.clone()).await.ok();
    }
    let md5 = md5(&part);
    let body = format!(
        "<CompleteMultipartUpload>{}</CompleteMultipartUpload>",
        [1, 2]
            .map(|number| format!("<Part><PartNumber>{number}</PartNumber><ETag>{md5}</ETag></Part>"))
            .concat()
    );
    let path = format!("/bucket/a?uploadId={id}");
    let absent = gateway.request("POST", &path).header("if-none-match", "*").body(body).send().await;
    assert_eq!(absent.error(), (412, "PreconditionFailed"));
    let other = complete(&gateway, "/bucket/a", &id, &[(1, &md5), (2, &md5.replace(['0', '1'], "2"))]).await;
    assert_eq!(other.error(), (400, "InvalidPart"));
    // The parts fit, and not the object as well.
    gateway.client.configure(&Settings::capacity(MIN_CAPACITY_BYTES)).await.unwrap();
    let refused = complete(&gateway, "/bucket/a", &id, &[(1, &md5), (2, &md5)]).await;
    assert_eq!(refused.error(), (200, "InternalError"), "{}", refused.text());
    assert!(refused.text().starts_with("<?xml") && refused.text().matches("<?xml").count() == 1);
    assert_eq!(gateway.get("/bucket/a").await.ok().text(), "as it was");
}

#[tokio::test]
async fn checksums_of_parts_are_compared_in_a_completion() {
    let gateway = Gateway::with_bucket().await;
    let id = create(&gateway, "/bucket/a").await;
    let crc = STANDARD.encode(crc32fast::hash(b"abc").to_be_bytes());
    let path = format!("/bucket/a?partNumber=1&uploadId={id}");
    let part = gateway.request("PUT", &path).header("x-amz-checksum-crc32", crc.clone()).body("abc");
    assert_eq!(part.send().await.ok().header("x-amz-checksum-crc32"), crc);
    let listed = gateway.get(&format!("/bucket/a?uploadId={id}")).await.ok();
    assert_eq!(listed.all("ChecksumCRC32"), [&crc]);
    let complete = |sum: &str| {
        let body = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag>{sum}</Part></CompleteMultipartUpload>",
            md5(b"abc")
        );
        gateway.request("POST", &format!("/bucket/a?uploadId={id}")).body(body).send()
    };
    let wrong = complete("<ChecksumCRC32>AAAAAA==</ChecksumCRC32>").await;
    assert_eq!(wrong.error(), (400, "InvalidPart"));
    // The part was uploaded without it.
    let unknown = complete("<ChecksumSHA1>qZk+NkcGgWq6PiVxeFDCbJzQ2J0=</ChecksumSHA1>").await;
    assert_eq!(unknown.error(), (400, "InvalidPart"));
    let other = complete("<ChecksumXXHASH64>AAAAAAAAAAA=</ChecksumXXHASH64>").await;
    assert_eq!(other.error(), (501, "NotImplemented"));
    assert_eq!(gateway.get("/bucket/a").await.status, 404);
    complete(&format!("<ChecksumCRC32>{crc}</ChecksumCRC32>")).await.ok();
    assert_eq!(gateway.get("/bucket/a").await.ok().text(), "abc");
    assert_eq!(gateway.client.list_all(":").await.unwrap(), []);
}

/// The checksum of an object in parts is that of the checksums of its parts, with or without their number.
#[tokio::test]
async fn a_checksum_of_checksums_is_verified() {
    let gateway = Gateway::with_bucket().await;
    let parts = [bytes(PART), bytes(7)];
    let crcs = parts.each_ref().map(|part| crc32fast::hash(part).to_be_bytes());
    let good = STANDARD.encode(crc32fast::hash(&crcs.concat()).to_be_bytes());
    let bad = STANDARD.encode([1, 2, 3, 4]);
    let id = create(&gateway, "/bucket/a").await;
    let path = |number: usize| format!("/bucket/a?partNumber={number}&uploadId={id}");
    let mut etags = Vec::new();
    for (number, (part, crc)) in (1..).zip(parts.iter().zip(crcs)) {
        let put = gateway.request("PUT", &path(number)).header("x-amz-checksum-crc32", STANDARD.encode(crc));
        etags.push(put.body(part.clone()).send().await.ok().header("etag").replace('"', ""));
    }
    let listed = etags
        .iter()
        .enumerate()
        .map(|(at, etag)| format!("<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag></Part>", at + 1));
    let body = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", listed.collect::<String>());
    let complete = async |name: &'static str, value: &str| {
        let request = gateway.request("POST", &format!("/bucket/a?uploadId={id}")).header(name, value);
        request.body(body.clone()).send().await
    };
    for (name, value, error) in [
        ("x-amz-checksum-crc32", &*bad, (400, "BadDigest")),
        ("x-amz-checksum-crc32", &format!("{good}-3"), (400, "BadDigest")),
        ("x-amz-checksum-sha256", &bad, (400, "InvalidRequest")),
        ("x-amz-checksum-crc64nvme", &bad, (400, "InvalidRequest")),
    ] {
        assert_eq!(complete(name, value).await.error(), error, "{name}: {value}");
    }
    complete("x-amz-checksum-crc32", &format!("{good}-2")).await.ok();
    complete("x-amz-checksum-crc32", &good).await.ok();
}

/// Completions that are sent at the same time have the same result, whichever is the first.
#[tokio::test]
async fn completions_at_the_same_time_have_the_same_result() {
    let gateway = Gateway::with_bucket().await;
    let part = bytes(33 << 20);
    let md5 = md5(&part);
    let id = create(&gateway, "/bucket/a").await;
    for number in [1, 2] {
        put(&gateway, "/bucket/a", &id, number, part.clone()).await.ok();
    }
    let parts = [(1, &*md5), (2, &*md5)];
    let complete = || complete(&gateway, "/bucket/a", &id, &parts);
    let (one, two, three) = futures_util::join!(complete(), complete(), complete());
    for response in [one, two, three] {
        assert!(response.ok().one("ETag").contains("-2"));
    }
    assert_eq!(gateway.client.list_all(":").await.unwrap(), []);
    assert!(gateway.client.list_uploads().await.unwrap().is_empty());
}

/// The location of a completed object is its URL.
#[tokio::test]
async fn the_location_is_the_url_of_the_object() {
    let gateway = Gateway::with_bucket().await;
    let path = "/bucket/a b+c/ü";
    let id = create(&gateway, path).await;
    put(&gateway, path, &id, 1, vec![7; 10]).await.ok();
    let completed = complete(&gateway, path, &id, &[(1, &md5(&[7; 10]))]).await.ok();
    assert_eq!(completed.one("Location"), "http://localhost/bucket/a%20b%2Bc/%C3%BC");
    // The bucket is in the host, and the completion is sent again.
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        md5(&[7; 10])
    );
    let again = gateway.request("POST", &format!("/a b+c/ü?uploadId={id}")).at("bucket.localhost:9000");
    let again = again.body(body).send().await.ok();
    assert_eq!(again.one("Location"), "http://bucket.localhost:9000/a%20b%2Bc/%C3%BC");
}

//! Bodies in `aws-chunked`.

use base64::{Engine, engine::general_purpose::STANDARD};
use stable_storage_api::limits::CHUNK_BYTES;

use crate::harness::{Gateway, SIGNED_CHUNKS, SIGNED_TRAILERS, UNSIGNED_CHUNKS, bytes};

const SUM: &str = "x-amz-checksum-crc32";

/// The line of the trailer for these bytes.
fn line(bytes: &[u8]) -> String {
    format!("{SUM}:{}", STANDARD.encode(crc32fast::hash(bytes).to_be_bytes()))
}

/// The end of a body with the trailer for these bytes.
fn end(bytes: &[u8]) -> String {
    format!("0\r\n{}\r\n\r\n", line(bytes))
}

#[tokio::test]
async fn bodies_in_chunks_are_stored_without_the_framing() {
    let gateway = Gateway::with_bucket().await;
    for size in [0, 10, 3 * CHUNK_BYTES + 1] {
        let all = bytes(size);
        let chunks: Vec<_> = all.chunks(64 << 10).collect();
        let put = gateway.request("PUT", "/bucket/a").header("x-amz-trailer", SUM);
        let put = put.header("x-amz-sdk-checksum-algorithm", "CRC32");
        let put = put.chunked(UNSIGNED_CHUNKS, size, &chunks, &end(&all)).send().await.ok();
        assert_eq!(put.header(SUM), STANDARD.encode(crc32fast::hash(&all).to_be_bytes()));
        let signed = [&chunks[..], &[&[]]].concat();
        gateway.request("PUT", "/bucket/b").chunked(SIGNED_CHUNKS, size, &signed, "").send().await.ok();
        let put = gateway.request("PUT", "/bucket/c").header("x-amz-trailer", SUM);
        let put = put.chunked(SIGNED_TRAILERS, size, &signed, &line(&all)).send().await.ok();
        assert_eq!(put.header(SUM), STANDARD.encode(crc32fast::hash(&all).to_be_bytes()));
        for path in ["/bucket/a", "/bucket/b", "/bucket/c"] {
            let got = gateway.get(path).await.ok();
            assert!(got.body == all, "{path} {size}");
            assert_eq!(got.header("content-encoding"), "");
        }
    }
}

/// A body that is cut, that has another length than it announces, or other trailers, is not stored.
#[tokio::test]
async fn a_body_that_is_not_what_its_headers_announce_is_not_stored() {
    let gateway = Gateway::with_bucket().await;
    for size in [11, 3 * CHUNK_BYTES] {
        let all = bytes(size);
        let (good, none) = (end(&all), "0\r\n\r\n");
        let other = good.replace("crc32", "sha1");
        for (length, end, trailer, error) in [
            (size + 9, &*good, SUM, "IncompleteBody"),
            (size - 6, &*good, SUM, "IncompleteBody"),
            (size, "", SUM, "IncompleteBody"),
            (size, none, SUM, "MalformedTrailerError"),
            (size, &*other, SUM, "MalformedTrailerError"),
            (size, &*end(b"other"), SUM, "BadDigest"),
            (size, &*good, "x-amz-checksum-xxhash64", "NotImplemented"),
        ] {
            let put = gateway.request("PUT", "/bucket/a").header("x-amz-trailer", trailer);
            let put = put.chunked(UNSIGNED_CHUNKS, length, &[&all], end).send().await;
            let status = if error == "NotImplemented" { 501 } else { 400 };
            assert_eq!(put.error(), (status, error), "{length} {end:?} {trailer}");
        }
        // Without the last chunk, and with a last chunk although bytes are missing.
        for (length, chunks) in
            [(size, vec![&all[..]]), (size + 1, vec![&all[..], &[]]), (size - 1, vec![&all[..], &[]])]
        {
            let put = gateway.request("PUT", "/bucket/a").chunked(SIGNED_CHUNKS, length, &chunks, "");
            assert_eq!(put.send().await.error(), (400, "IncompleteBody"), "{length}");
        }
        for (trailer, error) in [
            ("", "MalformedTrailerError"),
            (&*line(&all).replace("crc32", "sha1"), "MalformedTrailerError"),
            (&*line(b"other"), "BadDigest"),
        ] {
            let put = gateway.request("PUT", "/bucket/a").header("x-amz-trailer", SUM);
            let put = put.chunked(SIGNED_TRAILERS, size, &[&all, &[]], trailer).send().await;
            assert_eq!(put.error(), (400, error), "{trailer}");
        }
        assert_eq!(gateway.get("/bucket/a").await.status, 404);
    }
    assert!(gateway.client.list_uploads().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_part_that_is_cut_is_not_stored() {
    let gateway = Gateway::with_bucket().await;
    let created = gateway.request("POST", "/bucket/a?uploads").send().await.ok();
    let path = format!("/bucket/a?partNumber=1&uploadId={}", created.one("UploadId"));
    let put = gateway.request("PUT", &path).header("x-amz-trailer", SUM);
    let put = put.chunked(UNSIGNED_CHUNKS, 20, &[b"hello world"], &end(b"hello world")).send().await;
    assert_eq!(put.error(), (400, "IncompleteBody"));
    let listed = gateway.get(&format!("/bucket/a?uploadId={}", created.one("UploadId"))).await.ok();
    assert!(listed.all("PartNumber").is_empty());
}

/// Where a body in chunks is not decoded, it is refused instead of being stored with the framing.
#[tokio::test]
async fn a_body_in_chunks_is_decoded_or_refused() {
    let gateway = Gateway::with_bucket().await;
    let put = gateway.request("PUT", "/bucket/a").header("x-amz-content-sha256", UNSIGNED_CHUNKS);
    let put = put.header("x-amz-decoded-content-length", "5").body("5\r\nhello\r\n0\r\n\r\n");
    assert_eq!(put.send().await.error(), (501, "NotImplemented"));
    let delete = gateway.request("POST", "/bucket?delete").header("x-amz-trailer", SUM);
    let delete = delete.chunked(UNSIGNED_CHUNKS, 5, &[b"hello"], &end(b"hello")).send().await;
    assert_eq!(delete.error(), (501, "NotImplemented"));
    let put = gateway.request("PUT", "/bucket/a").header("x-amz-trailer", SUM).body("hello");
    assert_eq!(put.send().await.error(), (400, "InvalidRequest"));
    assert!(gateway.get("/bucket").await.ok().all("Key").is_empty());
}

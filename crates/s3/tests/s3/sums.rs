use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use stable_storage_api::limits::CHUNK_BYTES;

use crate::harness::{Gateway, UNSIGNED_CHUNKS, bytes, md5_digest};

/// Digests are verified before the commit: a body without them is not stored, however large it is.
#[tokio::test]
async fn a_body_with_another_digest_is_not_stored() {
    let gateway = Gateway::with_bucket().await;
    for size in [10, 3 * CHUNK_BYTES] {
        let (body, other) = (bytes(size), bytes(size + 1));
        for (name, good, bad) in [
            ("content-md5", STANDARD.encode(md5_digest(&body)), STANDARD.encode(md5_digest(&other))),
            (
                "x-amz-checksum-sha256",
                STANDARD.encode(Sha256::digest(&body)),
                STANDARD.encode(Sha256::digest(&other)),
            ),
            (
                "x-amz-checksum-crc32",
                STANDARD.encode(crc32fast::hash(&body).to_be_bytes()),
                STANDARD.encode(crc32fast::hash(&other).to_be_bytes()),
            ),
        ] {
            let put =
                |value: String| gateway.request("PUT", "/bucket/a").header(name, value).body(body.clone());
            assert_eq!(put(bad).send().await.error(), (400, "BadDigest"), "{name} {size}");
            assert_eq!(gateway.get("/bucket/a").await.status, 404);
            assert!(gateway.client.list_uploads().await.unwrap().is_empty());
            let stored = put(good.clone()).send().await.ok();
            if name != "content-md5" {
                assert_eq!(stored.header(name), good);
            }
            gateway.request("DELETE", "/bucket/a").send().await.ok();
        }
        let invalid = gateway.request("PUT", "/bucket/a").header("content-md5", "x").body(body).send().await;
        assert_eq!(invalid.error(), (400, "InvalidDigest"));
    }
}

#[tokio::test]
async fn a_part_with_another_digest_is_not_stored() {
    let gateway = Gateway::with_bucket().await;
    let created = gateway.request("POST", "/bucket/a?uploads").send().await.ok();
    let path = format!("/bucket/a?partNumber=1&uploadId={}", created.one("UploadId"));
    let crc = STANDARD.encode(crc32fast::hash(b"other").to_be_bytes());
    let put = gateway.request("PUT", &path).header("x-amz-checksum-crc32", crc).body("body").send().await;
    assert_eq!(put.error(), (400, "BadDigest"));
    let listed = gateway.get(&format!("/bucket/a?uploadId={}", created.one("UploadId"))).await.ok();
    assert!(listed.all("PartNumber").is_empty());
}

/// A client that asks for checksums gets the SHA-256 of a whole object, and verifies what it receives.
#[tokio::test]
async fn the_digest_of_an_object_is_sent_to_clients_that_ask_for_it() {
    let gateway = Gateway::with_bucket().await;
    for size in [5, 2 * CHUNK_BYTES] {
        let body = bytes(size);
        gateway.put("/bucket/a", body.clone()).await.ok();
        for method in ["GET", "HEAD"] {
            let read = || gateway.request(method, "/bucket/a");
            let asked = read().header("x-amz-checksum-mode", "ENABLED").send().await.ok();
            assert_eq!(asked.header("x-amz-checksum-sha256"), STANDARD.encode(Sha256::digest(&body)));
            assert_eq!(asked.header("x-amz-checksum-type"), "FULL_OBJECT");
            assert_eq!(read().send().await.ok().header("x-amz-checksum-sha256"), "");
            let range = read().header("x-amz-checksum-mode", "ENABLED").header("range", "bytes=0-1");
            assert_eq!(range.send().await.ok().header("x-amz-checksum-sha256"), "");
        }
    }
}

/// The published check values of the algorithms, for the bytes `123456789`: in a header, in the query and in a trailer.
#[tokio::test]
async fn every_algorithm_is_verified_wherever_its_checksum_is() {
    const BODY: &[u8] = b"123456789";
    let gateway = Gateway::with_bucket().await;
    for (name, digest) in [
        ("x-amz-checksum-crc32", "cbf43926"),
        ("x-amz-checksum-crc32c", "e3069283"),
        ("x-amz-checksum-crc64nvme", "ae8b14860a799888"),
        ("x-amz-checksum-sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ("x-amz-checksum-sha256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
    ] {
        let good = hex::decode(digest).unwrap();
        let bad = good.iter().map(|byte| !byte).collect::<Vec<_>>();
        for (sum, is_good) in [(STANDARD.encode(good), true), (STANDARD.encode(bad), false)] {
            let put = || gateway.request("PUT", "/bucket/a");
            let end = format!("0\r\n{name}:{sum}\r\n\r\n");
            let trailer = put().header("x-amz-trailer", name);
            for response in [
                put().header(name, sum.clone()).body(BODY).send().await,
                gateway.request("PUT", &format!("/bucket/a?{name}={sum}")).body(BODY).send().await,
                trailer.chunked(UNSIGNED_CHUNKS, BODY.len() as u64, &[BODY], &end).send().await,
            ] {
                match is_good {
                    true => assert_eq!(response.ok().header(name), sum),
                    false => assert_eq!(response.error(), (400, "BadDigest"), "{name}"),
                }
            }
        }
    }
}

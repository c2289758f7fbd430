//! Checksums of objects that are uploaded in parts.

use base64::{Engine, engine::general_purpose::STANDARD};
use s3s::{checksum::ChecksumHasher, dto::Checksum};
use sha2::{Digest, Sha256};

use crate::{
    harness::{Gateway, Response, bytes, md5},
    multipart::PART,
};

/// The checksum of bytes with an algorithm.
fn sum(algorithm: &str, bytes: &[u8]) -> String {
    let is = |name| algorithm == name;
    let mut hasher = ChecksumHasher {
        crc32: is("CRC32").then(Default::default),
        crc32c: is("CRC32C").then(Default::default),
        crc64nvme: is("CRC64NVME").then(Default::default),
        sha1: is("SHA1").then(Default::default),
        sha256: is("SHA256").then(Default::default),
    };
    hasher.update(bytes);
    let Checksum {
        checksum_crc32, checksum_crc32c, checksum_crc64nvme, checksum_sha1, checksum_sha256, ..
    } = hasher.finalize();
    let sums = [checksum_crc32, checksum_crc32c, checksum_crc64nvme, checksum_sha1, checksum_sha256];
    sums.into_iter().flatten().next().unwrap()
}

/// The checksum of the checksums of parts.
fn composite(algorithm: &str, parts: &[Vec<u8>]) -> String {
    let digests = parts.iter().map(|part| STANDARD.decode(sum(algorithm, part)).unwrap());
    format!("{}-{}", sum(algorithm, &digests.collect::<Vec<_>>().concat()), parts.len())
}

fn header(algorithm: &str) -> &'static str {
    match algorithm {
        "CRC32" => "x-amz-checksum-crc32",
        "CRC32C" => "x-amz-checksum-crc32c",
        "CRC64NVME" => "x-amz-checksum-crc64nvme",
        "SHA1" => "x-amz-checksum-sha1",
        _ => "x-amz-checksum-sha256",
    }
}

/// An upload to `/bucket/a`.
struct Upload<'g> {
    gateway: &'g Gateway,
    id: String,
    listed: String,
}

impl<'g> Upload<'g> {
    async fn new(gateway: &'g Gateway, headers: &[(&'static str, &str)]) -> Self {
        let mut request = gateway.request("POST", "/bucket/a?uploads");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let created = request.send().await.ok();
        for (name, value) in headers {
            assert_eq!(created.header(name), *value);
        }
        Self { gateway, id: created.one("UploadId").to_owned(), listed: String::new() }
    }

    /// An upload with these parts, none of which is sent with a checksum.
    async fn with(gateway: &'g Gateway, headers: &[(&'static str, &str)], parts: &[Vec<u8>]) -> Self {
        let mut upload = Self::new(gateway, headers).await;
        for (number, part) in (1..).zip(parts) {
            let path = format!("/bucket/a?partNumber={number}&uploadId={}", upload.id);
            gateway.put(&path, part.clone()).await.ok();
            upload.list(number, &md5(part));
        }
        upload
    }

    fn list(&mut self, number: i32, etag: &str) {
        self.listed += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    }

    async fn complete(&self, headers: &[(&'static str, &str)]) -> Response {
        let body = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", self.listed);
        let mut request = self.gateway.request("POST", &format!("/bucket/a?uploadId={}", self.id));
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.body(body).send().await
    }
}

const ALGORITHM: &str = "x-amz-checksum-algorithm";
const TYPE: &str = "x-amz-checksum-type";

/// A wrong checksum is refused before anything is stored, and the upload can be completed with the right one, which is returned
/// by every operation that S3 returns it by.
#[tokio::test]
async fn the_checksum_of_an_object_is_verified_and_kept() {
    let gateway = Gateway::with_bucket().await;
    let parts = [bytes(PART + 3), bytes(PART), bytes(77)];
    for (algorithm, kind) in [
        ("CRC32", "FULL_OBJECT"),
        ("CRC32C", "FULL_OBJECT"),
        ("CRC64NVME", "FULL_OBJECT"),
        ("CRC32", "COMPOSITE"),
        ("SHA256", "COMPOSITE"),
    ] {
        let upload = Upload::with(&gateway, &[(ALGORITHM, algorithm), (TYPE, kind)], &parts).await;
        let good = match kind {
            "FULL_OBJECT" => sum(algorithm, &parts.concat()),
            _ => composite(algorithm, &parts),
        };
        let listed = gateway.get(&format!("/bucket/a?uploadId={}", upload.id)).await.ok();
        assert_eq!((listed.one("ChecksumAlgorithm"), listed.one("ChecksumType")), (algorithm, kind));
        assert_eq!(listed.all(&format!("Checksum{algorithm}"))[1], sum(algorithm, &parts[1]));
        let uploads = gateway.get("/bucket?uploads").await.ok();
        assert_eq!((uploads.one("ChecksumAlgorithm"), uploads.one("ChecksumType")), (algorithm, kind));

        let name = header(algorithm);
        let wrong = sum(algorithm, b"other bytes");
        let other_kind = if kind == "COMPOSITE" { "FULL_OBJECT" } else { "COMPOSITE" };
        for (headers, error) in [
            (&[(name, &*wrong)][..], "BadDigest"),
            (&[(name, &good[1..])], "BadDigest"),
            (&[(name, &good), (TYPE, other_kind)], "InvalidRequest"),
            (&[("x-amz-checksum-sha1", &wrong)], "InvalidRequest"),
        ] {
            assert_eq!(
                upload.complete(headers).await.error(),
                (400, error),
                "{algorithm} {kind} {headers:?}"
            );
            assert_eq!(gateway.get("/bucket/a").await.status, 404);
        }
        let headers = [(name, &*good), (TYPE, kind)];
        // Sent again, it has the same result.
        for _ in 0..2 {
            let completed = upload.complete(&headers).await.ok();
            assert_eq!(completed.one(&format!("Checksum{algorithm}")), good, "{algorithm} {kind}");
            assert_eq!(completed.one("ChecksumType"), kind);
        }
        let copy = gateway.request("PUT", "/bucket/b").header("x-amz-copy-source", "/bucket/a");
        copy.header("x-amz-metadata-directive", "REPLACE").send().await.ok();
        for path in ["/bucket/a", "/bucket/b"] {
            for method in ["GET", "HEAD"] {
                let read = || gateway.request(method, path);
                let asked = read().header("x-amz-checksum-mode", "ENABLED").send().await.ok();
                assert_eq!((asked.header(name), asked.header(TYPE)), (&*good, kind), "{method} {path}");
                assert_eq!(read().send().await.ok().header(name), "");
                let range = read().header("x-amz-checksum-mode", "ENABLED").header("range", "bytes=0-1");
                assert_eq!(range.send().await.ok().header(name), "");
            }
            gateway.request("DELETE", path).send().await.ok();
        }
        assert_eq!(gateway.client.list_all(":").await.unwrap(), []);
    }
}

/// Kinds and algorithms that S3 does not combine.
#[tokio::test]
async fn an_upload_with_a_checksum_that_does_not_exist_is_refused() {
    let gateway = Gateway::with_bucket().await;
    for headers in [
        &[(ALGORITHM, "CRC64NVME"), (TYPE, "COMPOSITE")][..],
        &[(ALGORITHM, "SHA1"), (TYPE, "FULL_OBJECT")],
        &[(ALGORITHM, "SHA256"), (TYPE, "FULL_OBJECT")],
        &[(ALGORITHM, "CRC32"), (TYPE, "OTHER")],
        &[(TYPE, "FULL_OBJECT")],
    ] {
        let mut request = gateway.request("POST", "/bucket/a?uploads");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        assert_eq!(request.send().await.error(), (400, "InvalidRequest"), "{headers:?}");
    }
    assert!(gateway.get("/bucket?uploads").await.ok().all("UploadId").is_empty());
    for (algorithm, kind) in [("CRC64NVME", "FULL_OBJECT"), ("CRC32", "COMPOSITE"), ("SHA1", "COMPOSITE")] {
        let created = gateway.request("POST", "/bucket/a?uploads").header(ALGORITHM, algorithm);
        assert_eq!(created.send().await.ok().header(TYPE), kind, "{algorithm}");
    }
}

/// An upload that was created without an algorithm has the checksum that its completion gives, if all parts have one.
#[tokio::test]
async fn a_completion_can_name_the_algorithm() {
    let gateway = Gateway::with_bucket().await;
    let parts = [bytes(PART), bytes(1)];
    let mut upload = Upload::new(&gateway, &[]).await;
    for (number, part) in (1..).zip(&parts) {
        let path = format!("/bucket/a?partNumber={number}&uploadId={}", upload.id);
        let put = gateway.request("PUT", &path).header(header("CRC64NVME"), sum("CRC64NVME", part));
        put.body(part.clone()).send().await.ok();
        upload.list(number, &md5(part));
    }
    let good = sum("CRC64NVME", &parts.concat());
    let crc32 = sum("CRC32", &parts.concat());
    for headers in [
        [(header("CRC64NVME"), &*good), (TYPE, "COMPOSITE")],
        [(header("CRC32"), &crc32), (TYPE, "FULL_OBJECT")],
    ] {
        assert_eq!(upload.complete(&headers).await.error(), (400, "InvalidRequest"), "{headers:?}");
    }
    let completed = upload.complete(&[(header("CRC64NVME"), &good)]).await.ok();
    assert_eq!((completed.one("ChecksumCRC64NVME"), completed.one("ChecksumType")), (&*good, "FULL_OBJECT"));
}

/// The checksum of all bytes counts those of a part that the canister copies.
#[tokio::test]
async fn a_copied_part_counts_for_the_checksum_of_the_object() {
    let gateway = Gateway::with_bucket().await;
    let source = bytes(PART + 9);
    gateway.put("/bucket/source", source.clone()).await.ok();
    for (kind, is_known) in [("FULL_OBJECT", true), ("COMPOSITE", false)] {
        let headers = [(ALGORITHM, "CRC32"), (TYPE, kind)];
        let mut upload = Upload::new(&gateway, &headers).await;
        for (number, range) in [(1, 0..PART), (2, 5..PART + 9)] {
            let copy =
                gateway.request("PUT", &format!("/bucket/a?partNumber={number}&uploadId={}", upload.id));
            let copy = copy.header("x-amz-copy-source", "/bucket/source");
            let copy =
                copy.header("x-amz-copy-source-range", format!("bytes={}-{}", range.start, range.end - 1));
            let copied = copy.send().await.ok();
            let crc = sum("CRC32", &source[range.start as usize..range.end as usize]);
            assert_eq!(copied.one("ChecksumCRC32"), if is_known { &crc } else { "" });
            upload.list(number, copied.one("ETag").replace("&quot;", "").trim_matches('"'));
        }
        let expected = sum("CRC32", &[&source[..PART as usize], &source[5..]].concat());
        let completed = upload.complete(&[]).await.ok();
        assert_eq!(completed.one("ChecksumCRC32"), if is_known { &*expected } else { "" });
    }
}

/// The metadata of a client has priority: a checksum for which there is no room beside it is verified, and not kept.
#[tokio::test]
async fn a_checksum_without_room_in_the_metadata_is_verified() {
    let gateway = Gateway::with_bucket().await;
    let body = bytes(10);
    let value =
        "x".repeat(2_048 - ":etag".len() - "0123456789abcdef0123456789abcdef-10000".len() - "a".len());
    let headers = [(ALGORITHM, "CRC32"), (TYPE, "FULL_OBJECT")];
    let mut request = gateway.request("POST", "/bucket/a?uploads").header("x-amz-meta-a", value.clone());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut upload = Upload {
        gateway: &gateway,
        id: request.send().await.ok().one("UploadId").to_owned(),
        listed: String::new(),
    };
    gateway.put(&format!("/bucket/a?partNumber=1&uploadId={}", upload.id), body.clone()).await.ok();
    upload.list(1, &md5(&body));
    assert_eq!(upload.complete(&[(header("CRC32"), "AAAAAA==")]).await.error(), (400, "BadDigest"));
    let crc = sum("CRC32", &body);
    assert_eq!(upload.complete(&[(header("CRC32"), &crc)]).await.ok().one("ChecksumCRC32"), crc);
    let read = gateway.request("GET", "/bucket/a").header("x-amz-checksum-mode", "ENABLED").send().await.ok();
    assert_eq!((read.header("x-amz-meta-a"), read.header(header("CRC32"))), (&*value, ""));
    // After its digest has been computed, a client gets that.
    gateway.client.verify("bucket/a").await.unwrap();
    let read = gateway.request("GET", "/bucket/a").header("x-amz-checksum-mode", "ENABLED").send().await.ok();
    assert_eq!(read.header(header("SHA256")), STANDARD.encode(Sha256::digest(&body)));
}

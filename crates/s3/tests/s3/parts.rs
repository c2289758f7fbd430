//! Parts of objects, by their number.

use crate::{
    harness::{Gateway, Response, bytes, md5},
    multipart::{PART, complete, create, put},
};

/// Stores `/bucket/a` in parts.
async fn stored(gateway: &Gateway, id: &str, parts: &[(i32, Vec<u8>)]) -> Response {
    let mut listed = Vec::new();
    for (number, part) in parts {
        put(gateway, "/bucket/a", id, *number, part.clone()).await.ok();
        listed.push((*number, md5(part)));
    }
    let listed: Vec<_> = listed.iter().map(|(number, etag)| (*number, &**etag)).collect();
    complete(gateway, "/bucket/a", id, &listed).await
}

/// Parts are numbered in the order of the object, whatever numbers they were uploaded with. Copies have the same parts.
#[tokio::test]
async fn an_object_is_read_by_the_numbers_of_its_parts() {
    let gateway = Gateway::with_bucket().await;
    let parts = [(3, bytes(PART + 5)), (7, bytes(PART)), (8, bytes(PART)), (10_000, bytes(9))];
    let id = create(&gateway, "/bucket/a").await;
    let etag = stored(&gateway, &id, &parts).await.ok().one("ETag").replace("&quot;", "\"");
    let copy = || gateway.request("PUT", "/bucket/b").header("x-amz-copy-source", "/bucket/a");
    copy().send().await.ok();
    let replace = gateway.request("PUT", "/bucket/c").header("x-amz-copy-source", "/bucket/a");
    replace.header("x-amz-metadata-directive", "REPLACE").send().await.ok();
    let total: usize = parts.iter().map(|(_, part)| part.len()).sum();
    for path in ["/bucket/a", "/bucket/b", "/bucket/c"] {
        let mut start = 0;
        for (number, (_, part)) in (1..).zip(&parts) {
            let got = gateway.get(&format!("{path}?partNumber={number}")).await.ok();
            let head = gateway.request("HEAD", &format!("{path}?partNumber={number}")).send().await.ok();
            assert!(got.body == *part, "{path} {number}");
            for response in [got, head] {
                assert_eq!((response.status, response.header("x-amz-mp-parts-count")), (206, "4"));
                let range = format!("bytes {start}-{}/{total}", start + part.len() - 1);
                assert_eq!(response.header("content-range"), range);
                assert_eq!(response.header("content-length"), part.len().to_string());
                assert_eq!(response.header("etag"), etag);
            }
            start += part.len();
        }
    }
    assert_eq!(gateway.get("/bucket/a").await.ok().header("x-amz-mp-parts-count"), "");
    let refused = |path: &'static str| gateway.request("GET", path).send();
    assert_eq!(refused("/bucket/a?partNumber=5").await.error(), (416, "InvalidPartNumber"));
    for number in ["0", "-1", "10001"] {
        let path = format!("/bucket/a?partNumber={number}");
        assert_eq!(gateway.get(&path).await.error(), (400, "InvalidArgument"), "{number}");
    }
    assert_eq!(gateway.request("HEAD", "/bucket/a?partNumber=5").send().await.status, 416);
    let both = gateway.request("GET", "/bucket/a?partNumber=1").header("range", "bytes=0-1");
    assert_eq!(both.send().await.error(), (400, "InvalidRequest"));
    let stale = gateway.request("GET", "/bucket/a?partNumber=5").header("if-match", "\"other\"");
    assert_eq!(stale.send().await.error(), (412, "PreconditionFailed"));
}

/// An object that was not uploaded in parts is one part, and no client takes it for several.
#[tokio::test]
async fn an_object_in_one_piece_is_its_first_part() {
    let gateway = Gateway::with_bucket().await;
    for size in [1, 3 << 20] {
        gateway.put("/bucket/a", bytes(size)).await.ok();
        let got = gateway.get("/bucket/a?partNumber=1").await.ok();
        assert!(got.body == bytes(size));
        assert_eq!((got.status, got.header("x-amz-mp-parts-count")), (206, ""));
        assert_eq!(got.header("content-range"), format!("bytes 0-{}/{size}", size - 1));
        assert_eq!(gateway.get("/bucket/a?partNumber=2").await.error(), (416, "InvalidPartNumber"));
    }
    gateway.put("/bucket/a", "").await.ok();
    let empty = gateway.get("/bucket/a?partNumber=1").await.ok();
    assert_eq!((empty.status, empty.header("content-length"), empty.header("content-range")), (200, "0", ""));
    let id = create(&gateway, "/bucket/a").await;
    stored(&gateway, &id, &[(5, Vec::new())]).await.ok();
    let empty = gateway.get("/bucket/a?partNumber=1").await.ok();
    assert_eq!((empty.header("content-length"), empty.header("x-amz-mp-parts-count")), ("0", "1"));
}

/// Without room for the sizes of the parts beside the metadata of the client, their ranges are not guessed.
#[tokio::test]
async fn parts_whose_sizes_are_not_known_are_not_read() {
    let gateway = Gateway::with_bucket().await;
    let value = "x".repeat(2_048 - ":etag".len() - 38 - "a".len());
    let created = gateway.request("POST", "/bucket/a?uploads").header("x-amz-meta-a", value).send().await;
    let id = created.ok().one("UploadId").to_owned();
    stored(&gateway, &id, &[(1, bytes(3))]).await.ok();
    assert_eq!(gateway.get("/bucket/a?partNumber=1").await.error(), (501, "NotImplemented"));
    assert_eq!(gateway.get("/bucket/a").await.ok().body, bytes(3));
}

/// An identifier that never existed is not that of the upload that stored the object, although the parts are the same.
#[tokio::test]
async fn a_completion_with_an_unknown_identifier_is_refused() {
    let gateway = Gateway::with_bucket().await;
    let id = create(&gateway, "/bucket/a").await;
    stored(&gateway, &id, &[(1, bytes(3))]).await.ok();
    let md5 = md5(&bytes(3));
    let again = async |path: &str, id: &str| complete(&gateway, path, id, &[(1, &md5)]).await;
    again("/bucket/a", &id).await.ok();
    for other in ["0123456789abcdef0123456789abcdef", &format!("{id}-crc32-composite"), "../..", ""] {
        assert_eq!(again("/bucket/a", other).await.error(), (404, "NoSuchUpload"), "{other}");
    }
    // The copy of the object is not the result of the upload.
    let copy = gateway.request("PUT", "/bucket/b").header("x-amz-copy-source", "/bucket/a");
    copy.send().await.ok();
    assert_eq!(again("/bucket/b", &id).await.error(), (404, "NoSuchUpload"));
    // Other metadata is the same object.
    let replace = gateway.request("PUT", "/bucket/a").header("x-amz-copy-source", "/bucket/a");
    replace.header("x-amz-metadata-directive", "REPLACE").send().await.ok();
    again("/bucket/a", &id).await.ok();
    // Another upload has stored the same bytes since.
    let second = create(&gateway, "/bucket/a").await;
    stored(&gateway, &second, &[(1, bytes(3))]).await.ok();
    again("/bucket/a", &second).await.ok();
    assert_eq!(again("/bucket/a", &id).await.error(), (404, "NoSuchUpload"));
}

/// A completion that has stored the object, but not come to removing the parts, has the same result again, and removes them.
#[tokio::test]
async fn a_completion_that_left_parts_can_be_repeated() {
    let gateway = Gateway::with_bucket().await;
    let id = create(&gateway, "/bucket/a").await;
    stored(&gateway, &id, &[(1, bytes(3))]).await.ok();
    let md5 = md5(&bytes(3));
    gateway.client.put(&format!(":s3/uploads/{id}"), b"bucket/a").await.unwrap();
    gateway.client.put(&format!(":s3/parts/{id}/00001-{md5}"), &bytes(3)).await.unwrap();
    let part = format!("<Part><PartNumber>1</PartNumber><ETag>\"{md5}\"</ETag></Part>");
    let body = format!("<CompleteMultipartUpload>{part}</CompleteMultipartUpload>");
    let again = gateway.request("POST", &format!("/bucket/a?uploadId={id}")).header("if-none-match", "*");
    again.body(body).send().await.ok();
    assert_eq!(gateway.client.list_all(":s3/").await.unwrap(), []);
}

/// An upload whose ETag would not fit beside its metadata, if it had the most parts, is refused when it is created.
#[tokio::test]
async fn an_upload_has_room_for_its_etag() {
    let gateway = Gateway::with_bucket().await;
    let create = async |room: usize| {
        let value = "x".repeat(2_048 - ":etag".len() - room - "a".len());
        gateway.request("POST", "/bucket/a?uploads").header("x-amz-meta-a", value).send().await
    };
    let longest = format!("{}-10000", "0".repeat(32)).len();
    create(longest).await.ok();
    assert_eq!(create(longest - 1).await.error(), (400, "MetadataTooLarge"));
}

/// More parts than a page of a listing has, up to the highest number: they are listed in pages, refused as too small, and removed.
#[tokio::test]
async fn an_upload_can_have_more_parts_than_a_page() {
    const COUNT: i32 = 1_003;
    let gateway = Gateway::with_bucket().await;
    let id = create(&gateway, "/bucket/a").await;
    for number in (1..COUNT).chain([10_000]) {
        put(&gateway, "/bucket/a", &id, number, vec![number as u8]).await.ok();
    }
    for number in [10_001, 0, -1] {
        let refused = put(&gateway, "/bucket/a", &id, number, vec![1]).await;
        assert_eq!(refused.error(), (400, "InvalidArgument"), "{number}");
    }
    let numbers: Vec<_> = (1..COUNT).chain([10_000]).map(|number| number.to_string()).collect();
    for limit in ["", "&max-parts=1000", "&max-parts=5000"] {
        let path = format!("/bucket/a?uploadId={id}{limit}");
        let first = gateway.get(&path).await.ok();
        assert_eq!((first.one("IsTruncated"), first.one("NextPartNumberMarker")), ("true", "1000"));
        assert_eq!(first.one("MaxParts"), "1000");
        assert_eq!(first.all("PartNumber"), numbers[..1_000]);
        let second = gateway.get(&format!("{path}&part-number-marker=1000")).await.ok();
        assert_eq!((second.one("IsTruncated"), second.one("NextPartNumberMarker")), ("false", ""));
        assert_eq!(second.all("PartNumber"), numbers[1_000..]);
    }
    let etags: Vec<_> = (1..COUNT).chain([10_000]).map(|number| (number, md5(&[number as u8]))).collect();
    let listed: Vec<_> = etags.iter().map(|(number, etag)| (*number, &**etag)).collect();
    assert_eq!(complete(&gateway, "/bucket/a", &id, &listed).await.error(), (400, "EntityTooSmall"));
    assert_eq!(gateway.client.list_all(":s3/parts/").await.unwrap().len(), numbers.len());
    gateway.request("DELETE", &format!("/bucket/a?uploadId={id}")).send().await.ok();
    assert_eq!(gateway.client.list_all(":").await.unwrap(), []);
    assert_eq!(gateway.get("/bucket/a").await.status, 404);
}

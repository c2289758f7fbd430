use axum::body::Body;
use futures_util::stream;
use stable_storage_api::{MetadataPair, PutArgs, limits::CHUNK_BYTES};

use crate::harness::{Gateway, Signer, bytes, md5, md5_digest};

#[tokio::test]
async fn objects_of_any_size_are_stored_and_read() {
    let gateway = Gateway::with_bucket().await;
    for size in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES + 3] {
        let (path, all) = (format!("/bucket/{size}"), bytes(size));
        let etag = gateway.put(&path, all.clone()).await.ok().header("etag").to_owned();
        let got = gateway.get(&path).await.ok();
        assert!(got.body == all, "{size}");
        assert_eq!(got.header("etag"), etag);
        assert_eq!(got.header("content-length"), size.to_string());
        // The MD5 of a large body is known only after its metadata was sent.
        assert_eq!(etag == format!("\"{}\"", md5(&all)), size <= CHUNK_BYTES, "{size}");
        assert_eq!(etag.contains('-'), size > CHUNK_BYTES, "{size}");
        let head = gateway.request("HEAD", &path).send().await.ok();
        assert_eq!((head.header("etag"), head.header("content-length")), (&*etag, &*size.to_string()));
    }
    assert!(gateway.client.list_uploads().await.unwrap().is_empty());
}

/// awscli reads the response to the next request of the connection wrongly after one that it did not have to continue.
#[tokio::test]
async fn a_request_that_is_never_continued_ends_its_connection() {
    let gateway = Gateway::with_bucket().await;
    let put = |body: &'static [u8]| gateway.request("PUT", "/bucket/a").body(body);
    for (request, connection) in [
        (put(b"").header("expect", "100-continue"), "close"),
        (put(b"bytes").header("expect", "100-continue"), ""),
        (put(b""), ""),
    ] {
        assert_eq!(request.send().await.ok().header("connection"), connection);
    }
}

/// Clients that give the MD5 of a large body get it back as its ETag.
#[tokio::test]
async fn a_given_md5_is_the_etag() {
    let gateway = Gateway::with_bucket().await;
    let all = bytes(2 * CHUNK_BYTES);
    let digest = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, md5_digest(&all));
    let put = gateway.request("PUT", "/bucket/a").header("content-md5", digest).body(all.clone());
    assert_eq!(put.send().await.ok().header("etag"), format!("\"{}\"", md5(&all)));
    assert_eq!(gateway.get("/bucket/a").await.ok().header("etag"), format!("\"{}\"", md5(&all)));
}

#[tokio::test]
async fn headers_and_metadata_are_kept() {
    let gateway = Gateway::with_bucket().await;
    let headers = [
        ("cache-control", "no-cache"),
        ("content-disposition", "attachment"),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("content-type", "text/plain"),
        ("expires", "Thu, 01 Dec 2033 16:00:00 GMT"),
        ("x-amz-meta-name", "value"),
    ];
    for size in [3, CHUNK_BYTES + 1] {
        let put = gateway.request("PUT", "/bucket/a").body(bytes(size));
        let put = headers.iter().fold(put, |put, (name, value)| put.header(name, *value));
        put.send().await.ok();
        for method in ["GET", "HEAD"] {
            let got = gateway.request(method, "/bucket/a").send().await.ok();
            for (name, value) in headers {
                assert_eq!(got.header(name), value, "{method} {name}");
            }
        }
    }
    let large = gateway.request("PUT", "/bucket/b").header("x-amz-meta-a", "x".repeat(2_100)).body("");
    assert_eq!(large.send().await.error(), (400, "MetadataTooLarge"));
}

/// Metadata of other tools that no header can have is left out instead of failing the request.
#[tokio::test]
async fn metadata_that_no_header_can_have_is_left_out() {
    let gateway = Gateway::with_bucket().await;
    let metadata = [("a b", "c"), ("line", "a\nb"), ("good", "value"), (":etag", "abc")];
    let pairs = metadata.map(|(name, value)| MetadataPair::new(name, value)).to_vec();
    let put = PutArgs { metadata: Some(pairs), ..PutArgs::new("bucket/a", "") };
    gateway.client.put_with(put).await.unwrap();
    let got = gateway.get("/bucket/a").await.ok();
    let names: Vec<_> = got.headers.keys().filter(|name| name.as_str().starts_with("x-amz-meta-")).collect();
    assert_eq!(names, ["x-amz-meta-good"]);
    assert_eq!(got.header("etag"), "\"abc\"");
}

#[tokio::test]
async fn fields_that_no_header_can_have_are_left_out() {
    let gateway = Gateway::with_bucket().await;
    let etag = |value: &str| Some(vec![MetadataPair::new(":etag", value)]);
    let parts = Some(vec![MetadataPair::new(":parts", "sum=crc32-composite:a\nb")]);
    for (field, put) in [
        ("type", PutArgs { content_type: Some("a\nb".into()), ..PutArgs::new("bucket/a", "x") }),
        ("encoding", PutArgs { content_encoding: Some("x\u{1}".into()), ..PutArgs::new("bucket/a", "x") }),
        ("etag", PutArgs { metadata: etag("abc\"d"), ..PutArgs::new("bucket/a", "x") }),
        ("etag", PutArgs { metadata: etag("ä"), ..PutArgs::new("bucket/a", "x") }),
        ("etag", PutArgs { metadata: etag("a\nb"), ..PutArgs::new("bucket/a", "x") }),
        ("checksum", PutArgs { metadata: parts, ..PutArgs::new("bucket/a", "x") }),
    ] {
        gateway.client.put_with(put).await.unwrap();
        for method in ["GET", "HEAD"] {
            let read = gateway.request(method, "/bucket/a").header("x-amz-checksum-mode", "ENABLED");
            let read = read.send().await.ok();
            assert_eq!(read.header("content-type"), "binary/octet-stream", "{field}");
            assert!(!read.headers.contains_key("x-amz-checksum-crc32"), "{field}");
            assert!(!read.headers.contains_key("content-encoding"), "{field}");
            let etag = read.header("etag");
            assert!(etag.len() == 36 && etag.ends_with("-1\""), "{field}: {etag}");
        }
    }
}

/// As of headers with the same name, the values are a list.
#[tokio::test]
async fn metadata_names_that_differ_in_case_lose_no_value() {
    let gateway = Gateway::with_bucket().await;
    let pairs = [("Foo", "1"), ("foo", "2"), ("FOO", "3"), ("Bar", "4")];
    let pairs = pairs.map(|(name, value)| MetadataPair::new(name, value)).to_vec();
    let put = PutArgs { metadata: Some(pairs), ..PutArgs::new("bucket/a", "") };
    gateway.client.put_with(put).await.unwrap();
    let got = gateway.get("/bucket/a").await.ok();
    let mut values: Vec<_> = got.header("x-amz-meta-foo").split(',').collect();
    values.sort_unstable();
    assert_eq!((values, got.header("x-amz-meta-bar")), (vec!["1", "2", "3"], "4"));
}

/// A number above the limit of a number is past the end of every object.
#[tokio::test]
async fn ranges_have_numbers_of_any_size() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/a", "hello").await.ok();
    for huge in ["9223372036854775808", "18446744073709551615", "18446744073709551616", &"9".repeat(99)] {
        for (range, content_range) in [
            (format!("bytes=0-{huge}"), "bytes 0-4/5"),
            (format!("bytes=3-{huge}"), "bytes 3-4/5"),
            (format!("bytes=-{huge}"), "bytes 0-4/5"),
        ] {
            for method in ["GET", "HEAD"] {
                let read = gateway.request(method, "/bucket/a").header("range", &range).send().await;
                assert_eq!((read.status, read.header("content-range")), (206, content_range), "{range}");
            }
        }
        for range in [format!("bytes={huge}-"), format!("bytes={huge}-{huge}")] {
            let read = || gateway.request("GET", "/bucket/a").header("range", &range);
            assert_eq!(read().send().await.error(), (416, "InvalidRange"), "{range}");
            assert_eq!(read().in_header("UNSIGNED-PAYLOAD").send().await.error(), (416, "InvalidRange"));
            assert_eq!(read().signed_by(None).send().await.status, 403);
        }
    }
}

#[tokio::test]
async fn ranges_are_read() {
    let gateway = Gateway::with_bucket().await;
    let all = bytes(2 * CHUNK_BYTES);
    gateway.put("/bucket/a", all.clone()).await.ok();
    let last = all.len() - 1;
    for (range, from, to) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=10-".to_owned(), 10, all.len()),
        ("bytes=-5".to_owned(), all.len() - 5, all.len()),
        (
            format!("bytes={}-{}", CHUNK_BYTES - 1, CHUNK_BYTES),
            CHUNK_BYTES as usize - 1,
            CHUNK_BYTES as usize + 1,
        ),
        (format!("bytes=7-{}", 10 * last), 7, all.len()),
    ] {
        let got = gateway.request("GET", "/bucket/a").header("range", range.clone()).send().await.ok();
        assert_eq!(got.status, 206, "{range}");
        assert!(got.body == all[from..to], "{range}");
        assert_eq!(got.header("content-range"), format!("bytes {from}-{}/{}", to - 1, all.len()));
    }
    let out = gateway.request("GET", "/bucket/a").header("range", format!("bytes={}-", all.len()));
    assert_eq!(out.send().await.error(), (416, "InvalidRange"));
}

#[tokio::test]
async fn reads_are_conditional() {
    let gateway = Gateway::with_bucket().await;
    let etag = gateway.put("/bucket/a", "x").await.ok().header("etag").to_owned();
    let modified = gateway.get("/bucket/a").await.header("last-modified").to_owned();
    let past = "Thu, 01 Jan 1970 00:00:00 GMT";
    for (name, value, status) in [
        ("if-match", &*etag, 200),
        ("if-match", "\"other\"", 412),
        ("if-none-match", &*etag, 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", &*modified, 304),
        ("if-unmodified-since", &*modified, 200),
        ("if-unmodified-since", past, if modified == past { 200 } else { 412 }),
    ] {
        let got = gateway.request("GET", "/bucket/a").header(name, value).send().await;
        assert_eq!(got.status, status, "{name}: {value}");
    }
}

#[tokio::test]
async fn writes_are_conditional() {
    let gateway = Gateway::with_bucket().await;
    for size in [1, CHUNK_BYTES + 1] {
        let path = format!("/bucket/{size}");
        let put =
            |name, value: &str| gateway.request("PUT", &path).header(name, value).body(bytes(size)).send();
        assert_eq!(put("if-match", "\"other\"").await.error(), (404, "NoSuchKey"));
        let etag = put("if-none-match", "*").await.ok().header("etag").to_owned();
        assert_eq!(put("if-none-match", "*").await.error(), (412, "PreconditionFailed"));
        assert_eq!(put("if-match", "\"other\"").await.error(), (412, "PreconditionFailed"));
        assert_eq!(put("if-none-match", "\"other\"").await.error(), (501, "NotImplemented"));
        put("if-match", &etag).await.ok();
        let delete = |value: &str| gateway.request("DELETE", &path).header("if-match", value).send();
        assert_eq!(delete("\"other\"").await.error(), (412, "PreconditionFailed"));
        delete(&etag).await.ok();
    }
    assert!(gateway.client.list_uploads().await.unwrap().is_empty());
}

#[tokio::test]
async fn objects_are_copied_with_their_metadata_or_with_other() {
    let gateway = Gateway::with_bucket().await;
    let all = bytes(2 * CHUNK_BYTES + 1);
    let put = gateway.request("PUT", "/bucket/a b").header("x-amz-meta-name", "value").body(all.clone());
    let etag = put.send().await.ok().header("etag").to_owned();
    let copy = |to: &str| gateway.request("PUT", to).header("x-amz-copy-source", "/bucket/a%20b");
    assert_eq!(copy("/bucket/c").send().await.ok().one("ETag").replace("&quot;", "\""), etag);
    let got = gateway.get("/bucket/c").await.ok();
    assert!(got.body == all);
    assert_eq!((got.header("x-amz-meta-name"), got.header("etag")), ("value", &*etag));
    assert_eq!(copy("/bucket/a b").send().await.error(), (400, "InvalidRequest"));
    let replace = copy("/bucket/a b").header("x-amz-metadata-directive", "REPLACE");
    replace.header("x-amz-meta-other", "1").send().await.ok();
    let got = gateway.get("/bucket/a b").await.ok();
    assert!(got.body == all);
    assert_eq!((got.header("x-amz-meta-name"), got.header("x-amz-meta-other")), ("", "1"));
    let failed = copy("/bucket/d").header("x-amz-copy-source-if-match", "\"other\"");
    assert_eq!(failed.send().await.error(), (412, "PreconditionFailed"));
    let missing = gateway.request("PUT", "/bucket/d").header("x-amz-copy-source", "/bucket/missing");
    assert_eq!(missing.send().await.error(), (404, "NoSuchKey"));
}

#[tokio::test]
async fn many_objects_are_deleted_in_one_request() {
    let gateway = Gateway::with_bucket().await;
    for name in ["a", "b", "c"] {
        gateway.put(&format!("/bucket/{name}"), "x").await.ok();
    }
    let delete = |names: &[&str], quiet: &str| {
        let objects = names.iter().map(|name| format!("<Object><Key>{name}</Key></Object>"));
        let body = format!("<Delete><Quiet>{quiet}</Quiet>{}</Delete>", objects.collect::<String>());
        let digest =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, md5_digest(body.as_bytes()));
        gateway.request("POST", "/bucket?delete").header("content-md5", digest).body(body).send()
    };
    let long = "k".repeat(1_024);
    let deleted = delete(&["a", "missing", &long, "a"], "false").await.ok();
    assert_eq!(deleted.all("Key").len(), 4);
    assert_eq!(deleted.all("Code"), ["KeyTooLongError"]);
    assert!(!delete(&["b"], "true").await.ok().text().contains("<Deleted>"));
    assert_eq!(gateway.get("/bucket").await.ok().all("Key"), ["c"]);
}

/// The upload of a body that breaks off is aborted, so that it takes no space.
#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing() {
    let gateway = Gateway::with_bucket().await;
    for size in [10, 3 * CHUNK_BYTES] {
        let pieces = [Ok(bytes(size)), Err(std::io::Error::other("reset"))];
        let put =
            gateway.request("PUT", "/bucket/a").streamed(size + 100, Body::from_stream(stream::iter(pieces)));
        assert_eq!(put.send().await.error(), (400, "IncompleteBody"));
    }
    assert!(gateway.client.list_uploads().await.unwrap().is_empty());
    assert!(gateway.get("/bucket").await.ok().all("Key").is_empty());
}

/// Of two writers that copy to a key only if nothing is there, one fails, and the object under it stays.
#[tokio::test]
async fn copies_have_conditions_on_their_target() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/source", "source").await.ok();
    let etag = gateway.put("/bucket/target", "precious").await.ok().header("etag").to_owned();
    let copy = |to: &str, name, value: &str| {
        let copy = gateway.request("PUT", to).header("x-amz-copy-source", "/bucket/source");
        copy.header(name, value).send()
    };
    assert_eq!(copy("/bucket/target", "if-none-match", "*").await.error(), (412, "PreconditionFailed"));
    assert_eq!(copy("/bucket/target", "if-match", "\"other\"").await.error(), (412, "PreconditionFailed"));
    assert_eq!(copy("/bucket/missing", "if-match", "*").await.error(), (404, "NoSuchKey"));
    assert_eq!(copy("/bucket/target", "if-none-match", "\"other\"").await.error(), (501, "NotImplemented"));
    assert_eq!(copy("/bucket/target", "if-match", "\"unclosed").await.error(), (400, "InvalidRequest"));
    assert_eq!(gateway.get("/bucket/target").await.ok().text(), "precious");
    copy("/bucket/target", "if-match", &format!("\"other\", {etag}")).await.ok();
    copy("/bucket/new", "if-none-match", "*").await.ok();
    for path in ["/bucket/target", "/bucket/new"] {
        assert_eq!(gateway.get(path).await.ok().text(), "source", "{path}");
    }
}

/// Ranges that servers ignore, as HTTP has it, with a signature in the query and in headers.
#[tokio::test]
async fn a_range_that_is_none_is_ignored() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/a", "hello").await.ok();
    for range in ["bytes=0-1,3-4", "items=0-1", "bytes=x", "bytes=3-1", "bytes=-"] {
        for method in ["GET", "HEAD"] {
            let read = || gateway.request(method, "/bucket/a").header("range", range);
            for response in [read().send().await, read().in_header("UNSIGNED-PAYLOAD").send().await] {
                assert_eq!(
                    (response.status, response.header("content-length")),
                    (200, "5"),
                    "{method} {range}"
                );
            }
            assert_eq!(read().signed_by(None).send().await.status, 403);
        }
        let wrong = Signer { key: "WRITER", secret: "secret of the reader" };
        let wrong = gateway.request("GET", "/bucket/a").header("range", range).signed_by(wrong).send().await;
        assert_eq!(wrong.error(), (403, "SignatureDoesNotMatch"));
    }
    let head = gateway.request("HEAD", "/bucket/a").header("range", "bytes=1-2").send().await;
    assert_eq!((head.status, head.header("content-range")), (206, "bytes 1-2/5"));
    gateway.put("/bucket/empty", "").await.ok();
    for range in ["bytes=-5", "bytes=0-", "bytes=0-0"] {
        let read = gateway.request("GET", "/bucket/empty").header("range", range).send().await;
        assert_eq!(read.error(), (416, "InvalidRange"), "{range}");
    }
}

#[tokio::test]
async fn conditions_have_lists_of_etags() {
    let gateway = Gateway::with_bucket().await;
    let etag = gateway.put("/bucket/a", "hello").await.ok().header("etag").to_owned();
    for (name, value, status) in [
        ("if-none-match", format!("\"x\", {etag}"), 304),
        ("if-none-match", format!("{etag},\"x\""), 304),
        ("if-none-match", format!("W/{etag}"), 304),
        ("if-none-match", "\"x\", \"y\"".to_owned(), 200),
        ("if-match", format!("\"x\", {etag}, \"y\""), 200),
        ("if-match", "\"x\", \"y\"".to_owned(), 412),
    ] {
        for method in ["GET", "HEAD"] {
            let got = gateway.request(method, "/bucket/a").header(name, value.clone()).send().await;
            assert_eq!(got.status, status, "{name}: {value}");
            if status == 304 {
                assert_eq!((got.header("etag"), got.header("content-length"), got.text()), (&*etag, "", ""));
                assert!(got.header("last-modified").ends_with("GMT"));
            }
        }
    }
}

#[tokio::test]
async fn an_object_without_a_type_has_that_of_s3() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/a", "hello").await.ok();
    assert_eq!(gateway.get("/bucket/a").await.ok().header("content-type"), "binary/octet-stream");
    let other = gateway.get("/bucket/a?response-content-type=text/plain").await.ok();
    assert_eq!(other.header("content-type"), "text/plain");
}

/// In the source of a copy, a plus stands for a space, as in a form. s5cmd sends it so.
#[tokio::test]
async fn a_plus_in_the_source_of_a_copy_is_a_space() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/a b", "space").await.ok();
    gateway.put("/bucket/a+b", "plus").await.ok();
    let created = gateway.request("POST", "/bucket/parts?uploads").send().await.ok();
    let part = format!("/bucket/parts?partNumber=1&uploadId={}", created.one("UploadId"));
    for (source, content) in [("bucket/a+b", "space"), ("bucket/a%20b", "space"), ("/bucket/a%2Bb", "plus")] {
        let copy = |to: &str| gateway.request("PUT", to).header("x-amz-copy-source", source);
        copy("/bucket/c").send().await.ok();
        assert_eq!(gateway.get("/bucket/c").await.ok().text(), content, "{source}");
        let all = format!("bytes=0-{}", content.len() - 1);
        copy(&part).header("x-amz-copy-source-range", all).send().await.ok();
        let size = gateway.get(&part.replace("partNumber=1&", "")).await.ok().one("Size").to_owned();
        assert_eq!(size, content.len().to_string(), "{source}");
    }
}

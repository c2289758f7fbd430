use crate::harness::{Gateway, Response, bytes, md5, md5_digest};

const PART: u64 = 5 << 20;

async fn create(gateway: &Gateway, path: &str) -> String {
    let created = gateway.request("POST", &format!("{path}?uploads")).header("x-amz-meta-name", "value");
    created.send().await.ok().one("UploadId").to_owned()
}

async fn put(gateway: &Gateway, path: &str, id: &str, number: i32, body: Vec<u8>) -> Response {
    gateway.put(&format!("{path}?partNumber={number}&uploadId={id}"), body).await
}

async fn complete(gateway: &Gateway, path: &str, id: &str, parts: &[(i32, &str)]) -> Response {
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

#[tokio::test]
async fn uploads_are_listed_in_pages() {
    let gateway = Gateway::with_bucket().await;
    let mut ids = Vec::new();
    for name in ["a", "a", "b", "c/d"] {
        ids.push(create(&gateway, &format!("/bucket/{name}")).await);
    }
    assert_eq!(gateway.get("/bucket?uploads&prefix=c/").await.ok().all("UploadId"), [&ids[3]]);
    for size in 1..=5 {
        let (mut listed, mut marker) = (Vec::new(), String::new());
        loop {
            let page = gateway.get(&format!("/bucket?uploads&max-uploads={size}{marker}")).await.ok();
            listed.extend(page.all("UploadId").into_iter().map(str::to_owned));
            if page.one("IsTruncated") == "false" {
                break;
            }
            let (key, id) = (page.one("NextKeyMarker"), page.one("NextUploadIdMarker"));
            marker = format!("&key-marker={key}&upload-id-marker={id}");
        }
        assert_eq!(listed, ids, "{size}");
    }
}

//! `ListMultipartUploads`.

use crate::{harness::Gateway, multipart::create};

/// Lists uploads in pages of a size, and returns their identifiers and the common prefixes.
async fn listed(gateway: &Gateway, query: &str, size: usize) -> (Vec<String>, Vec<String>) {
    let (mut ids, mut prefixes, mut marker) = (Vec::new(), Vec::new(), String::new());
    loop {
        let path = format!("/bucket?uploads&{query}max-uploads={size}{marker}");
        let page = gateway.get(&path).await.ok();
        let (more, common) = (page.all("UploadId"), page.all("CommonPrefixes"));
        assert!(more.len() + common.len() <= size, "{path}");
        ids.extend(more.into_iter().map(str::to_owned));
        prefixes
            .extend(common.into_iter().map(|prefix| prefix.replace("<Prefix>", "").replace("</Prefix>", "")));
        if page.one("IsTruncated") == "false" {
            return (ids, prefixes);
        }
        let (key, id) = (page.one("NextKeyMarker"), page.one("NextUploadIdMarker"));
        marker = match id {
            "" => format!("&key-marker={key}"),
            id => format!("&key-marker={key}&upload-id-marker={id}"),
        };
    }
}

/// Pages of every size have the same uploads and common prefixes, whichever of them is the last of a page.
#[tokio::test]
async fn uploads_are_listed_in_pages() {
    let gateway = Gateway::with_bucket().await;
    let mut ids = Vec::new();
    for name in ["a", "a", "b", "c/d", "c/d", "c/e/f", "c/e/g", "c/h", "d", "e/f"] {
        ids.push(create(&gateway, &format!("/bucket/{name}")).await);
    }
    for (query, expected, prefixes) in [
        ("", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9][..], &[][..]),
        ("delimiter=&", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[]),
        ("delimiter=/&", &[0, 1, 2, 8], &["c/", "e/"]),
        ("delimiter=/&prefix=c/&", &[3, 4, 7], &["c/e/"]),
        ("delimiter=e&prefix=c&", &[3, 4, 7], &["c/e"]),
        ("delimiter=/&prefix=c&", &[], &["c/"]),
        ("prefix=c/e&", &[5, 6], &[]),
        ("delimiter=none&prefix=d&", &[8], &[]),
    ] {
        let expected: Vec<_> = expected.iter().map(|index| ids[*index].clone()).collect();
        for size in 1..=11 {
            let (found, common) = listed(&gateway, query, size).await;
            assert_eq!(found, expected, "{query} {size}");
            assert_eq!(common, prefixes, "{query} {size}");
        }
    }
    // A marker inside a common prefix: there is more after it.
    let page = gateway.get("/bucket?uploads&delimiter=/&key-marker=c/d").await.ok();
    assert_eq!(page.all("CommonPrefixes"), ["<Prefix>c/</Prefix>", "<Prefix>e/</Prefix>"]);
    let page = gateway.get("/bucket?uploads&delimiter=/&prefix=c/&encoding-type=url").await.ok();
    assert_eq!((page.one("Delimiter"), page.one("EncodingType")), ("/", "url"));
    assert_eq!(gateway.get("/bucket?uploads&max-uploads=0").await.ok().one("IsTruncated"), "false");
}

/// The upload that a marker names may have ended since the last page: the next page starts after all uploads to its key.
#[tokio::test]
async fn an_upload_that_has_ended_can_be_a_marker() {
    let gateway = Gateway::with_bucket().await;
    let mut ids = Vec::new();
    for name in ["a", "a", "b"] {
        ids.push(create(&gateway, &format!("/bucket/{name}")).await);
    }
    let path = format!("/bucket?uploads&key-marker=a&upload-id-marker={}", ids[0]);
    assert_eq!(gateway.get(&path).await.ok().all("UploadId"), ids[1..]);
    gateway.request("DELETE", &format!("/bucket/a?uploadId={}", ids[0])).send().await.ok();
    assert_eq!(gateway.get(&path).await.ok().all("UploadId"), ids[1..]);
    assert_eq!(gateway.get("/bucket?uploads&key-marker=a").await.ok().all("UploadId"), ids[2..]);
}

/// A client that lists one upload at a time, and aborts each, has aborted all.
#[tokio::test]
async fn uploads_can_be_aborted_page_by_page() {
    let gateway = Gateway::with_bucket().await;
    for name in ["a", "a", "a", "b"] {
        create(&gateway, &format!("/bucket/{name}")).await;
    }
    let mut markers = String::new();
    loop {
        let page = gateway.get(&format!("/bucket?uploads&max-uploads=1{markers}")).await.ok();
        let (key, id) = (page.one("Key").to_owned(), page.one("UploadId").to_owned());
        gateway.request("DELETE", &format!("/bucket/{key}?uploadId={id}")).send().await.ok();
        if page.one("IsTruncated") == "false" {
            break;
        }
        markers = format!("&key-marker={key}&upload-id-marker={id}");
    }
    assert_eq!(gateway.get("/bucket?uploads").await.ok().all("UploadId"), [""; 0]);
}

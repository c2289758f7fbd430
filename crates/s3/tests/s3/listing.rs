use base64::{Engine, engine::general_purpose::STANDARD};

use crate::harness::{Gateway, md5_digest};

async fn filled() -> Gateway {
    let gateway = Gateway::with_bucket().await;
    for name in ["a.txt", "b/1", "b/2", "b/c/3", "d", "e f", "z/ä"] {
        gateway.put(&format!("/bucket/{name}"), "x").await.ok();
    }
    gateway.client.put("bucket2/other", b"").await.unwrap();
    gateway
}

#[tokio::test]
async fn a_listing_has_all_names_of_the_bucket() {
    let gateway = filled().await;
    for path in ["/bucket", "/bucket?list-type=2"] {
        let page = gateway.get(path).await.ok();
        assert_eq!(page.all("Key"), ["a.txt", "b/1", "b/2", "b/c/3", "d", "e f", "z/ä"], "{path}");
        assert_eq!(page.one("IsTruncated"), "false");
    }
    let page = gateway.get("/bucket?list-type=2&encoding-type=url&prefix=e ").await.ok();
    assert_eq!((page.one("Key"), page.one("EncodingType"), page.all("Prefix")[0]), ("e%20f", "url", "e%20"));
    assert_eq!(gateway.get("/bucket?list-type=2&max-keys=0").await.ok().one("KeyCount"), "0");
}

#[tokio::test]
async fn a_delimiter_groups_names() {
    let gateway = filled().await;
    for path in ["/bucket?delimiter=/", "/bucket?list-type=2&delimiter=/"] {
        let page = gateway.get(path).await.ok();
        assert_eq!(page.all("Key"), ["a.txt", "d", "e f"]);
        assert_eq!(page.all("CommonPrefixes"), ["<Prefix>b/</Prefix>", "<Prefix>z/</Prefix>"]);
    }
    let page = gateway.get("/bucket?list-type=2&delimiter=/&prefix=b/").await.ok();
    assert_eq!(page.all("Key"), ["b/1", "b/2"]);
    assert_eq!(page.all("CommonPrefixes"), ["<Prefix>b/c/</Prefix>"]);
    let page = gateway.get("/bucket?list-type=2&start-after=b/2").await.ok();
    assert_eq!(page.all("Key"), ["b/c/3", "d", "e f", "z/ä"]);
}

/// Pages of every size have the same names as one page, in both versions and with and without a delimiter.
#[tokio::test]
async fn pages_continue_where_the_last_one_ended() {
    let gateway = filled().await;
    for (version, token) in [("", "NextMarker"), ("list-type=2&", "NextContinuationToken")] {
        let name = if version.is_empty() { "marker" } else { "continuation-token" };
        for (delimiter, count) in [("", 7), ("delimiter=/&", 5)] {
            for size in 1..=8 {
                let (mut names, mut next) = (Vec::new(), String::new());
                loop {
                    let from = if next.is_empty() { String::new() } else { format!("&{name}={next}") };
                    let page =
                        gateway.get(&format!("/bucket?{version}{delimiter}max-keys={size}{from}")).await.ok();
                    let prefixes = page.all("CommonPrefixes");
                    names.extend(page.all("Key").into_iter().chain(prefixes).map(str::to_owned));
                    if page.one("IsTruncated") == "false" {
                        break;
                    }
                    next = page.one(token).to_owned();
                }
                names.sort();
                names.dedup();
                assert_eq!(names.len(), count, "{version}{delimiter}{size}: {names:?}");
            }
        }
    }
    for bad in ["zz", ""] {
        let bad = gateway.get(&format!("/bucket?list-type=2&continuation-token={bad}")).await;
        assert_eq!(bad.error(), (400, "InvalidArgument"));
    }
}

/// The second version lists owners for clients that ask for them, the first always does.
#[tokio::test]
async fn objects_have_an_owner_for_clients_that_ask_for_it() {
    let gateway = filled().await;
    for (query, count) in [
        ("list-type=2", 0),
        ("list-type=2&fetch-owner=false", 0),
        ("list-type=2&fetch-owner=true", 7),
        ("prefix=", 7),
    ] {
        let page = gateway.get(&format!("/bucket?{query}")).await.ok();
        assert_eq!((page.all("Key").len(), page.all("Owner").len()), (7, count), "{query}");
    }
}

/// As in S3, a control character of a key is a reference in XML. Otherwise a carriage return would be read as a line feed. The bytes
/// of objects stay as they are, whatever their type.
#[tokio::test]
async fn control_characters_of_keys_are_references() {
    let gateway = Gateway::with_bucket().await;
    let raw = "<Key>a\rb\u{1}</Key>";
    for key in ["a\rb", "c\u{1}", "d\te\nf"] {
        let put = gateway.request("PUT", &format!("/bucket/{key}")).header("content-type", "application/xml");
        put.body(raw).send().await.ok();
        assert_eq!(gateway.get(&format!("/bucket/{key}")).await.ok().text(), raw);
        gateway.request("POST", &format!("/bucket/{key}?uploads")).send().await.ok();
    }
    for query in ["", "list-type=2", "uploads"] {
        let page = gateway.get(&format!("/bucket?{query}")).await.ok();
        assert_eq!(page.all("Key"), ["a&#xd;b", "c&#x1;", "d\te\nf"], "{query}");
        let page = gateway.get(&format!("/bucket?{query}&encoding-type=url")).await.ok();
        assert_eq!(page.all("Key"), ["a%0Db", "c%01", "d%09e%0Af"], "{query}");
    }
    let delete = async |key: &str| {
        let body = format!("<Delete><Object><Key>{key}</Key></Object></Delete>");
        let digest = STANDARD.encode(md5_digest(body.as_bytes()));
        gateway.request("POST", "/bucket?delete").header("content-md5", digest).body(body).send().await
    };
    assert_eq!(delete("a&#xd;b").await.ok().all("Key"), ["a&#xd;b"]);
    // No character of XML 1.0, in a request.
    assert_eq!(delete("c&#x1;").await.error(), (400, "MalformedXML"));
    assert_eq!(gateway.get("/bucket").await.ok().all("Key"), ["c&#x1;", "d\te\nf"]);
}

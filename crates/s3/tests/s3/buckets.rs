use crate::harness::Gateway;

#[tokio::test]
async fn a_bucket_is_created_listed_and_deleted() {
    let gateway = Gateway::new();
    assert_eq!(gateway.request("HEAD", "/photos").send().await.status, 404);
    gateway.put("/photos", "").await.ok();
    assert_eq!(gateway.put("/photos", "").await.error(), (409, "BucketAlreadyOwnedByYou"));
    gateway.request("HEAD", "/photos").send().await.ok();
    assert_eq!(gateway.get("/").await.ok().all("Name"), ["photos"]);
    assert!(gateway.get("/photos").await.ok().all("Key").is_empty());
    gateway.put("/photos/a", "x").await.ok();
    assert_eq!(gateway.request("DELETE", "/photos").send().await.error(), (409, "BucketNotEmpty"));
    gateway.request("DELETE", "/photos/a").send().await.ok();
    gateway.request("HEAD", "/photos").send().await.ok();
    gateway.request("DELETE", "/photos").send().await.ok();
    assert_eq!(gateway.get("/photos").await.error(), (404, "NoSuchBucket"));
}

/// The first segments of keys that other tools have put are buckets, if S3 allows their names.
#[tokio::test]
async fn keys_of_other_tools_are_in_buckets() {
    let gateway = Gateway::new();
    for key in ["photos/2026/a.jpg", "Photos/b.jpg", "no-segment", "ab/c", "docs/d"] {
        gateway.client.put(key, b"value").await.unwrap();
    }
    let buckets = gateway.get("/").await.ok();
    assert_eq!(buckets.all("Name"), ["docs", "photos"]);
    assert_eq!(buckets.all("CreationDate").len(), 2);
    assert_eq!(gateway.get("/photos/2026/a.jpg").await.ok().text(), "value");
}

#[tokio::test]
async fn an_object_of_a_missing_bucket_is_not_stored() {
    let gateway = Gateway::new();
    assert_eq!(gateway.put("/missing/a", "x").await.error(), (404, "NoSuchBucket"));
    assert_eq!(gateway.get("/missing/a").await.error(), (404, "NoSuchBucket"));
    assert_eq!(gateway.request("POST", "/missing/a?uploads").send().await.error(), (404, "NoSuchBucket"));
    assert!(gateway.client.list_all("").await.unwrap().is_empty());
    gateway.put("/present", "").await.ok();
    assert_eq!(gateway.get("/present/a").await.error(), (404, "NoSuchKey"));
    assert_eq!(gateway.get("/present?location").await.ok().status, 200);
    gateway.get("/present?versioning").await.ok();
}

/// Every region is served alike, and a bucket is in the region that it was created in.
#[tokio::test]
async fn a_bucket_has_the_location_that_was_asked_for() {
    let gateway = Gateway::new();
    let create = |name: &str, configuration: &str| {
        let body = format!("<CreateBucketConfiguration>{configuration}</CreateBucketConfiguration>");
        gateway.request("PUT", &format!("/{name}")).body(body).send()
    };
    create("photos", "<LocationConstraint>eu-west-1</LocationConstraint>").await.ok();
    let location = gateway.get("/photos?location").await.ok();
    assert!(location.text().contains(">eu-west-1</LocationConstraint>"), "{}", location.text());
    gateway.put("/docs", "").await.ok();
    let location = gateway.get("/docs?location").await.ok();
    assert!(location.text().contains("></LocationConstraint>"), "{}", location.text());
    let bad = create("other", "<LocationConstraint>a b</LocationConstraint>").await;
    assert_eq!(bad.error(), (400, "InvalidLocationConstraint"));
    let directory = create("other", "<Location><Name>a</Name><Type>AvailabilityZone</Type></Location>").await;
    assert_eq!(directory.error(), (501, "NotImplemented"));
    assert_eq!(gateway.get("/").await.ok().all("Name"), ["docs", "photos"]);
}

/// Pages of every size have the same buckets as one page, also where other first segments are between them.
#[tokio::test]
async fn buckets_are_listed_in_pages() {
    let gateway = Gateway::new();
    for (name, region) in [("aa-1", ""), ("aa-2", "eu-west-1"), ("ab-3", "us-east-1"), ("bb-4", "eu-west-1")]
    {
        let body = match region {
            "" => String::new(),
            region => format!(
                "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
            ),
        };
        gateway.request("PUT", &format!("/{name}")).body(body).send().await.ok();
    }
    for key in ["AB/c", "a_b/c", "aa-1.5/x", "zz/short"] {
        gateway.client.put(key, b"value").await.unwrap();
    }
    for (query, expected) in [
        ("", &["aa-1", "aa-1.5", "aa-2", "ab-3", "bb-4"][..]),
        ("prefix=aa-&", &["aa-1", "aa-1.5", "aa-2"]),
        ("prefix=none&", &[]),
        ("bucket-region=eu-west-1&", &["aa-2", "bb-4"]),
        ("bucket-region=us-east-1&", &["aa-1", "aa-1.5", "ab-3"]),
        ("bucket-region=us-east-1&prefix=ab&", &["ab-3"]),
    ] {
        for size in ["", "max-buckets=1&", "max-buckets=2&", "max-buckets=5&", "max-buckets=10000&"] {
            let (mut names, mut token) = (Vec::new(), String::new());
            loop {
                let page = gateway.get(&format!("/?{query}{size}{token}")).await.ok();
                assert!(!size.starts_with("max-buckets=1&") || page.all("Name").len() <= 1);
                names.extend(page.all("Name").into_iter().map(str::to_owned));
                token = match page.one("ContinuationToken") {
                    "" => break,
                    token => format!("continuation-token={token}"),
                };
            }
            assert_eq!(names, expected, "{query}{size}");
        }
    }
    let page = gateway.get("/?max-buckets=2&prefix=a").await.ok();
    assert_eq!((page.all("BucketRegion"), page.one("Prefix")), (vec!["us-east-1"; 2], "a"));
    for bad in ["max-buckets=0", "max-buckets=-1", "max-buckets=10001", "continuation-token=zz"] {
        assert_eq!(gateway.get(&format!("/?{bad}")).await.error(), (400, "InvalidArgument"), "{bad}");
    }
}

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

//! What S3 has and the gateway has not is refused, and is neither ignored nor taken for another operation.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::harness::{Gateway, Signing, WRITER, md5_digest};

/// Operations of S3 with their sub-resources. `s3s` takes many of them for those without.
#[tokio::test]
async fn an_unknown_sub_resource_does_not_change_the_object() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/victim", "precious").await.ok();
    gateway.put("/empty", "").await.ok();
    for (method, path) in [
        ("DELETE", "/bucket/victim?annotation&annotationName=x"),
        ("DELETE", "/bucket/victim?new-thing=1"),
        ("DELETE", "/empty?metadataConfiguration"),
        ("DELETE", "/empty?new-thing"),
        ("GET", "/bucket?abac"),
        ("GET", "/bucket?metadataConfiguration"),
        ("GET", "/bucket?foo=bar"),
        ("GET", "/bucket/victim?annotation&annotationName=x"),
        ("HEAD", "/bucket/victim?new-thing"),
        ("POST", "/bucket/victim?uploads&new-thing"),
        ("PUT", "/bucket/victim?abac"),
        ("PUT", "/bucket/victim?acl"),
        ("PUT", "/bucket/victim?annotation&annotationName=x"),
        ("PUT", "/bucket/victim?append&position=0"),
        ("PUT", "/bucket/victim?encryption"),
        ("PUT", "/bucket/victim?renameObject"),
        ("PUT", "/bucket/victim?restore"),
        ("PUT", "/other?abac"),
    ] {
        let response = gateway.request(method, path).body("").send().await;
        assert_eq!(response.status, 501, "{method} {path}");
    }
    assert_eq!(gateway.get("/bucket/victim").await.ok().text(), "precious");
    assert_eq!(gateway.get("/").await.ok().all("Name"), ["bucket", "empty"]);
    assert!(gateway.get("/bucket?uploads").await.ok().all("UploadId").is_empty());
}

/// A header that the signature does not name is refused: with a link to store one object, it could copy another.
#[tokio::test]
async fn a_header_without_a_signature_is_refused() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/private", "").await.ok();
    gateway.put("/private/secret", "secret").await.ok();
    gateway.put("/bucket/a", "as it was").await.ok();
    for payload in [None, Some("UNSIGNED-PAYLOAD")] {
        for (name, value) in
            [("x-amz-copy-source", "/private/secret"), ("x-amz-meta-a", "b"), ("x-amz-acl", "private")]
        {
            let request = gateway.request("PUT", "/bucket/a").body("").unsigned(name, value);
            let request = payload.map_or_else(
                || gateway.request("PUT", "/bucket/a").unsigned(name, value),
                |payload| request.in_header(payload),
            );
            assert_eq!(request.send().await.error(), (403, "AccessDenied"), "{name}");
        }
        assert_eq!(gateway.get("/bucket/a").await.ok().text(), "as it was");
    }
    // What changes nothing needs no signature.
    let request = gateway.request("PUT", "/bucket/a").body("new").unsigned("x-amz-user-agent", "a browser");
    request.unsigned("x-amz-api-version", "2006-03-01").send().await.ok();
    assert_eq!(gateway.get("/bucket/a").await.ok().text(), "new");
}

/// The same rules hold for headers and for the query of a presigned URL.
#[tokio::test]
async fn what_a_header_asks_for_is_refused_in_the_query_too() {
    let gateway = Gateway::with_bucket().await;
    for (name, value, error) in [
        ("x-amz-acl", "public-read", (501, "NotImplemented")),
        ("x-amz-server-side-encryption", "AES256", (501, "NotImplemented")),
        ("x-amz-tagging", "a=b", (501, "NotImplemented")),
        ("x-amz-storage-class", "GLACIER", (400, "InvalidStorageClass")),
        ("x-amz-object-lock-mode", "GOVERNANCE", (501, "NotImplemented")),
        ("x-amz-expected-bucket-owner", "123", (501, "NotImplemented")),
        ("x-amz-security-token", "token", (501, "NotImplemented")),
        ("x-amz-something-new", "1", (501, "NotImplemented")),
        ("x-amz-checksum-md5", "AAAA", (501, "NotImplemented")),
        ("x-amz-checksum-sha512", "AAAA", (501, "NotImplemented")),
        ("x-amz-checksum-xxhash64", "AAAA", (501, "NotImplemented")),
        ("x-amz-sdk-checksum-algorithm", "XXHASH64", (501, "NotImplemented")),
        ("x-amz-sdk-checksum-algorithm", "CRC32", (400, "InvalidRequest")),
        ("x-amz-checksum-crc32", "AAAAAA==", (400, "BadDigest")),
    ] {
        let put = gateway.request("PUT", "/bucket/a").header(name, value).body("hello").send().await;
        assert_eq!(put.error(), error, "{name} in a header");
        let put = gateway.request("PUT", &format!("/bucket/a?{name}={value}")).body("hello").send().await;
        assert_eq!(put.error(), error, "{name} in the query");
    }
    assert_eq!(gateway.get("/bucket/a").await.status, 404);
    let put = gateway.request("PUT", "/bucket/a?x-amz-meta-color=red&x-amz-acl=private").body("hello");
    put.send().await.ok();
    assert_eq!(gateway.get("/bucket/a").await.ok().header("x-amz-meta-color"), "red");
    let expires = |seconds: &str| format!("/bucket/a?X-Amz-Expires={seconds}");
    gateway.get(&expires("604800")).await.ok();
    assert_eq!(gateway.get(&expires("604801")).await.error(), (400, "AuthorizationQueryParametersError"));
}

#[tokio::test]
async fn headers_of_other_operations_are_refused() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/a", "x").await.ok();
    let created = gateway.request("POST", "/bucket/a?uploads").send().await.ok();
    let upload = format!("/bucket/a?uploadId={}", created.one("UploadId"));
    for (method, path, name, value) in [
        ("DELETE", &*upload, "x-amz-if-match-initiated-time", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("POST", &upload, "x-amz-checksum-md5", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("POST", &upload, "x-amz-checksum-sha512", "AAAAAA=="),
        ("POST", "/bucket/b?uploads", "x-amz-checksum-algorithm", "XXHASH64"),
        ("PUT", "/other", "x-amz-object-ownership", "BucketOwnerEnforced"),
        ("DELETE", "/bucket/a", "x-amz-bypass-governance-retention", "true"),
    ] {
        let response = gateway.request(method, path).header(name, value).body("").send().await;
        assert_eq!(response.error(), (501, "NotImplemented"), "{method} {path} {name}");
    }
    let copy = |name, value| {
        let copy = gateway.request("PUT", "/bucket/b").header("x-amz-copy-source", "/bucket/a");
        copy.header(name, value).send()
    };
    assert_eq!(copy("x-amz-metadata-directive", "BOGUS").await.error(), (400, "InvalidArgument"));
    assert_eq!(copy("x-amz-tagging-directive", "REPLACE").await.error(), (501, "NotImplemented"));
    copy("x-amz-tagging-directive", "COPY").await.ok();
}

/// The digests of a list of keys are verified before a key is deleted.
#[tokio::test]
async fn a_delete_of_many_with_another_digest_deletes_nothing() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/a", "x").await.ok();
    let body = "<Delete><Object><Key>a</Key></Object></Delete>";
    let delete =
        |name, value: String| gateway.request("POST", "/bucket?delete").header(name, value).body(body).send();
    let crc = |bytes: &[u8]| STANDARD.encode(crc32fast::hash(bytes).to_be_bytes());
    assert_eq!(
        delete("content-md5", STANDARD.encode(md5_digest(b"other"))).await.error(),
        (400, "BadDigest")
    );
    assert_eq!(delete("content-md5", "x".to_owned()).await.error(), (400, "InvalidDigest"));
    assert_eq!(delete("x-amz-checksum-crc32", crc(b"other")).await.error(), (400, "BadDigest"));
    gateway.get("/bucket/a").await.ok();
    delete("x-amz-checksum-crc32", crc(body.as_bytes())).await.ok();
    assert_eq!(gateway.get("/bucket/a").await.status, 404);
}

/// Returns a form with a signed policy that allows all of its fields.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    form_signed_with(fields, &Signing::now(WRITER.secret))
}

/// Returns a form with a policy that is signed with this.
pub(crate) fn form_signed_with(fields: &[(&str, &str)], now: &Signing) -> String {
    let credential = format!("{}/{}", WRITER.key, now.scope);
    let signed = [
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", &credential),
        ("x-amz-date", &now.time),
    ];
    let all = [fields, &signed[..]].concat();
    let conditions: Vec<_> = all.iter().map(|(name, value)| format!("{{\"{name}\": \"{value}\"}}")).collect();
    let policy = format!(
        "{{\"expiration\": \"2099-01-01T00:00:00.000Z\", \"conditions\": [{{\"bucket\": \"bucket\"}}, {}]}}",
        conditions.join(", ")
    );
    let policy = STANDARD.encode(policy);
    let signature = now.of_policy(&policy);
    let fields = [&all[..], &[("policy", &*policy), ("x-amz-signature", &*signature)]].concat();
    let fields = fields.iter().map(|(name, value)| {
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    });
    let fields: String = fields.collect();
    format!(
        "{fields}--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nbytes\r\n--B--\r\n"
    )
}

#[tokio::test]
async fn fields_of_forms_are_stored_or_refused() {
    let gateway = Gateway::with_bucket().await;
    let post = |fields: &[(&str, &str)]| {
        let post = gateway.request("POST", "/bucket").signed_by(None);
        post.header("content-type", "multipart/form-data; boundary=B").body(form(fields)).send()
    };
    post(&[("key", "a"), ("x-amz-meta-color", "red"), ("acl", "private")]).await.ok();
    let got = gateway.get("/bucket/a").await.ok();
    assert_eq!((got.text(), got.header("x-amz-meta-color")), ("bytes", "red"));
    for (name, value, error) in [
        ("acl", "public-read", (501, "NotImplemented")),
        ("x-amz-acl", "public-read", (501, "NotImplemented")),
        ("x-amz-server-side-encryption", "AES256", (501, "NotImplemented")),
        ("tagging", "tags", (501, "NotImplemented")),
        ("x-amz-storage-class", "GLACIER", (400, "InvalidStorageClass")),
        ("x-amz-checksum-crc32", "AAAAAA==", (400, "BadDigest")),
    ] {
        assert_eq!(post(&[("key", "b"), (name, value)]).await.error(), error, "{name}");
    }
    assert_eq!(post(&[("key", "up/${filename}")]).await.error(), (501, "NotImplemented"));
    assert_eq!(gateway.get("/bucket").await.ok().all("Key"), ["a"]);
}

/// s3s skips what it does not know in a body, and would run another request than the client has sent.
#[tokio::test]
async fn elements_that_are_not_read_are_refused() {
    let gateway = Gateway::with_bucket().await;
    gateway.put("/bucket/x", "kept").await.ok();
    gateway.put("/bucket/x1", "kept").await.ok();
    let delete = async |body: &str| {
        let body = format!("<Delete>{body}</Delete>");
        let digest = STANDARD.encode(md5_digest(body.as_bytes()));
        gateway.request("POST", "/bucket?delete").header("content-md5", digest).body(body).send().await
    };
    let cdata = delete("<Object><Key>x<![CDATA[1]]></Key></Object>").await;
    assert_eq!(cdata.error(), (400, "MalformedXML"));
    let unknown = delete("<Object><Key>x</Key></Object><New>1</New>").await;
    assert_eq!(unknown.error(), (501, "NotImplemented"));
    assert_eq!(gateway.get("/bucket").await.ok().all("Key"), ["x", "x1"]);
    let create = |elements: &str| {
        let body = format!("<CreateBucketConfiguration>{elements}</CreateBucketConfiguration>");
        gateway.request("PUT", "/tagged").body(body).send()
    };
    let tags = create("<Tags><Tag><Key>a</Key><Value>b</Value></Tag></Tags>").await;
    assert_eq!(tags.error(), (501, "NotImplemented"));
    assert_eq!(gateway.get("/").await.ok().all("Name"), ["bucket"]);
    create("<LocationConstraint>eu-central-1</LocationConstraint>").await.ok();
}

/// A body that its framing would become a part of, and one without an end.
#[tokio::test]
async fn bodies_without_a_framing_are_refused() {
    let gateway = Gateway::with_bucket().await;
    let framed = gateway.request("PUT", "/bucket/a").header("x-amz-decoded-content-length", "5");
    let framed = framed.in_header("UNSIGNED-PAYLOAD").body("5\r\nhello\r\n0\r\n\r\n").send().await;
    assert_eq!(framed.error(), (400, "InvalidRequest"));
    assert_eq!(gateway.request("PUT", "/bucket/a").send().await.error(), (411, "MissingContentLength"));
    assert_eq!(gateway.get("/bucket/a").await.status, 404);
}

/// What other clients send: Mountpoint, the AWS SDKs for C++ and JavaScript version 2, s3fs-fuse, Apache Libcloud.
#[tokio::test]
async fn what_other_clients_send_is_accepted() {
    let gateway = Gateway::with_bucket().await;
    let put = gateway.request("PUT", "/bucket/a?Content-Type=text/plain&Cache-Control=no-cache");
    put.body("hello").send().await.ok();
    let head = gateway.request("HEAD", "/bucket/a").send().await.ok();
    assert_eq!((head.header("content-type"), head.header("cache-control")), ("text/plain", "no-cache"));
    let other =
        gateway.request("PUT", "/bucket/b?Content-Type=text/plain").header("content-type", "text/html");
    assert_eq!(other.body("hello").send().await.error(), (400, "InvalidRequest"));
    let wrong = gateway.request("PUT", "/bucket/b?Content-MD5=XUFAKrxLKna5cZ2REBfFkQ==").body("hello");
    assert_eq!(wrong.send().await.error(), (400, "BadDigest"));
    let read = gateway.request("GET", "/bucket/a").header("x-amz-checksum-mode", "enabled").send().await.ok();
    assert!(!read.header("x-amz-checksum-sha256").is_empty());
    let list = gateway.request("GET", "/bucket?list-type=2");
    let list = list.header("x-amz-optional-object-attributes", "RestoreStatus").send().await.ok();
    assert_eq!(list.all("Key"), ["a"]);
    assert_eq!(gateway.get("/bucket?Version=2006-03-01").await.ok().all("Key"), ["a"]);
    assert_eq!(gateway.get("/bucket?Version=2000-01-01").await.error(), (501, "NotImplemented"));
    let create = gateway.request("POST", "/bucket/c?uploads").header("x-amz-metadata-directive", "REPLACE");
    create.send().await.ok();
}

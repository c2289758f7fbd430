//! What each operation accepts in its query and its headers. A query name, or a header `x-amz-…`, that is not here is refused:
//! it asks for something else than the operation that `s3s` has found, so it must be neither ignored nor run as that one.

use axum::http::{HeaderMap, Uri, header};
use s3s::{S3Result, s3_error};

use crate::{error::not_implemented, query};

/// An operation with the names that it accepts.
struct Rule {
    operation: &'static str,
    query: &'static [&'static str],
    headers: &'static [&'static [&'static str]],
}

/// Start of the names of the headers with a meaning in S3.
const AMZ: &str = "x-amz-";

/// Start of the names of headers with user metadata.
const METADATA: &str = "x-amz-meta-";

/// The query names that every operation accepts: the name of the operation, and the version of S3. Names that start with `x-amz-`
/// are those of a signature, or are checked as headers.
const ANY_QUERY: &[&str] = &["x-id", VERSION];

/// A query name of old clients.
const VERSION: &str = "Version";

/// The only version of S3.
const S3_VERSION: &str = "2006-03-01";

const ANY_HEADERS: &[&str] = &["x-amz-content-sha256", "x-amz-date"];

/// Headers of some SDKs that change nothing.
const WITHOUT_EFFECT: &[&str] = &["x-amz-api-version", "x-amz-user-agent"];

const CHECKSUMS: &[&str] = &[
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
];

const ALGORITHM: &[&str] = &["x-amz-sdk-checksum-algorithm"];

const CHUNKED: &[&str] = &["x-amz-decoded-content-length", "x-amz-trailer"];

/// A header of listings. No object has what it asks for, so there is nothing to return.
const ATTRIBUTES: &[&str] = &["x-amz-optional-object-attributes"];

const DIRECTIVE: &str = "x-amz-metadata-directive";

/// Headers of a new object.
const OBJECT: &[&str] = &["x-amz-acl", METADATA, "x-amz-storage-class"];

const SOURCE: &[&str] = &[
    "x-amz-copy-source",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-unmodified-since",
];

const READ_QUERY: &[&str] = &[
    "partNumber",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "versionId",
];

#[rustfmt::skip]
const RULES: &[Rule] = &[
    Rule { operation: "AbortMultipartUpload", query: &["uploadId"], headers: &[] },
    Rule { operation: "CompleteMultipartUpload", query: &["uploadId"], headers: &[CHECKSUMS, &["x-amz-checksum-type", "x-amz-mp-object-size"]] },
    Rule { operation: "CopyObject", query: &[], headers: &[OBJECT, SOURCE, &[DIRECTIVE, "x-amz-tagging-directive"]] },
    Rule { operation: "CreateBucket", query: &[], headers: &[&["x-amz-acl", "x-amz-bucket-object-lock-enabled"]] },
    Rule { operation: "CreateMultipartUpload", query: &["uploads"], headers: &[OBJECT, &["x-amz-checksum-algorithm", "x-amz-checksum-type", DIRECTIVE]] },
    Rule { operation: "DeleteBucket", query: &[], headers: &[] },
    Rule { operation: "DeleteObject", query: &["versionId"], headers: &[] },
    Rule { operation: "DeleteObjects", query: &["delete"], headers: &[CHECKSUMS, ALGORITHM] },
    Rule { operation: "GetBucketLocation", query: &["location"], headers: &[] },
    Rule { operation: "GetBucketVersioning", query: &["versioning"], headers: &[] },
    Rule { operation: "GetObject", query: READ_QUERY, headers: &[&["x-amz-checksum-mode"]] },
    Rule { operation: "HeadBucket", query: &[], headers: &[] },
    Rule { operation: "HeadObject", query: READ_QUERY, headers: &[&["x-amz-checksum-mode"]] },
    Rule { operation: "ListBuckets", query: &["bucket-region", "continuation-token", "max-buckets", "prefix"], headers: &[] },
    Rule { operation: "ListMultipartUploads", query: &["delimiter", "encoding-type", "key-marker", "max-uploads", "prefix", "upload-id-marker", "uploads"], headers: &[] },
    Rule { operation: "ListObjects", query: &["delimiter", "encoding-type", "marker", "max-keys", "prefix"], headers: &[ATTRIBUTES] },
    Rule { operation: "ListObjectsV2", query: &["continuation-token", "delimiter", "encoding-type", "fetch-owner", "list-type", "max-keys", "prefix", "start-after"], headers: &[ATTRIBUTES] },
    Rule { operation: "ListParts", query: &["max-parts", "part-number-marker", "uploadId"], headers: &[] },
    // The fields of the form are checked by `forms`.
    Rule { operation: "PostObject", query: &[], headers: &[] },
    Rule { operation: "PutObject", query: query::CONTENT_HEADERS, headers: &[OBJECT, CHECKSUMS, ALGORITHM, CHUNKED] },
    Rule { operation: "UploadPart", query: &["Content-MD5", "partNumber", "uploadId"], headers: &[CHECKSUMS, ALGORITHM, CHUNKED] },
    Rule { operation: "UploadPartCopy", query: &["partNumber", "uploadId"], headers: &[SOURCE, &["x-amz-copy-source-range"]] },
];

/// Checks the query and the headers of a request for an operation.
///
/// # Errors
/// `NotImplemented` for what the operation does not accept, and the errors of [`value`] and of headers that contradict each other.
pub(crate) fn check(operation: &str, uri: &Uri, headers: &HeaderMap) -> S3Result<()> {
    let rule = RULES.iter().find(|rule| rule.operation == operation);
    let rule = rule.ok_or_else(|| not_implemented(operation))?;
    for (name, value) in query::pairs(uri) {
        if name == VERSION && value != S3_VERSION {
            return Err(not_implemented(&format!("the version {value:?} of S3")));
        }
        if !is_amz(&name) && !ANY_QUERY.contains(&&*name) && !rule.query.contains(&&*name) {
            return Err(not_implemented(&format!("{operation} with the query parameter {name:?}")));
        }
    }
    for (name, text) in headers.iter().filter(|(name, _)| is_amz(name.as_str())) {
        let name = name.as_str();
        if !rule.accepts(name) {
            return Err(not_implemented(&format!("{operation} with the header {name}")));
        }
        value(name, text.as_bytes())?;
        // An object that is uploaded has the metadata of the request.
        if name == DIRECTIVE && operation == "CreateMultipartUpload" && text != "REPLACE" {
            return Err(not_implemented("metadata that is copied by a multipart upload"));
        }
    }
    consistent(headers)
}

impl Rule {
    fn accepts(&self, name: &str) -> bool {
        let name = match name.strip_prefix(METADATA) {
            // s3s ignores it.
            Some("") => return false,
            Some(_) => METADATA,
            None => name,
        };
        ANY_HEADERS.contains(&name)
            || is_without_effect(name)
            || self.headers.iter().any(|group| group.contains(&name))
    }
}

/// Returns whether a header changes nothing, so that every request may have it, signed or not.
pub(crate) fn is_without_effect(name: &str) -> bool {
    WITHOUT_EFFECT.contains(&name)
}

/// Returns whether a header or a parameter has a meaning in S3.
pub(crate) fn is_amz(name: &str) -> bool {
    name.get(..AMZ.len()).is_some_and(|start| start.eq_ignore_ascii_case(AMZ))
}

/// Checks the value of a header, or of a field of a form, of which only some values are supported.
///
/// # Errors
/// `NotImplemented`, `InvalidStorageClass`, `InvalidArgument`, `InvalidRequest`.
pub(crate) fn value(name: &str, value: &[u8]) -> S3Result<()> {
    let is_algorithm = || {
        ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]
            .iter()
            .any(|known| value.eq_ignore_ascii_case(known.as_bytes()))
    };
    match name {
        "acl" | "x-amz-acl" if value != b"private" => Err(not_implemented("an ACL other than private")),
        "x-amz-bucket-object-lock-enabled" if !value.eq_ignore_ascii_case(b"false") => {
            Err(not_implemented(name))
        }
        "x-amz-storage-class" if value != b"STANDARD" => {
            Err(s3_error!(InvalidStorageClass, "the only storage class is STANDARD"))
        }
        "x-amz-checksum-algorithm" | "x-amz-sdk-checksum-algorithm" if !is_algorithm() => {
            Err(not_implemented("a checksum algorithm other than CRC32, CRC32C, CRC64NVME, SHA1 and SHA256"))
        }
        "x-amz-trailer" if !CHECKSUMS.iter().any(|known| value.eq_ignore_ascii_case(known.as_bytes())) => {
            Err(not_implemented(
                "a trailer other than a checksum with CRC32, CRC32C, CRC64NVME, SHA1 or SHA256",
            ))
        }
        "x-amz-checksum-type" if ![&b"COMPOSITE"[..], b"FULL_OBJECT"].contains(&value) => {
            Err(s3_error!(InvalidRequest, "x-amz-checksum-type may be COMPOSITE or FULL_OBJECT"))
        }
        "x-amz-checksum-mode" if !value.eq_ignore_ascii_case(b"ENABLED") => {
            Err(s3_error!(InvalidArgument, "x-amz-checksum-mode may be ENABLED"))
        }
        DIRECTIVE if ![&b"COPY"[..], b"REPLACE"].contains(&value) => {
            Err(s3_error!(InvalidArgument, "x-amz-metadata-directive may be COPY or REPLACE"))
        }
        "x-amz-optional-object-attributes" if value != b"RestoreStatus" => {
            Err(not_implemented("an attribute of objects other than RestoreStatus"))
        }
        "x-amz-tagging-directive" if value != b"COPY" => Err(not_implemented("tags")),
        _ => Ok(()),
    }
}

/// Checks that a checksum is there if the headers say so, and that a body in chunks is decoded.
fn consistent(headers: &HeaderMap) -> S3Result<()> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let payload = text("x-amz-content-sha256").unwrap_or_default();
    if let Some(algorithm) = text("x-amz-sdk-checksum-algorithm") {
        let name = format!("x-amz-checksum-{}", algorithm.to_ascii_lowercase());
        let follows = text("x-amz-trailer").is_some_and(|trailer| trailer.eq_ignore_ascii_case(&name));
        if text(&name).is_none() && !follows {
            return Err(s3_error!(
                InvalidRequest,
                "x-amz-sdk-checksum-algorithm is {algorithm}, but there is neither {name} nor a trailer with it"
            ));
        }
    }
    if headers.contains_key("x-amz-trailer") && !payload.ends_with("-TRAILER") {
        return Err(s3_error!(
            InvalidRequest,
            "x-amz-trailer announces a trailer, but x-amz-content-sha256 does not"
        ));
    }
    if headers.contains_key("x-amz-decoded-content-length") && !payload.starts_with("STREAMING-") {
        return Err(s3_error!(
            InvalidRequest,
            "x-amz-decoded-content-length announces a body in aws-chunked, but x-amz-content-sha256 does not"
        ));
    }
    // s3s decodes only those with a signature of version 4 in a header; others would be stored with the framing.
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let is_decoded = authorization.is_some_and(|text| text.starts_with("AWS4-HMAC-SHA256"));
    if payload.starts_with("STREAMING-") && !is_decoded {
        return Err(not_implemented("a body in aws-chunked without a signature of version 4 in a header"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

    fn refused(
        operation: &str,
        uri: &'static str,
        headers: &[(&'static str, &'static str)],
    ) -> Option<S3ErrorCode> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, axum::http::HeaderValue::from_static(value));
        }
        check(operation, &Uri::from_static(uri), &map).err().map(|error| error.code().clone())
    }

    #[test]
    fn what_an_operation_does_not_accept_is_refused_and_not_ignored() {
        let not_implemented = Some(S3ErrorCode::NotImplemented);
        for (operation, uri) in [
            ("DeleteObject", "/b/k?annotation&annotationName=x"),
            ("PutObject", "/b/k?renameObject"),
            ("GetObject", "/b/k?partNumber=1&new-thing"),
            ("ListObjects", "/b?list-type=3"),
            ("GetBucketAcl", "/b?acl"),
            ("GetObject", "/b/k?Expires=1"),
            ("GetObject", "/b/k?Content-Type=text/plain"),
            ("ListObjects", "/b?Version=2006-03-02"),
        ] {
            assert_eq!(refused(operation, uri, &[]), not_implemented, "{operation} {uri}");
        }
        for header in [
            ("x-amz-acl", "public-read"),
            ("x-amz-server-side-encryption", "AES256"),
            ("x-amz-checksum-xxhash64", "AAAA"),
            ("x-amz-checksum-mode", "ENABLED"),
            ("x-amz-trailer", "x-amz-checksum-md5"),
            ("x-amz-sdk-checksum-algorithm", "XXHASH64"),
            ("x-amz-meta-", "b"),
            ("x-amz-something-new", "1"),
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ] {
            assert_eq!(refused("PutObject", "/b/k", &[header]), not_implemented, "{header:?}");
        }
    }

    #[test]
    fn what_clients_send_is_accepted() {
        let uri = "/b/k?x-id=PutObject&X-Amz-Signature=00&X-Amz-Expires=60&x-amz-acl=private";
        let headers = [
            ("x-amz-acl", "private"),
            ("x-amz-storage-class", "STANDARD"),
            ("x-amz-meta-a", "b"),
            ("x-amz-sdk-checksum-algorithm", "CRC32"),
            ("x-amz-checksum-crc32", "AAAA"),
            ("content-type", "text/plain"),
        ];
        assert_eq!(refused("PutObject", uri, &headers), None);
        assert_eq!(refused("PutObject", "/b/k?Content-Type=text/plain&Version=2006-03-01", &[]), None);
        assert_eq!(refused("GetObject", "/b/k", &[("x-amz-checksum-mode", "enabled")]), None);
        let attributes = |value| [("x-amz-optional-object-attributes", value)];
        assert_eq!(refused("ListObjectsV2", "/b?list-type=2", &attributes("RestoreStatus")), None);
        assert!(refused("ListObjectsV2", "/b?list-type=2", &attributes("Other")).is_some());
        let directive = |value| [("x-amz-metadata-directive", value)];
        assert_eq!(refused("CreateMultipartUpload", "/b/k?uploads", &directive("REPLACE")), None);
        assert!(refused("CreateMultipartUpload", "/b/k?uploads", &directive("COPY")).is_some());
    }

    #[test]
    fn a_checksum_that_is_announced_and_missing_is_an_error() {
        let invalid = Some(S3ErrorCode::InvalidRequest);
        let algorithm = ("x-amz-sdk-checksum-algorithm", "CRC32");
        assert_eq!(refused("PutObject", "/b/k", &[algorithm]), invalid);
        assert_eq!(refused("PutObject", "/b/k", &[algorithm, ("x-amz-checksum-sha1", "AAAA")]), invalid);
        assert_eq!(refused("PutObject", "/b/k", &[("x-amz-trailer", "x-amz-checksum-crc32")]), invalid);
    }
}

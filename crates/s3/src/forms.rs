//! `PostObject`: forms of browsers. `s3s` holds a form in memory before it knows who sends it, so a form has a small limit, and
//! it is read and its fields are checked here first.

use axum::{
    body::Body,
    http::{HeaderMap, Method, header, request::Parts},
};
use bytes::Bytes;
use s3s::{S3ErrorCode, S3Result, s3_error};

use crate::{allowed, error::not_implemented, idle::IDLE, scheme};

/// The largest form, with its fields and its file, in bytes.
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// The most bytes of all fields before the file.
pub(crate) const MAX_FIELDS_BYTES: usize = 64 << 10;

/// Fields that are supported. Those with user metadata are too, and those that S3 ignores.
const FIELDS: &[&str] = &[
    "acl",
    "bucket",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
    "key",
    "policy",
    "success_action_redirect",
    "success_action_status",
    "x-amz-acl",
    "x-amz-algorithm",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-signature",
    "x-amz-storage-class",
];

/// Returns whether a request is a form.
pub(crate) fn is_form(parts: &Parts) -> bool {
    // s3s takes a type with a suffix like +xml for a form too.
    let kind = content_type(&parts.headers).split([';', '+']).next().unwrap_or_default();
    parts.method == Method::POST && kind.trim().eq_ignore_ascii_case("multipart/form-data")
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Reads a form, and checks the names of its fields.
///
/// # Errors
/// `MissingContentLength`, `EntityTooLarge`, `IncompleteBody`, `RequestTimeout`, `MalformedPOSTRequest`, and those of [`field`].
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> S3Result<Bytes> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let length: u64 = length.ok_or_else(|| s3_error!(MissingContentLength))?;
    if length > MAX_BYTES as u64 {
        return Err(s3_error!(EntityTooLarge, "the form has {length} bytes; the limit is {MAX_BYTES}"));
    }
    let bytes = tokio::time::timeout(IDLE, axum::body::to_bytes(body, MAX_BYTES)).await;
    let bytes = bytes.map_err(|_| s3_error!(RequestTimeout))?;
    let bytes = bytes.map_err(|error| s3_error!(IncompleteBody, "{error}"))?;
    check(content_type(headers), &bytes)?;
    Ok(bytes)
}

/// Checks the fields before the file.
fn check(content_type: &str, form: &[u8]) -> S3Result<()> {
    let malformed = || s3_error!(MalformedPOSTRequest);
    let boundary = content_type.split(';').filter_map(|part| part.trim().split_once('='));
    let mut boundary =
        boundary.filter(|(name, _)| name.eq_ignore_ascii_case("boundary")).map(|(_, value)| value);
    let boundary = format!("\r\n--{}", boundary.next().ok_or_else(malformed)?.trim_matches('"'));
    // The first boundary has no line break before it.
    let mut rest = form.strip_prefix(&boundary.as_bytes()[2..]).ok_or_else(malformed)?;
    loop {
        rest = rest.strip_prefix(b"\r\n").ok_or_else(malformed)?;
        if form.len() - rest.len() > MAX_FIELDS_BYTES {
            return Err(s3_error!(
                MaxPostPreDataLengthExceededError,
                "the limit is {MAX_FIELDS_BYTES} bytes"
            ));
        }
        let head = find(rest, b"\r\n\r\n").ok_or_else(malformed)?;
        let name = name(&rest[..head]).ok_or_else(malformed)?;
        if name == "file" {
            return Ok(());
        }
        rest = &rest[head + 4..];
        let end = find(rest, boundary.as_bytes()).ok_or_else(malformed)?;
        field(&name, &rest[..end])?;
        rest = &rest[end + boundary.len()..];
    }
}

/// Returns the name of a field, in lowercase, from its headers.
fn name(headers: &[u8]) -> Option<String> {
    let headers = std::str::from_utf8(headers).ok()?;
    let disposition =
        headers.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    // A name in a quoted text could be taken for the name of the field.
    let lower = disposition.to_ascii_lowercase();
    if lower.matches("name=").count() != 1 + lower.matches("filename=").count() {
        return None;
    }
    let parameters = disposition.split(';').filter_map(|part| part.trim().split_once('='));
    let (_, name) = parameters.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("name"))?;
    Some(name.trim_matches('"').to_ascii_lowercase())
}

/// Checks a field.
///
/// # Errors
/// `NotImplemented` for what is not supported, like a signature of version 2; `AuthorizationQueryParametersError` for a signature
/// for another service; and the errors of [`allowed::value`].
fn field(name: &str, value: &[u8]) -> S3Result<()> {
    let is_known = FIELDS.contains(&name) || name.starts_with("x-amz-meta-") || name.starts_with("x-ignore-");
    if !is_known {
        return Err(not_implemented(&format!("a form with the field {name:?}")));
    }
    if name == "key" && find(value, b"${filename}").is_some() {
        return Err(not_implemented("a form whose key has ${filename}"));
    }
    if name == "x-amz-credential" {
        scheme::scope(&String::from_utf8_lossy(value), S3ErrorCode::AuthorizationQueryParametersError)?;
    }
    allowed::value(name, value)
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(fields: &[(&str, &str)]) -> Option<String> {
        let fields = fields.iter().map(|(name, value)| {
            format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        });
        let form = format!(
            "{}--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nbytes\r\n--B--\r\n",
            fields.collect::<String>()
        );
        let error = check("multipart/form-data; boundary=B", form.as_bytes()).err()?;
        Some(error.code().as_str().to_owned())
    }

    #[test]
    fn fields_that_are_not_supported_are_refused() {
        let known = [
            ("key", "a"),
            ("Policy", "x"),
            ("x-amz-meta-z", "1"),
            ("acl", "private"),
            ("Content-Type", "a/b"),
        ];
        assert_eq!(code(&known), None);
        for (name, value) in [
            ("acl", "public-read"),
            ("x-amz-acl", "public-read"),
            ("x-amz-server-side-encryption", "AES256"),
            ("tagging", "<Tagging/>"),
            ("x-amz-security-token", "t"),
            ("other", "1"),
            ("AWSAccessKeyId", "K"),
            ("signature", "00"),
            ("key", "up/${filename}"),
        ] {
            assert_eq!(code(&[("key", "a"), (name, value)]).as_deref(), Some("NotImplemented"), "{name}");
        }
        assert_eq!(code(&[("x-amz-storage-class", "GLACIER")]).as_deref(), Some("InvalidStorageClass"));
        assert_eq!(
            code(&[("x-amz-credential", "K/20260101/r/sts/aws4_request")]).as_deref(),
            Some("AuthorizationQueryParametersError")
        );
        let long = "x".repeat(MAX_FIELDS_BYTES);
        assert_eq!(code(&[("policy", &long)]).as_deref(), Some("MaxPostPreDataLengthExceededError"));
    }

    #[test]
    fn a_malformed_form_is_refused() {
        for form in [
            "",
            "--C\r\n",
            "--B\r\nname: x\r\n\r\ny\r\n--B--",
            "--B\r\nContent-Disposition: form-data; name=\"a\"",
        ] {
            let error = check("multipart/form-data; boundary=\"B\"", form.as_bytes()).unwrap_err();
            assert_eq!(error.code(), &s3s::S3ErrorCode::MalformedPOSTRequest, "{form}");
        }
    }
}

//! Headers that ask for what this gateway has not. They are refused in one place, so that none is ignored.

use s3s::{S3Result, s3_error};

use crate::error::not_implemented;

/// Headers that are refused with any value.
const REFUSED: [&str; 12] = [
    "x-amz-expected-bucket-owner",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-mfa",
    "x-amz-source-expected-bucket-owner",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
    "x-amz-rename-source",
];

/// Starts of the names of headers that are refused with any value.
const REFUSED_PREFIXES: [&str; 3] =
    ["x-amz-copy-source-server-side-encryption", "x-amz-object-lock-", "x-amz-server-side-encryption"];

/// Checks the headers of a request, by name and value.
///
/// # Errors
/// `NotImplemented`, `InvalidStorageClass`.
pub(crate) fn check<'h>(headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> S3Result<()> {
    for (name, value) in headers {
        let is_refused =
            REFUSED.contains(&name) || REFUSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        match name {
            _ if is_refused => return Err(not_implemented(name)),
            "x-amz-acl" if value != b"private" => return Err(not_implemented("an ACL other than private")),
            "x-amz-bucket-object-lock-enabled" if value != b"false" => return Err(not_implemented(name)),
            "x-amz-storage-class" if value != b"STANDARD" => {
                return Err(s3_error!(InvalidStorageClass, "the only storage class is STANDARD"));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use s3s::S3ErrorCode;

    use super::*;

    fn refused(name: &str, value: &str) -> Option<S3ErrorCode> {
        check([(name, value.as_bytes())].into_iter()).err().map(|error| error.code().clone())
    }

    #[test]
    fn what_is_not_supported_is_refused_and_not_ignored() {
        for (name, value) in [
            ("x-amz-acl", "public-read"),
            ("x-amz-server-side-encryption", "AES256"),
            ("x-amz-server-side-encryption-customer-key", "k"),
            ("x-amz-object-lock-mode", "GOVERNANCE"),
            ("x-amz-tagging", "a=b"),
        ] {
            assert_eq!(refused(name, value), Some(S3ErrorCode::NotImplemented), "{name}");
        }
        assert_eq!(refused("x-amz-storage-class", "GLACIER"), Some(S3ErrorCode::InvalidStorageClass));
        for (name, value) in
            [("x-amz-acl", "private"), ("x-amz-storage-class", "STANDARD"), ("x-amz-meta-a", "b")]
        {
            assert_eq!(refused(name, value), None, "{name}");
        }
    }
}

//! Buckets and objects as keys of the store.

use s3s::{S3Result, path::check_bucket_name, s3_error};
use stable_storage_api::limits::MAX_KEY_BYTES;

/// Separates the bucket from the rest of a key.
pub(crate) const DELIMITER: &str = "/";

/// Returns the prefix of all keys of a bucket. It is also the key of the marker of a bucket that was created, so that an empty
/// bucket exists.
pub(crate) fn bucket_prefix(bucket: &str) -> String {
    format!("{bucket}{DELIMITER}")
}

/// Returns the key of an object.
///
/// # Errors
/// `KeyTooLongError`.
pub(crate) fn object_key(bucket: &str, object: &str) -> S3Result<String> {
    let key = format!("{bucket}{DELIMITER}{object}");
    if key.len() as u64 > MAX_KEY_BYTES {
        let limit = MAX_KEY_BYTES as usize - bucket.len() - DELIMITER.len();
        return Err(s3_error!(
            KeyTooLongError,
            "the key has {} bytes; a key in this bucket has at most {limit}",
            object.len()
        ));
    }
    if object.is_empty() {
        return Err(s3_error!(InvalidArgument, "the key is empty"));
    }
    Ok(key)
}

/// Returns the name of an object in its bucket.
pub(crate) fn object_name<'k>(bucket: &str, key: &'k str) -> &'k str {
    key.strip_prefix(bucket).and_then(|rest| rest.strip_prefix(DELIMITER)).unwrap_or(key)
}

/// Returns the bucket of a common prefix of the whole store, if S3 allows its name.
pub(crate) fn bucket_of_prefix(prefix: &str) -> Option<&str> {
    prefix.strip_suffix(DELIMITER).filter(|name| check_bucket_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_bucket_as_their_first_segment() {
        assert_eq!(object_key("photos", "2026/a.jpg").ok().as_deref(), Some("photos/2026/a.jpg"));
        assert_eq!(object_name("photos", "photos/2026/a.jpg"), "2026/a.jpg");
        assert!(object_key("photos", &"k".repeat(1_017)).is_ok());
        let error = object_key("photos", &"k".repeat(1_018)).unwrap_err();
        assert_eq!(error.code(), &s3s::S3ErrorCode::KeyTooLongError);
        assert!(object_key("photos", "").is_err());
    }

    #[test]
    fn only_names_that_s3_allows_are_buckets() {
        assert_eq!(bucket_of_prefix("photos/"), Some("photos"));
        for other in ["Photos/", "ab/", ":s3/", "a_b/", "photos"] {
            assert_eq!(bucket_of_prefix(other), None, "{other}");
        }
    }
}

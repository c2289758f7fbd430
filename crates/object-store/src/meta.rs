//! Metadata: paths, ETags and times.

use chrono::DateTime;
use object_store::{ObjectMeta, UpdateVersion, path::Path};
use stable_storage_api::ObjectInfo;

/// Start of the keys that are kept for multipart uploads, and that are not listed.
pub(crate) const RESERVED: &str = ":multipart/";

/// Start of the keys of the S3 gateway's multipart uploads, which are not listed either.
const RESERVED_BY_S3: &str = ":s3/";

/// Returns the ETag of a revision.
pub(crate) fn e_tag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// Returns the revision that an ETag or a version names, if it is one of this store.
fn revision(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    digits.parse().ok().filter(|revision: &u64| revision.to_string() == digits)
}

/// Returns the revision that an update requires, or `None` if no object can have that ETag and version.
pub(crate) fn required(version: &UpdateVersion) -> Option<u64> {
    let named = [&version.e_tag, &version.version];
    let mut revisions = named.into_iter().flatten().map(|text| revision(text));
    let first = revisions.next()??;
    revisions.all(|other| other == Some(first)).then_some(first)
}

/// Returns the path of a key, if there is one with exactly this text.
pub(crate) fn path(key: &str) -> Option<Path> {
    let is_path = |path: &Path| path.as_ref() == key && !key.is_empty();
    Path::parse(key)
        .ok()
        .filter(is_path)
        .filter(|_| ![RESERVED, RESERVED_BY_S3].iter().any(|reserved| key.starts_with(reserved)))
}

/// Returns the metadata of an object at a path.
pub(crate) fn meta(location: Path, info: &ObjectInfo) -> ObjectMeta {
    let time = i64::try_from(info.modified_ns).unwrap_or(i64::MAX);
    ObjectMeta {
        location,
        last_modified: DateTime::from_timestamp_nanos(time),
        size: info.size,
        e_tag: Some(e_tag(info.revision)),
        version: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(e_tag: Option<&str>, version: Option<&str>) -> Option<u64> {
        required(&UpdateVersion { e_tag: e_tag.map(Into::into), version: version.map(Into::into) })
    }

    #[test]
    fn an_update_requires_the_revision_of_its_e_tag_or_version() {
        assert_eq!(of(Some(&e_tag(7)), None), Some(7));
        assert_eq!(of(Some("7"), Some("\"7\"")), Some(7));
        assert_eq!(of(None, Some("7")), Some(7));
        for (e_tag, version) in [
            (None, None),
            (Some("7"), Some("8")),
            (Some("7"), Some("x")),
            (Some("07"), None),
            (Some("*"), None),
        ] {
            assert_eq!(of(e_tag, version), None, "{e_tag:?} {version:?}");
        }
    }

    #[test]
    fn only_keys_that_a_path_expresses_have_one() {
        for key in ["a", "a/b", "a b", "ä/%20"] {
            assert_eq!(path(key).map(String::from).as_deref(), Some(key));
        }
        for key in ["", "a/", "/a", "a//b", "a/../b", "a\u{1}", ":multipart/uploads/a", ":s3/parts/a"] {
            assert_eq!(path(key), None, "{key:?}");
        }
    }
}

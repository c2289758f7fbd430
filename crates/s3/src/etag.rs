//! ETags.
//!
//! S3 clients take an ETag of 32 hexadecimal digits for the MD5 of the bytes, and one with a hyphen for something else. So an
//! object whose MD5 is not known has an ETag with a hyphen, made of its SHA-256 or else of its revision.

use std::ops::Range;

use md5::{Digest, Md5};
use s3s::dto::ETag;
use stable_storage_api::{MetadataPair, ObjectInfo, headers};

/// Number of hexadecimal digits of an MD5.
const DIGITS: usize = 32;

/// Returns the ETag of an object.
pub(crate) fn of(info: &ObjectInfo) -> ETag {
    let digest = info.sha256.as_ref().map(|sha256| sha256.digest.as_slice());
    ETag::Strong(match recorded(info) {
        Some(etag) => etag.clone(),
        None => without_md5(digest, info.revision),
    })
}

/// Returns the ETag that was recorded with an object.
pub(crate) fn recorded(info: &ObjectInfo) -> Option<&String> {
    let pair = info.metadata.iter().flatten().find(|pair| pair.name == headers::ETAG);
    // A value of another tool may be none that the header can have.
    pair.map(|pair| &pair.value).filter(|etag| is_etag(etag))
}

fn is_etag(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')
}

/// Returns whether an object was uploaded in parts: then its recorded ETag has their number.
pub(crate) fn is_of_parts(info: &ObjectInfo) -> bool {
    recorded(info).is_some_and(|etag| etag.contains('-'))
}

/// Returns the ETag of an object whose MD5 is not known.
pub(crate) fn without_md5(sha256: Option<&[u8]>, revision: u64) -> String {
    match sha256.map(hex::encode) {
        Some(digits) => format!("{}-1", &digits[..DIGITS.min(digits.len())]),
        None => format!("{revision:032x}-1"),
    }
}

/// Returns the ETag of a range of an object, whose MD5 is not known: made of the ETag of the object and the range.
pub(crate) fn of_range(info: &ObjectInfo, range: &Range<u64>) -> String {
    let mut hash = Md5::new();
    hash.update(of(info).value());
    hash.update(range.start.to_le_bytes());
    hash.update(range.end.to_le_bytes());
    format!("{}-1", hex::encode(hash.finalize()))
}

/// Returns the pair that records an ETag.
pub(crate) fn pair(etag: &str) -> MetadataPair {
    MetadataPair::new(headers::ETAG, etag)
}

/// Returns the ETag of an object that was uploaded in parts: the MD5 of their MD5s, and their number.
pub(crate) fn of_parts<'p>(parts: impl IntoIterator<Item = &'p str>) -> String {
    let (mut hash, mut count) = (Md5::new(), 0);
    for part in parts {
        // That of a copied part has a hyphen after its digits.
        let digits = part.split('-').next().unwrap_or_default();
        hash.update(hex::decode(digits).unwrap_or_default());
        count += 1;
    }
    format!("{}-{count}", hex::encode(hash.finalize()))
}

/// Returns a value as long as the longest ETag of an object in at most this many parts.
pub(crate) fn longest_of_parts(most: i32) -> String {
    format!("{}-{most}", "0".repeat(DIGITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts are the bytes 1 and 2; the values were computed with `md5sum`.
    #[test]
    fn the_etag_of_parts_is_the_md5_of_their_md5s() {
        let parts = ["55a54008ad1ba589aa210d2629c1df41", "9e688c58a5487b8eaf69c9e1005ad0bf"];
        assert_eq!(of_parts(parts), "89f278b82eac50fe5ffa10996a93343b-2");
        let copied = parts.map(|part| format!("{part}-1"));
        assert_eq!(of_parts(copied.each_ref().map(String::as_str)), of_parts(parts));
        assert_ne!(of_parts([copied[1].as_str(), copied[0].as_str()]), of_parts(parts));
    }

    #[test]
    fn an_etag_that_is_no_md5_has_a_hyphen() {
        assert_eq!(without_md5(Some(&[0xab; 32]), 7), format!("{}-1", "ab".repeat(16)));
        assert_eq!(without_md5(None, 7), format!("{:032x}-1", 7));
    }
}

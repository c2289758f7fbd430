//! The checksums of a part, which are kept in its key: they are known when the part has arrived, and a completion and a listing
//! need them.
//!
//! ```text
//! ETAG,crc32=HEX,sha256=HEX
//! ```

use base64::{Engine, engine::general_purpose::STANDARD};
use s3s::{
    S3Result,
    dto::{Checksum, CompletedPart},
    s3_error,
};

use crate::sums::{FIELDS, algorithm_of};

/// Returns the name of a part with an ETag and the checksums that its client gave.
pub(crate) fn name(etag: &str, sums: &Checksum) -> String {
    let mut sums = sums.clone();
    FIELDS.iter().fold(etag.to_owned(), |name, (header, field)| {
        let digest = field(&mut sums).as_ref().and_then(|sum| STANDARD.decode(sum).ok());
        match digest {
            Some(digest) => format!("{name},{}={}", algorithm_of(header), hex::encode(digest)),
            None => name,
        }
    })
}

/// Returns ETag and checksums from the name of a part.
pub(crate) fn parse(name: &str) -> (&str, Checksum) {
    let mut parts = name.split(',');
    let etag = parts.next().unwrap_or_default();
    let mut sums = Checksum::default();
    for (algorithm, digest) in parts.filter_map(|part| part.split_once('=')) {
        let known = FIELDS.iter().find(|(header, _)| algorithm_of(header) == algorithm);
        if let (Some((_, field)), Ok(digest)) = (known, hex::decode(digest)) {
            *field(&mut sums) = Some(STANDARD.encode(digest));
        }
    }
    (etag, sums)
}

/// Checks the checksums that a completion lists of a part.
///
/// # Errors
/// `InvalidPart` for one that the part has not, or was not uploaded with.
pub(crate) fn check(listed: &CompletedPart, stored: &Checksum) -> S3Result<()> {
    let mut expected = Checksum::default();
    expected.checksum_crc32.clone_from(&listed.checksum_crc32);
    expected.checksum_crc32c.clone_from(&listed.checksum_crc32c);
    expected.checksum_crc64nvme.clone_from(&listed.checksum_crc64nvme);
    expected.checksum_sha1.clone_from(&listed.checksum_sha1);
    expected.checksum_sha256.clone_from(&listed.checksum_sha256);
    let mut stored = stored.clone();
    for (header, field) in FIELDS {
        match (field(&mut expected), field(&mut stored)) {
            (Some(expected), stored) if stored.as_ref() != Some(expected) => {
                return Err(s3_error!(
                    InvalidPart,
                    "{header} of part {} is {}, and not {expected}",
                    listed.part_number.unwrap_or_default(),
                    stored.as_deref().unwrap_or("not known, because the part was uploaded without it")
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_part_has_its_checksums() {
        let sums = Checksum {
            checksum_crc32: Some("NhCmhg==".to_owned()),
            checksum_sha1: Some("qvTGHdzF6KLavt4PO0gs2a6pQ00=".to_owned()),
            ..Default::default()
        };
        let name = name("5d41-1", &sums);
        assert_eq!(name, "5d41-1,crc32=3610a686,sha1=aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
        assert_eq!(parse(&name), ("5d41-1", sums.clone()));
        assert_eq!(parse("5d41"), ("5d41", Checksum::default()));
        let listed =
            |crc32: &str| CompletedPart { checksum_crc32: Some(crc32.to_owned()), ..Default::default() };
        assert!(check(&CompletedPart::default(), &sums).is_ok());
        assert!(check(&listed("NhCmhg=="), &sums).is_ok());
        assert!(check(&listed("AAAAAA=="), &sums).is_err());
        assert!(check(&listed("NhCmhg=="), &Checksum::default()).is_err());
    }
}

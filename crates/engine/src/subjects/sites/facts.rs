//! What responses need to know of an object, and its entity tag.

use std::cell::OnceCell;
use std::fmt;

use stable_storage_api::limits::HTTP_PIECE_BYTES;
use stable_storage_api::{ChecksumState, ObjectInfo};

use super::digest::sha256;
use crate::structures::hash_tree::Digest;

/// Name of the pair of user metadata that becomes the header of the same name.
pub(crate) const DISPOSITION: &str = "content-disposition";

/// What a response needs to know of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) size: u64,
    pub(crate) revision: u64,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) content_encoding: Option<&'a str>,
    /// Value of the user metadata [`DISPOSITION`].
    pub(crate) disposition: Option<&'a str>,
    pub(crate) hashes: Hashes<'a>,
}

/// The hashes of an object's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hashes<'a> {
    /// They are not computed, so the object is not certified.
    Unknown,
    /// SHA-256 of an object of at most one piece.
    Whole(Digest),
    /// SHA-256 of each piece of a larger object.
    Pieces(&'a [Digest]),
}

impl<'a> Facts<'a> {
    /// Takes the facts from the metadata of an object, and the hashes of its pieces, if it is larger than one piece and they are
    /// computed.
    pub(crate) fn of(info: &'a ObjectInfo, pieces: Option<&'a [Digest]>) -> Self {
        let pairs = info.metadata.as_deref().unwrap_or_default();
        let verified = info.sha256.as_ref().filter(|sha256| sha256.state == ChecksumState::Verified);
        let whole =
            verified.and_then(|sha256| sha256.digest[..].try_into().ok()).filter(|_| !is_large(info.size));
        Self {
            size: info.size,
            revision: info.revision,
            content_type: info.content_type.as_deref(),
            content_encoding: info.content_encoding.as_deref(),
            disposition: pairs.iter().find(|pair| pair.name == DISPOSITION).map(|pair| &*pair.value),
            hashes: pieces.map(Hashes::Pieces).or(whole.map(Hashes::Whole)).unwrap_or(Hashes::Unknown),
        }
    }

    /// Returns whether the object is larger than one piece.
    pub(crate) fn is_large(&self) -> bool {
        is_large(self.size)
    }

    /// Returns whether the object has everything that certification needs.
    pub(crate) fn is_certifiable(&self) -> bool {
        match self.hashes {
            Hashes::Unknown => false,
            Hashes::Whole(_) => !self.is_large(),
            Hashes::Pieces(pieces) => {
                self.is_large() && pieces.len() as u64 == self.size.div_ceil(HTTP_PIECE_BYTES)
            }
        }
    }

    /// Returns the entity tag: from the hashes, or from the revision while they are unknown.
    pub(crate) fn etag(&self) -> Etag {
        match self.hashes {
            Hashes::Whole(digest) => Etag::new(format!("\"{}\"", Hex(&digest))),
            Hashes::Pieces(pieces) => Etag::new(format!("\"p{}\"", Hex(&sha256(pieces.as_flattened())))),
            Hashes::Unknown => Etag::new(format!("\"r{}\"", self.revision)),
        }
    }
}

fn is_large(size: u64) -> bool {
    size > HTTP_PIECE_BYTES
}

/// Bytes, shown in hexadecimal.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(2 * self.0.len());
        let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
        self.0.iter().for_each(|byte| text.extend([digit(byte >> 4), digit(byte & 15)]));
        f.write_str(&text)
    }
}

/// Entity tag with its quotes; its hash is computed once for all responses that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Etag {
    text: String,
    hash: OnceCell<Digest>,
}

impl Etag {
    pub(crate) fn new(text: String) -> Self {
        Self { text, hash: OnceCell::new() }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the SHA-256 of the text.
    pub(crate) fn hash(&self) -> &Digest {
        self.hash.get_or_init(|| sha256(self.text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use stable_storage_api::{Checksum, MetadataPair};

    use super::*;

    #[test]
    fn facts_are_those_of_the_object() {
        let digest = sha256(b"body");
        let mut info = ObjectInfo {
            key: "k".into(),
            size: 4,
            revision: 9,
            content_type: Some("a/b".into()),
            content_encoding: None,
            metadata: Some(vec![MetadataPair::new("x", "y"), MetadataPair::new(DISPOSITION, "inline")]),
            owner: None,
            created_ns: 0,
            modified_ns: 0,
            sha256: Some(Checksum { digest: digest.to_vec().into(), state: ChecksumState::Verified }),
        };
        let facts = Facts::of(&info, None);
        assert_eq!(
            (facts.size, facts.revision, facts.content_type, facts.disposition),
            (4, 9, Some("a/b"), Some("inline"))
        );
        assert!(facts.is_certifiable());
        assert_eq!(
            facts.etag().as_str(),
            "\"230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5\""
        );
        info.sha256 = Some(Checksum { digest: digest.to_vec().into(), state: ChecksumState::Declared });
        assert_eq!(
            (Facts::of(&info, None).hashes, Facts::of(&info, None).etag().as_str()),
            (Hashes::Unknown, "\"r9\"")
        );
        // An object of one piece has the digest of the whole.
        info.size = HTTP_PIECE_BYTES;
        assert!(!Facts::of(&info, None).is_large());
        info.size = HTTP_PIECE_BYTES + 1;
        assert!(Facts::of(&info, None).is_large());
        assert!(
            !Facts::of(&info, None).is_certifiable() && !Facts::of(&info, Some(&[[0; 32]])).is_certifiable()
        );
        let pieces = [[0; 32]; 2];
        let facts = Facts::of(&info, Some(&pieces));
        assert!(facts.is_certifiable() && facts.etag().as_str().starts_with("\"p"));
    }
}

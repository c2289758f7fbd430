//! Optional fields of an object, besides its value, its revision and its times. Only fields that are present
//! use space.
//!
//! # Layout v1
//!
//! The fields follow each other in the order of their tags, each at most once:
//!
//! ```text
//! bytes  field
//!     1  tag
//!   1-2  length of the content (LEB128)
//!     n  content
//!
//! tag    content
//!   1    content type: text
//!   2    content encoding: text
//!   3    user metadata: for each pair the length of the name (LEB128), the name, the length of the value, the value
//!   4    owner: principal of the writer, unless it was an admin
//!   5    expiry: nanoseconds since 1970 (8 bytes); recorded, but not enforced yet
//!   6    SHA-256 (32), and its state (1): 0 declared, 1 verified, 2 mismatch
//!   7    verification in progress: bytes hashed so far (8), and the state of the hash function: eight u32 (32)
//! ```

use candid::Principal;
use serde_bytes::ByteBuf;
use stable_storage_api::limits::{MAX_METADATA_BYTES, MAX_METADATA_PAIRS};
use stable_storage_api::{Checksum, ChecksumState, Error, MetadataPair};

use crate::base::codec::{Reader, number_bytes, put_bytes};

const CONTENT_TYPE: u8 = 1;
const CONTENT_ENCODING: u8 = 2;
const PAIRS: u8 = 3;
const OWNER: u8 = 4;
const EXPIRY: u8 = 5;
const DIGEST: u8 = 6;
const PROGRESS: u8 = 7;

const DIGEST_BYTES: u64 = 32 + 1;
const PROGRESS_BYTES: u64 = 8 + 32;

/// Two lengths of at most two bytes each.
const MOST_AROUND_PAIR: u64 = 2 * 2;

/// Largest size of stored user metadata, in bytes.
pub(crate) const MAX_PAIRS_BYTES: u64 = MAX_METADATA_BYTES + MAX_METADATA_PAIRS * MOST_AROUND_PAIR;

/// A SHA-256 and the state of its verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) bytes: [u8; 32],
    pub(crate) state: ChecksumState,
}

impl Digest {
    /// Creates a digest that the writer declared.
    pub(crate) fn declared(bytes: [u8; 32]) -> Self {
        Self { bytes, state: ChecksumState::Declared }
    }

    /// Returns the digest that the object has as far as anybody knows: none if the store computed another one.
    pub(super) fn held(&self) -> Option<&[u8; 32]> {
        (self.state != ChecksumState::Mismatch).then_some(&self.bytes)
    }

    pub(super) fn checksum(self) -> Checksum {
        Checksum { digest: ByteBuf::from(self.bytes), state: self.state }
    }
}

/// Progress of the computation of a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HashProgress {
    /// Number of bytes hashed: a multiple of 64.
    pub(crate) hashed: u64,
    /// State of the compression function.
    pub(crate) state: [u32; 8],
}

/// User metadata: pairs of a name and a value, in their stored form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs<'a>(pub(crate) &'a [u8]);

impl<'a> Pairs<'a> {
    /// Encodes pairs. An empty list has no bytes and allocates nothing.
    pub(crate) fn encode<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, value) in pairs {
            put_bytes(&mut bytes, name.as_bytes());
            put_bytes(&mut bytes, value.as_bytes());
        }
        bytes
    }

    /// Decodes the pairs; `None` if there is none.
    pub(crate) fn decode(self) -> Result<Option<Vec<MetadataPair>>, Error> {
        let mut reader = Reader(self.0);
        let mut pairs = Vec::new();
        while !reader.0.is_empty() {
            let pair = reader.text().zip(reader.text());
            let (name, value) = pair.ok_or_else(|| corrupted("the user metadata of an object"))?;
            pairs.push(MetadataPair::new(name, value));
        }
        Ok((!pairs.is_empty()).then_some(pairs))
    }
}

/// Optional fields of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata<'a> {
    pub(crate) content_type: Option<&'a str>,
    pub(crate) content_encoding: Option<&'a str>,
    pub(crate) pairs: Pairs<'a>,
    pub(crate) owner: Option<Principal>,
    pub(crate) expires_ns: Option<u64>,
    pub(crate) digest: Option<Digest>,
    /// Progress of a verification.
    pub(crate) progress: Option<HashProgress>,
}

impl<'a> Metadata<'a> {
    /// Returns whether the digest of the bytes has been computed.
    pub(crate) fn has_verdict(&self) -> bool {
        self.digest.is_some_and(|digest| digest.state != ChecksumState::Declared)
    }

    /// Returns the number of bytes in the stored form.
    pub(super) fn encoded_bytes(&self) -> usize {
        let field = |bytes: Option<usize>| bytes.map_or(0, |bytes| 1 + number_bytes(bytes as u64) + bytes);
        field(self.content_type.map(str::len))
            + field(self.content_encoding.map(str::len))
            + field((!self.pairs.0.is_empty()).then_some(self.pairs.0.len()))
            + field(self.owner.map(|owner| owner.as_slice().len()))
            + field(self.expires_ns.map(|_| 8))
            + field(self.digest.map(|_| DIGEST_BYTES as usize))
            + field(self.progress.map(|_| PROGRESS_BYTES as usize))
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        let mut field = |tag: u8, content: &[u8]| {
            bytes.push(tag);
            put_bytes(bytes, content);
        };
        if let Some(text) = self.content_type {
            field(CONTENT_TYPE, text.as_bytes());
        }
        if let Some(text) = self.content_encoding {
            field(CONTENT_ENCODING, text.as_bytes());
        }
        if !self.pairs.0.is_empty() {
            field(PAIRS, self.pairs.0);
        }
        if let Some(owner) = &self.owner {
            field(OWNER, owner.as_slice());
        }
        if let Some(expires_ns) = self.expires_ns {
            field(EXPIRY, &expires_ns.to_le_bytes());
        }
        if let Some(Digest { bytes, state }) = self.digest {
            let mut content = [0; DIGEST_BYTES as usize];
            content[..32].copy_from_slice(&bytes);
            content[32] = state_code(state);
            field(DIGEST, &content);
        }
        if let Some(HashProgress { hashed, state }) = self.progress {
            let mut content = [0; PROGRESS_BYTES as usize];
            content[..8].copy_from_slice(&hashed.to_le_bytes());
            content[8..].copy_from_slice(state.map(u32::to_le_bytes).as_flattened());
            field(PROGRESS, &content);
        }
    }

    /// Decodes the fields of an object of `size` bytes.
    pub(super) fn decode(fields: &'a [u8], size: u64) -> Result<Self, Error> {
        let (mut metadata, mut last) = (Self::default(), 0);
        let mut reader = Reader(fields);
        while let Some(tag) = reader.byte() {
            let content = reader.bytes().filter(|_| tag > last);
            let known = content.and_then(|content| metadata.set(tag, content));
            known.ok_or_else(|| corrupted("the metadata of an object"))?;
            last = tag;
        }
        match metadata.progress {
            Some(HashProgress { hashed, .. }) if hashed > size || !hashed.is_multiple_of(64) => {
                Err(Error::corrupted(
                    "the verification of an object has hashed more bytes than the object has",
                    hashed,
                ))
            }
            _ => Ok(metadata),
        }
    }

    /// Sets a field from its content. Returns `None` if the content is invalid.
    fn set(&mut self, tag: u8, content: &'a [u8]) -> Option<()> {
        let text = || std::str::from_utf8(content).ok().filter(|text| !text.is_empty());
        let mut fields = Reader(content);
        match tag {
            CONTENT_TYPE => self.content_type = Some(text()?),
            CONTENT_ENCODING => self.content_encoding = Some(text()?),
            PAIRS if !content.is_empty() => self.pairs = Pairs(content),
            OWNER => self.owner = Some(Principal::try_from_slice(content).ok()?),
            EXPIRY => self.expires_ns = Some(u64::from_le_bytes(content.try_into().ok()?)),
            DIGEST if content.len() as u64 == DIGEST_BYTES => {
                let (bytes, code) = (fields.array()?, fields.byte()?);
                self.digest = Some(Digest { bytes, state: state_of(code)? });
            }
            PROGRESS if content.len() as u64 == PROGRESS_BYTES => {
                let hashed = fields.u64()?;
                let (words, _) = fields.0.as_chunks();
                let state = std::array::from_fn(|index| u32::from_le_bytes(words[index]));
                self.progress = Some(HashProgress { hashed, state });
            }
            _ => return None,
        }
        Some(())
    }
}

fn corrupted(what: &str) -> Error {
    Error::corrupted(format!("{what} cannot be read"), 0)
}

fn state_code(state: ChecksumState) -> u8 {
    match state {
        ChecksumState::Declared => 0,
        ChecksumState::Verified => 1,
        ChecksumState::Mismatch => 2,
    }
}

fn state_of(code: u8) -> Option<ChecksumState> {
    [ChecksumState::Declared, ChecksumState::Verified, ChecksumState::Mismatch]
        .get(usize::from(code))
        .copied()
}

#[cfg(test)]
mod tests {
    use stable_storage_api::limits::{MAX_CONTENT_ENCODING_BYTES, MAX_CONTENT_TYPE_BYTES};

    use super::*;

    /// Largest size of the fields: each has a tag, a length of two bytes, and its content.
    const MAX_FIELDS_BYTES: u64 = 7 * (1 + 2)
        + MAX_CONTENT_TYPE_BYTES
        + MAX_CONTENT_ENCODING_BYTES
        + MAX_PAIRS_BYTES
        + Principal::MAX_LENGTH_IN_BYTES as u64
        + 8
        + DIGEST_BYTES
        + PROGRESS_BYTES;

    fn everything(pairs: &[u8]) -> Metadata<'_> {
        Metadata {
            content_type: Some("a/b"),
            content_encoding: Some("br"),
            pairs: Pairs(pairs),
            owner: Some(Principal::from_slice(&[7; 3])),
            expires_ns: Some(0x0102_0304_0506_0708),
            digest: Some(Digest { bytes: [9; 32], state: ChecksumState::Mismatch }),
            progress: Some(HashProgress { hashed: 64, state: [0x0a0b_0c0d; 8] }),
        }
    }

    fn encoded(metadata: &Metadata<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        metadata.encode(&mut bytes);
        assert_eq!(bytes.len(), metadata.encoded_bytes());
        bytes
    }

    #[test]
    fn encoding_matches_the_layout_table() {
        let pairs = Pairs::encode([("n", "v")].into_iter());
        let mut expected = b"\x01\x03a/b\x02\x02br\x03\x04\x01n\x01v\x04\x03\x07\x07\x07".to_vec();
        expected.extend(b"\x05\x08\x08\x07\x06\x05\x04\x03\x02\x01");
        expected.extend([[6, 33].as_slice(), &[9; 32], &[2, 7, 40, 64, 0, 0, 0, 0, 0, 0, 0]].concat());
        expected.extend([0x0d, 0x0c, 0x0b, 0x0a].repeat(8));
        assert_eq!(encoded(&everything(&pairs)), expected);
        assert!(encoded(&Metadata::default()).is_empty());
    }

    #[test]
    fn metadata_round_trips_and_truncations_are_detected() {
        let pairs = Pairs::encode([("name", "value"), ("other", "")].into_iter());
        let all = everything(&pairs);
        let bytes = encoded(&all);
        assert_eq!(Metadata::decode(&bytes, 64), Ok(all));
        let expected = [("name", "value"), ("other", "")].map(|(name, value)| MetadataPair::new(name, value));
        assert_eq!(all.pairs.decode(), Ok(Some(expected.to_vec())));
        assert_eq!(Pairs::default().decode(), Ok(None));
        let ends: Vec<_> =
            (0..bytes.len()).filter(|end| Metadata::decode(&bytes[..*end], 64).is_ok()).collect();
        assert_eq!(ends.len(), 7, "a prefix is valid only at the end of a field: {ends:?}");
        // A pair has eleven bytes here.
        for length in 1..pairs.len() {
            assert_eq!(Pairs(&pairs[..length]).decode().is_ok(), length == 11, "{length} bytes");
        }
    }

    #[test]
    fn invalid_fields_are_corruption() {
        let is_refused = |bytes: &[u8]| matches!(Metadata::decode(bytes, 64), Err(Error::Corrupted { .. }));
        assert!(is_refused(b"\x02\x01a\x01\x01b") && is_refused(b"\x01\x01a\x01\x01b"), "out of order");
        assert!(is_refused(b"\x00\x01a") && is_refused(b"\x08\x01a"), "unknown");
        assert!(is_refused(b"\x01\x00") && is_refused(b"\x03\x00") && is_refused(b"\x01\x01\xff"));
        assert!(is_refused(&[[4, 30].as_slice(), &[0; 30]].concat()), "no principal is that long");
        assert!(is_refused(b"\x05\x07\0\0\0\0\0\0\0"));
        assert!(is_refused(&[[6, 33].as_slice(), &[0; 32], &[3]].concat()), "no state of a digest");
        let hashed = |hashed: u64| [[7, 40].as_slice(), &hashed.to_le_bytes(), &[0; 32]].concat();
        assert!(!is_refused(&hashed(64)) && is_refused(&hashed(63)) && is_refused(&hashed(128)));
    }

    #[test]
    fn the_largest_metadata_matches_its_constant() {
        let text = |bytes| "x".repeat(bytes as usize);
        let each = MAX_METADATA_BYTES / MAX_METADATA_PAIRS;
        let pairs = vec![(text(1), text(each - 1)); MAX_METADATA_PAIRS as usize];
        let pairs = Pairs::encode(pairs.iter().map(|(name, value)| (&**name, &**value)));
        let (kind, encoding) = (text(MAX_CONTENT_TYPE_BYTES), text(MAX_CONTENT_ENCODING_BYTES));
        let most = Metadata {
            content_type: Some(&kind),
            content_encoding: Some(&encoding),
            owner: Some(Principal::from_slice(&[1; 29])),
            ..everything(&pairs)
        };
        let bytes = encoded(&most).len() as u64;
        assert!(bytes <= MAX_FIELDS_BYTES && bytes + 60 > MAX_FIELDS_BYTES, "{bytes} of {MAX_FIELDS_BYTES}");
    }

    #[test]
    fn a_digest_and_a_progress_of_another_length_are_refused() {
        let bytes = [1; 64];
        for length in 0..bytes.len() {
            let set = |tag| Metadata::default().set(tag, &bytes[..length]).is_some();
            assert_eq!(set(DIGEST), length as u64 == DIGEST_BYTES, "{length}");
            assert_eq!(set(PROGRESS), length as u64 == PROGRESS_BYTES, "{length}");
        }
    }
}

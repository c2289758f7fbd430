//! What the index holds under a key: metadata, and the value or where it lies.
//!
//! # Layout v1
//!
//! ```text
//! offset  bytes  field
//!      0      1  kind: 0 the value follows inline, 1 it is one extent of the arena, 2 it is the extents of a table
//!      1      1  length of the content type, 0 where there is none
//!      2      1  flags: bit 0 there is a digest, bit 1 it is being verified
//!      3      1  reserved, zero
//!      4      8  size of the value
//!     12      8  revision
//!     20      8  created, nanoseconds since 1970
//!     28      8  modified, nanoseconds since 1970
//!     36      n  content type
//!             8  offset of the extent (kind 1) or of the extent that holds the table (kind 2)
//!            33  SHA-256, and its state: 0 declared, 1 verified, 2 mismatch (flag 0)
//!            40  bytes hashed so far, and the state of the hash function: eight u32 (flag 1)
//!             4  CRC-32 of everything above
//!             -  the value (kind 0 only)
//! ```
//!
//! The checksum covers the metadata and not the value, inline or not: what a value should be is for its writer to say.

use ic_stable_structures::storable::Bound;
use serde_bytes::ByteBuf;
use storage_api::{Checksum, ChecksumState, Error, ObjectInfo, limits::MAX_CONTENT_TYPE_BYTES};

use super::table::Table;
use crate::arena::{Extent, MAX_EXTENT_BYTES};
use crate::btree::storable_bytes;
use crate::checksum::{CRC_BYTES, Fields, is_sealed, seal};

const KIND_AT: usize = 0;
const CONTENT_TYPE_LEN_AT: usize = KIND_AT + 1;
const FLAGS_AT: usize = CONTENT_TYPE_LEN_AT + 1;
const RESERVED_AT: usize = FLAGS_AT + 1;
const SIZE_AT: usize = RESERVED_AT + 1;
const CONTENT_TYPE_AT: usize = SIZE_AT + 4 * 8;
const EXTENT_BYTES: usize = 8;
const DIGEST_BYTES: usize = 32 + 1;
const PROGRESS_BYTES: usize = 8 + 32;

const _: () = assert!(CONTENT_TYPE_AT == 36);

/// The most bytes that an entry has besides an inline value.
pub(crate) const MAX_METADATA_BYTES: u64 = MAX_CONTENT_TYPE_BYTES
    + (CONTENT_TYPE_AT + EXTENT_BYTES + DIGEST_BYTES + PROGRESS_BYTES + CRC_BYTES) as u64;

const INLINE: u8 = 0;
const ONE_EXTENT: u8 = 1;
const TABLE: u8 = 2;

const HAS_DIGEST: u8 = 1;
const IS_BEING_VERIFIED: u8 = 2;

/// Where the bytes of a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body<'a> {
    Inline(&'a [u8]),
    Extent(Extent),
    Table(Table),
}

/// A SHA-256 and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) bytes: [u8; 32],
    pub(crate) state: ChecksumState,
}

/// How far the computation of a SHA-256 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HashProgress {
    /// Bytes hashed so far: a multiple of 64.
    pub(crate) hashed: u64,
    /// The state of the compression function.
    pub(crate) state: [u32; 8],
}

/// An entry, either about to be stored or checked after it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) size: u64,
    pub(crate) revision: u64,
    pub(crate) created_ns: u64,
    pub(crate) modified_ns: u64,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) digest: Option<Digest>,
    /// Where a verification has got to.
    pub(crate) progress: Option<HashProgress>,
    pub(crate) body: Body<'a>,
}

/// What a change needs to know of the object that is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present {
    pub(crate) size: u64,
    pub(crate) revision: u64,
    pub(crate) created_ns: u64,
    pub(crate) holding: Holding,
}

/// What an object takes in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holding {
    Nothing,
    Extent(Extent),
    Table(Table),
}

impl<'a> Entry<'a> {
    pub(crate) fn present(&self) -> Present {
        let holding = match self.body {
            Body::Inline(_) => Holding::Nothing,
            Body::Extent(extent) => Holding::Extent(extent),
            Body::Table(table) => Holding::Table(table),
        };
        Present { size: self.size, revision: self.revision, created_ns: self.created_ns, holding }
    }

    pub(crate) fn encode(&self) -> RawEntry {
        let content_type = self.content_type.unwrap_or("");
        let content_type_len =
            u8::try_from(content_type.len()).expect("the length of a content type was checked");
        let (kind, extent, inline) = match self.body {
            Body::Inline(value) => (INLINE, None, value),
            Body::Extent(extent) => (ONE_EXTENT, Some(extent), [].as_slice()),
            Body::Table(table) => (TABLE, Some(table.extent()), [].as_slice()),
        };
        let flags = if self.digest.is_some() { HAS_DIGEST } else { 0 }
            | if self.progress.is_some() { IS_BEING_VERIFIED } else { 0 };
        let mut bytes = Vec::with_capacity(MAX_METADATA_BYTES as usize + inline.len());
        bytes.extend([kind, content_type_len, flags, 0]);
        for number in [self.size, self.revision, self.created_ns, self.modified_ns] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(content_type.as_bytes());
        bytes.extend(extent.iter().flat_map(|extent| extent.offset().to_le_bytes()));
        if let Some(digest) = self.digest {
            bytes.extend(digest.bytes);
            bytes.push(state_code(digest.state));
        }
        if let Some(progress) = self.progress {
            bytes.extend(progress.hashed.to_le_bytes());
            bytes.extend(progress.state.iter().flat_map(|word| word.to_le_bytes()));
        }
        bytes.extend([0; CRC_BYTES]);
        seal(&mut bytes);
        bytes.extend(inline);
        RawEntry(bytes)
    }

    pub(crate) fn info(&self, key: String) -> ObjectInfo {
        let sha256 =
            self.digest.map(|digest| Checksum { digest: ByteBuf::from(digest.bytes), state: digest.state });
        ObjectInfo {
            key,
            size: self.size,
            revision: self.revision,
            content_type: self.content_type.map(str::to_owned),
            created_ns: self.created_ns,
            modified_ns: self.modified_ns,
            sha256,
        }
    }
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

/// The bytes of an entry as the index gives them, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawEntry(Vec<u8>);

impl RawEntry {
    /// Checks and decodes.
    pub(crate) fn decode(&self) -> Result<Entry<'_>, Error> {
        let bytes = self.0.as_slice();
        let &[kind, content_type_len, flags, reserved, ..] = bytes else {
            return Err(Error::corrupted("an entry of the object index is too short", bytes.len() as u64));
        };
        let content_type_len = usize::from(content_type_len);
        let extent_bytes = if kind == INLINE { 0 } else { EXTENT_BYTES };
        let digest_bytes = if flags & HAS_DIGEST == 0 { 0 } else { DIGEST_BYTES };
        let progress_bytes = if flags & IS_BEING_VERIFIED == 0 { 0 } else { PROGRESS_BYTES };
        let sealed_end =
            CONTENT_TYPE_AT + content_type_len + extent_bytes + digest_bytes + progress_bytes + CRC_BYTES;
        let Some(metadata) = bytes.get(..sealed_end) else {
            return Err(Error::corrupted("an entry of the object index is cut off", bytes.len() as u64));
        };
        if !is_sealed(metadata) || kind > TABLE || flags > 3 || reserved != 0 {
            return Err(Error::corrupted("an entry of the object index does not match its checksum", 0));
        }
        let mut fields = Fields::of(&metadata[SIZE_AT..]);
        let size = fields.u64();
        Ok(Entry {
            size,
            revision: fields.u64(),
            created_ns: fields.u64(),
            modified_ns: fields.u64(),
            content_type: content_type(fields.bytes(content_type_len))?,
            body: body(kind, size, &mut fields, &bytes[sealed_end..])?,
            digest: if digest_bytes == 0 { None } else { Some(digest(&mut fields)?) },
            progress: if progress_bytes == 0 { None } else { Some(progress(&mut fields, size)?) },
        })
    }
}

fn content_type(bytes: &[u8]) -> Result<Option<&str>, Error> {
    match std::str::from_utf8(bytes) {
        Ok("") => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Error::corrupted("a content type is not UTF-8", CONTENT_TYPE_AT as u64)),
    }
}

fn body<'a>(kind: u8, size: u64, fields: &mut Fields<'_>, inline: &'a [u8]) -> Result<Body<'a>, Error> {
    let extent = if kind == INLINE { None } else { Some(Extent::at(fields.u64())) };
    match (kind, extent) {
        (INLINE, _) if size == inline.len() as u64 => Ok(Body::Inline(inline)),
        (ONE_EXTENT, Some(extent)) if inline.is_empty() && (1..=MAX_EXTENT_BYTES).contains(&size) => {
            Ok(Body::Extent(extent))
        }
        (TABLE, Some(extent)) if inline.is_empty() && Table::can_hold(size) => {
            Ok(Body::Table(Table::at(extent, size)))
        }
        _ => Err(Error::corrupted("the size of an object contradicts where it lies", SIZE_AT as u64)),
    }
}

fn digest(fields: &mut Fields<'_>) -> Result<Digest, Error> {
    let bytes = fields.array();
    let [code] = fields.array();
    match state_of(code) {
        Some(state) => Ok(Digest { bytes, state }),
        None => Err(Error::corrupted("the digest of an object has an unknown state", code.into())),
    }
}

fn progress(fields: &mut Fields<'_>, size: u64) -> Result<HashProgress, Error> {
    let hashed = fields.u64();
    if hashed > size || !hashed.is_multiple_of(64) {
        return Err(Error::corrupted("more bytes of an object have been hashed than there are", hashed));
    }
    Ok(HashProgress { hashed, state: std::array::from_fn(|_| u32::from_le_bytes(fields.array())) })
}

storable_bytes!(RawEntry, Bound::Unbounded);

#[cfg(test)]
mod tests {
    use super::*;

    fn sample<'a>(body: Body<'a>, size: u64, content_type: Option<&'a str>) -> Entry<'a> {
        Entry {
            size,
            revision: 0x0102_0304_0506_0708,
            created_ns: 0x1112_1314_1516_1718,
            modified_ns: 0x2122_2324_2526_2728,
            content_type,
            digest: None,
            progress: None,
            body,
        }
    }

    /// The same with a digest that is being verified.
    fn verified(entry: Entry<'_>) -> Entry<'_> {
        let digest = Digest { bytes: std::array::from_fn(|i| i as u8), state: ChecksumState::Mismatch };
        let progress = HashProgress { hashed: 64, state: std::array::from_fn(|i| 0x0101_0101 * i as u32) };
        Entry { digest: Some(digest), progress: Some(progress), ..entry }
    }

    #[test]
    fn a_digest_and_its_progress_have_the_bytes_of_the_picture() {
        let RawEntry(bytes) = verified(sample(Body::Inline(&[9; 70]), 70, None)).encode();
        assert_eq!(bytes[0..4], [0, 0, 3, 0]);
        assert_eq!(bytes[36..68], std::array::from_fn::<u8, 32, _>(|i| i as u8));
        assert_eq!(bytes[68], 2);
        assert_eq!(bytes[69..77], 64u64.to_le_bytes());
        assert_eq!(bytes[77..85], [0, 0, 0, 0, 1, 1, 1, 1]);
        assert_eq!(bytes[109..113], crc32fast::hash(&bytes[..109]).to_le_bytes());
        assert_eq!(bytes[113..], [9; 70]);
    }

    #[test]
    fn the_bytes_are_those_of_the_picture() {
        let RawEntry(bytes) = sample(Body::Extent(Extent::at(0x3132)), 5_000, Some("a/b")).encode();
        assert_eq!(bytes[0..4], [1, 3, 0, 0]);
        assert_eq!(bytes[4..12], 5_000u64.to_le_bytes());
        assert_eq!(bytes[12..20], [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(bytes[20..28], [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]);
        assert_eq!(bytes[28..36], [0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21]);
        assert_eq!(&bytes[36..39], b"a/b");
        assert_eq!(bytes[39..47], [0x32, 0x31, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[47..], crc32fast::hash(&bytes[..47]).to_le_bytes());
    }

    #[test]
    fn entries_are_read_as_they_were_written() {
        let longest = "t".repeat(MAX_CONTENT_TYPE_BYTES as usize);
        for content_type in [None, Some("text/plain"), Some(longest.as_str())] {
            for entry in [
                sample(Body::Inline(b""), 0, content_type),
                sample(Body::Inline(b"value"), 5, content_type),
                sample(Body::Extent(Extent::at(4_104)), MAX_EXTENT_BYTES, content_type),
                sample(Body::Table(Table::at(Extent::at(4_104), 1 << 38)), 1 << 38, content_type),
                verified(sample(Body::Extent(Extent::at(4_104)), 5_000, content_type)),
            ] {
                let raw = entry.encode();
                assert_eq!(raw.decode(), Ok(entry));
                assert!(raw.0.len() as u64 <= MAX_METADATA_BYTES + 5);
            }
        }
    }

    #[test]
    fn damaged_metadata_and_every_truncation_are_corruption() {
        for entry in [
            sample(Body::Inline(b"value"), 5, Some("text/plain")),
            sample(Body::Extent(Extent::at(4_104)), 9_999, Some("text/plain")),
            verified(sample(Body::Extent(Extent::at(4_104)), 9_999, Some("text/plain"))),
        ] {
            let RawEntry(bytes) = entry.encode();
            let metadata = bytes.len() - if matches!(entry.body, Body::Inline(_)) { 5 } else { 0 };
            for bit in 0..metadata * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(matches!(RawEntry(damaged).decode(), Err(Error::Corrupted { .. })), "bit {bit}");
            }
            for length in 0..bytes.len() {
                let cut = RawEntry(bytes[..length].to_vec());
                assert!(matches!(cut.decode(), Err(Error::Corrupted { .. })), "length {length}");
            }
        }
    }
}

//! What the index holds under a key: metadata, and the value or where it lies.
//!
//! # Layout v1
//!
//! ```text
//! offset  bytes  field
//!      0      1  kind: 0 the value follows inline, 1 the value is one extent of the arena
//!      1      1  length of the content type, 0 where there is none
//!      2      2  reserved, zero
//!      4      8  size of the value
//!     12      8  revision
//!     20      8  created, nanoseconds since 1970
//!     28      8  modified, nanoseconds since 1970
//!     36      n  content type
//!  36 + n     8  offset of the extent (kind 1 only)
//!             4  CRC-32 of everything above
//!             -  the value (kind 0 only)
//! ```
//!
//! The checksum covers the metadata and not the value, inline or not: what a value should be is for its writer to say.

use std::borrow::Cow;

use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;
use storage_api::{Error, ObjectInfo, limits::MAX_CONTENT_TYPE_BYTES};

use crate::arena::{Extent, MAX_EXTENT_BYTES};
use crate::checksum::{CRC_BYTES, is_sealed, seal, u64_at};

const KIND_AT: usize = 0;
const CONTENT_TYPE_LEN_AT: usize = KIND_AT + 1;
const RESERVED_AT: usize = CONTENT_TYPE_LEN_AT + 1;
const SIZE_AT: usize = RESERVED_AT + 2;
const REVISION_AT: usize = SIZE_AT + 8;
const CREATED_AT: usize = REVISION_AT + 8;
const MODIFIED_AT: usize = CREATED_AT + 8;
const CONTENT_TYPE_AT: usize = MODIFIED_AT + 8;

const _: () = assert!(CONTENT_TYPE_AT == 36);

/// The most bytes that an entry has besides an inline value.
pub(crate) const MAX_METADATA_BYTES: u64 =
    CONTENT_TYPE_AT as u64 + MAX_CONTENT_TYPE_BYTES + 8 + CRC_BYTES as u64;

const INLINE: u8 = 0;
const ONE_EXTENT: u8 = 1;

/// Where the bytes of a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body<'a> {
    Inline(&'a [u8]),
    Extent(Extent),
}

/// An entry, either about to be stored or checked after it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) size: u64,
    pub(crate) revision: u64,
    pub(crate) created_ns: u64,
    pub(crate) modified_ns: u64,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) body: Body<'a>,
}

/// What a change needs to know of the object that is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present {
    pub(crate) size: u64,
    pub(crate) revision: u64,
    pub(crate) created_ns: u64,
    /// What it takes in the arena.
    pub(crate) extent: Option<Extent>,
}

impl<'a> Entry<'a> {
    pub(crate) fn present(&self) -> Present {
        let extent = match self.body {
            Body::Inline(_) => None,
            Body::Extent(extent) => Some(extent),
        };
        Present { size: self.size, revision: self.revision, created_ns: self.created_ns, extent }
    }

    pub(crate) fn encode(&self) -> RawEntry {
        let content_type = self.content_type.unwrap_or("");
        let content_type_len =
            u8::try_from(content_type.len()).expect("the length of a content type was checked");
        let (kind, extent, inline) = match self.body {
            Body::Inline(value) => (INLINE, None, value),
            Body::Extent(extent) => (ONE_EXTENT, Some(extent), [].as_slice()),
        };
        let mut bytes = Vec::with_capacity(MAX_METADATA_BYTES as usize + inline.len());
        bytes.extend([kind, content_type_len, 0, 0]);
        for number in [self.size, self.revision, self.created_ns, self.modified_ns] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(content_type.as_bytes());
        if let Some(extent) = extent {
            bytes.extend(extent.offset().to_le_bytes());
        }
        bytes.extend([0; CRC_BYTES]);
        seal(&mut bytes);
        bytes.extend(inline);
        RawEntry(bytes)
    }

    pub(crate) fn info(&self, key: String) -> ObjectInfo {
        ObjectInfo {
            key,
            size: self.size,
            revision: self.revision,
            content_type: self.content_type.map(str::to_owned),
            created_ns: self.created_ns,
            modified_ns: self.modified_ns,
        }
    }
}

/// The bytes of an entry as the index gives them, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawEntry(Vec<u8>);

impl RawEntry {
    pub(crate) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Checks and decodes.
    pub(crate) fn decode(&self) -> Result<Entry<'_>, Error> {
        let bytes = self.0.as_slice();
        if bytes.len() < CONTENT_TYPE_AT + CRC_BYTES {
            return Err(Error::corrupted("an entry of the object index is too short", bytes.len() as u64));
        }
        let kind = bytes[KIND_AT];
        let content_type_end = CONTENT_TYPE_AT + usize::from(bytes[CONTENT_TYPE_LEN_AT]);
        let sealed_end = content_type_end + if kind == ONE_EXTENT { 8 } else { 0 } + CRC_BYTES;
        let Some(metadata) = bytes.get(..sealed_end) else {
            return Err(Error::corrupted("an entry of the object index is cut off", bytes.len() as u64));
        };
        if !is_sealed(metadata) || kind > ONE_EXTENT || metadata[RESERVED_AT..SIZE_AT] != [0, 0] {
            return Err(Error::corrupted("an entry of the object index does not match its checksum", 0));
        }
        let size = u64_at(metadata, SIZE_AT);
        Ok(Entry {
            size,
            revision: u64_at(metadata, REVISION_AT),
            created_ns: u64_at(metadata, CREATED_AT),
            modified_ns: u64_at(metadata, MODIFIED_AT),
            content_type: content_type(&metadata[CONTENT_TYPE_AT..content_type_end])?,
            body: body(kind, size, &metadata[content_type_end..], &bytes[sealed_end..])?,
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

fn body<'a>(kind: u8, size: u64, location: &[u8], inline: &'a [u8]) -> Result<Body<'a>, Error> {
    if kind == INLINE && size == inline.len() as u64 {
        Ok(Body::Inline(inline))
    } else if kind == ONE_EXTENT && inline.is_empty() && (1..=MAX_EXTENT_BYTES).contains(&size) {
        Ok(Body::Extent(Extent::at(u64_at(location, 0))))
    } else {
        Err(Error::corrupted("the size of an object contradicts where it lies", SIZE_AT as u64))
    }
}

impl Storable for RawEntry {
    const BOUND: Bound = Bound::Unbounded;

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn from_bytes(bytes: Cow<'_, [u8]>) -> Self {
        Self(bytes.into_owned())
    }
}

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
            body,
        }
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
            ] {
                let raw = entry.encode();
                assert_eq!(raw.decode(), Ok(entry));
                assert!(raw.len() <= MAX_METADATA_BYTES + 5);
            }
        }
    }

    #[test]
    fn damaged_metadata_and_every_truncation_are_corruption() {
        for entry in [
            sample(Body::Inline(b"value"), 5, Some("text/plain")),
            sample(Body::Extent(Extent::at(4_104)), 9_999, Some("text/plain")),
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

//! An entry of the index: the metadata of an object, and its value or the location of its value.
//!
//! # Layout v1
//!
//! ```text
//! bytes  field
//!     1  bits 0-2, kind: 0 inline value, 1 one extent of the arena, 2 the extents of a table; 3 is reserved for a
//!        value in another canister. Bit 3: modified and created differ. Bit 4: optional fields follow. Bits 5-7: zero
//!  1-10  size of the value (LEB128)
//!  1-10  revision (LEB128)
//!     8  created, nanoseconds since 1970
//!     8  modified, nanoseconds since 1970 (bit 3)
//!     8  offset of the extent (kind 1) or of the table's extent (kind 2)
//!   1-2  bytes of the optional fields (LEB128, bit 4)
//!     n  optional fields (bit 4): see metadata.rs
//!     4  CRC-32 of everything above
//!     -  the value (kind 0 only)
//! ```
//!
//! A small object that was written once takes 17 bytes besides its value, and 53 with a SHA-256.
//!
//! The checksum covers the metadata but not the value, inline or not: the writer can declare a digest for the
//! value.

use stable_storage_api::{Error, ObjectInfo};

use super::metadata::Metadata;
use crate::base::checksum::{CRC_BYTES, append_crc, has_valid_crc};
use crate::base::codec::{MAX_NUMBER_BYTES, Reader, put_number};
use crate::core::table::Table;
use crate::structures::arena::{Extent, MAX_EXTENT_BYTES};
use crate::structures::btree::Raw;

/// Largest size of an entry without its optional fields and inline value.
pub(super) const MAX_HEADER_BYTES: usize = 1 + 2 * MAX_NUMBER_BYTES + 3 * 8 + 2 + CRC_BYTES;

const KIND: u8 = 0b111;
const INLINE: u8 = 0;
const ONE_EXTENT: u8 = 1;
const TABLE: u8 = 2;

const IS_MODIFIED: u8 = 1 << 3;
const HAS_FIELDS: u8 = 1 << 4;
const FLAGS: u8 = KIND | IS_MODIFIED | HAS_FIELDS;

/// Location of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueLocation<'a> {
    Inline(&'a [u8]),
    Extent(Extent),
    Table(Table),
}

impl<'a> ValueLocation<'a> {
    /// Returns the bytes that are stored in the entry itself.
    pub(super) fn inline(self) -> &'a [u8] {
        match self {
            Self::Inline(value) => value,
            Self::Extent(_) | Self::Table(_) => &[],
        }
    }
}

/// The fields that every object has, which is all that most reads and writes need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryHeader<'a> {
    pub(crate) size: u64,
    pub(crate) revision: u64,
    pub(crate) created_ns: u64,
    pub(crate) modified_ns: u64,
    pub(crate) location: ValueLocation<'a>,
    /// The optional fields, not decoded.
    fields: &'a [u8],
}

/// An entry to store, or one that was read and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) size: u64,
    pub(crate) revision: u64,
    pub(crate) created_ns: u64,
    pub(crate) modified_ns: u64,
    pub(crate) metadata: Metadata<'a>,
    pub(crate) location: ValueLocation<'a>,
}

/// The facts about an existing object that a change needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExistingObject {
    pub(crate) size: u64,
    pub(crate) revision: u64,
    pub(crate) created_ns: u64,
    pub(crate) arena_use: ArenaUse,
}

/// The space of an object in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArenaUse {
    Nothing,
    Extent(Extent),
    Table(Table),
}

impl<'a> EntryHeader<'a> {
    /// Checks an entry, and decodes the fields that every object has.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader(bytes);
        let parts = Parts::read(&mut reader);
        let cut_off = || Error::corrupted("an entry of the object index is truncated", bytes.len() as u64);
        let parts = parts.ok_or_else(cut_off)?;
        let (covered, inline) = bytes.split_at(bytes.len() - reader.0.len());
        if !has_valid_crc(covered) || parts.flags & !FLAGS != 0 {
            return Err(Error::corrupted("an entry of the object index does not match its checksum", 0));
        }
        let Parts { flags, size, revision, created_ns, modified_ns, extent, fields } = parts;
        let location = location(flags & KIND, size, extent, inline)?;
        Ok(Self { size, revision, created_ns, modified_ns, location, fields })
    }

    pub(crate) fn existing(&self) -> ExistingObject {
        let arena_use = match self.location {
            ValueLocation::Inline(_) => ArenaUse::Nothing,
            ValueLocation::Extent(extent) => ArenaUse::Extent(extent),
            ValueLocation::Table(table) => ArenaUse::Table(table),
        };
        ExistingObject { size: self.size, revision: self.revision, created_ns: self.created_ns, arena_use }
    }

    /// Returns the approximate size of the optional fields in a reply.
    pub(crate) fn fields_bytes(&self) -> u64 {
        self.fields.len() as u64
    }

    /// Decodes the optional fields as well.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub(crate) fn entry(self) -> Result<Entry<'a>, Error> {
        let Self { size, revision, created_ns, modified_ns, location, fields } = self;
        let metadata = Metadata::decode(fields, size)?;
        Ok(Entry { size, revision, created_ns, modified_ns, metadata, location })
    }
}

/// The fields before the checksum, as they were read.
struct Parts<'a> {
    flags: u8,
    size: u64,
    revision: u64,
    created_ns: u64,
    modified_ns: u64,
    extent: Option<Extent>,
    fields: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Reads everything before the value. Returns `None` if the bytes end earlier.
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let flags = reader.byte()?;
        let (size, revision) = (reader.number()?, reader.number()?);
        let created_ns = reader.u64()?;
        let modified_ns = if flags & IS_MODIFIED == 0 { created_ns } else { reader.u64()? };
        let extent = if flags & KIND == INLINE { None } else { Some(Extent::at(reader.u64()?)) };
        let fields = if flags & HAS_FIELDS == 0 { &[] } else { reader.bytes()? };
        let _checksum: [u8; CRC_BYTES] = reader.array()?;
        Some(Self { flags, size, revision, created_ns, modified_ns, extent, fields })
    }
}

fn location(kind: u8, size: u64, extent: Option<Extent>, inline: &[u8]) -> Result<ValueLocation<'_>, Error> {
    match (kind, extent) {
        (INLINE, _) if size == inline.len() as u64 => Ok(ValueLocation::Inline(inline)),
        (ONE_EXTENT, Some(extent)) if inline.is_empty() && (1..=MAX_EXTENT_BYTES).contains(&size) => {
            Ok(ValueLocation::Extent(extent))
        }
        (TABLE, Some(extent)) if inline.is_empty() && Table::can_hold(size) => {
            Ok(ValueLocation::Table(Table::at(extent, size)))
        }
        _ => Err(Error::corrupted("the size of an object contradicts the location of its value", 0)),
    }
}

/// The numbers that every entry has.
pub(crate) struct EntryNumbers {
    pub(crate) size: u64,
    pub(crate) revision: u64,
    pub(crate) created_ns: u64,
    pub(crate) modified_ns: u64,
}

/// Appends an entry without its inline value to an empty `Vec`.
pub(super) fn encode_header(
    bytes: &mut Vec<u8>,
    numbers: &EntryNumbers,
    location: ValueLocation<'_>,
    metadata: Option<&Metadata<'_>>,
) {
    let (kind, extent) = match location {
        ValueLocation::Inline(_) => (INLINE, None),
        ValueLocation::Extent(extent) => (ONE_EXTENT, Some(extent)),
        ValueLocation::Table(table) => (TABLE, Some(table.extent())),
    };
    let fields_bytes = metadata.map_or(0, Metadata::encoded_bytes);
    let is_modified = numbers.modified_ns != numbers.created_ns;
    let flags = if is_modified { IS_MODIFIED } else { 0 } | if fields_bytes > 0 { HAS_FIELDS } else { 0 };
    bytes.push(kind | flags);
    put_number(bytes, numbers.size);
    put_number(bytes, numbers.revision);
    bytes.extend_from_slice(&numbers.created_ns.to_le_bytes());
    if is_modified {
        bytes.extend_from_slice(&numbers.modified_ns.to_le_bytes());
    }
    if let Some(extent) = extent {
        bytes.extend_from_slice(&extent.offset().to_le_bytes());
    }
    if let Some(metadata) = metadata.filter(|_| fields_bytes > 0) {
        put_number(bytes, fields_bytes as u64);
        metadata.encode(bytes);
    }
    append_crc(bytes);
}

impl<'a> Entry<'a> {
    pub(crate) fn encode(&self) -> Raw {
        let Self { size, revision, created_ns, modified_ns, location, .. } = *self;
        let inline = location.inline();
        let capacity = MAX_HEADER_BYTES + self.metadata.encoded_bytes() + inline.len();
        let mut bytes = Vec::with_capacity(capacity);
        encode_header(
            &mut bytes,
            &EntryNumbers { size, revision, created_ns, modified_ns },
            location,
            Some(&self.metadata),
        );
        bytes.extend_from_slice(inline);
        Raw(bytes)
    }

    /// Checks an entry, and decodes all of its fields.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        EntryHeader::decode(bytes)?.entry()
    }

    /// Returns the object's metadata in the form of the contract.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub(crate) fn info(&self, key: String) -> Result<ObjectInfo, Error> {
        let metadata = &self.metadata;
        Ok(ObjectInfo {
            key,
            size: self.size,
            revision: self.revision,
            content_type: metadata.content_type.map(str::to_owned),
            content_encoding: metadata.content_encoding.map(str::to_owned),
            metadata: metadata.pairs.decode()?,
            owner: metadata.owner,
            created_ns: self.created_ns,
            modified_ns: self.modified_ns,
            sha256: metadata.digest.map(|digest| digest.checksum()),
        })
    }
}

#[cfg(test)]
mod tests {
    use candid::Principal;
    use stable_storage_api::ChecksumState;
    use stable_storage_api::limits::MAX_CONTENT_TYPE_BYTES;

    use super::super::metadata::{Digest, HashProgress};
    use super::*;
    use crate::base::checksum::write_crc;

    fn sample<'a>(location: ValueLocation<'a>, size: u64, content_type: Option<&'a str>) -> Entry<'a> {
        Entry {
            size,
            revision: 0x0102_0304_0506_0708,
            created_ns: 0x1112_1314_1516_1718,
            modified_ns: 0x2122_2324_2526_2728,
            metadata: Metadata { content_type, ..Metadata::default() },
            location,
        }
    }

    /// Adds a digest that is being verified, and an owner.
    fn verified(entry: Entry<'_>) -> Entry<'_> {
        let digest = Digest { bytes: std::array::from_fn(|i| i as u8), state: ChecksumState::Mismatch };
        let progress = HashProgress { hashed: 64, state: std::array::from_fn(|i| 0x0101_0101 * i as u32) };
        let metadata = Metadata {
            owner: Some(Principal::from_slice(&[9; 29])),
            digest: Some(digest),
            progress: Some(progress),
            ..entry.metadata
        };
        Entry { metadata, ..entry }
    }

    #[test]
    fn encoding_matches_the_layout_table() {
        let Raw(bytes) = sample(ValueLocation::Extent(Extent::at(0x3132)), 5_000, Some("a/b")).encode();
        assert_eq!(bytes[..3], [0b0001_1001, 0x88, 0x27]);
        assert_eq!(bytes[3..12], [0x88, 0x8e, 0x98, 0xa8, 0xc0, 0xe0, 0x80, 0x81, 0x01]);
        assert_eq!(bytes[12..20], [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]);
        assert_eq!(bytes[20..28], [0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21]);
        assert_eq!(bytes[28..36], [0x32, 0x31, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[36..42], *b"\x05\x01\x03a/b");
        assert_eq!(bytes[42..], crc32fast::hash(&bytes[..42]).to_le_bytes());
    }

    /// The most common entry: a value that was written once, without metadata.
    #[test]
    fn a_plain_value_has_17_bytes_of_overhead() {
        let value = [7; 100];
        let plain = Entry { revision: 100_000, ..sample(ValueLocation::Inline(&value), 100, None) };
        let once = Entry { modified_ns: plain.created_ns, ..plain };
        let Raw(bytes) = once.encode();
        assert_eq!(bytes[..5], [0, 100, 0xa0, 0x8d, 0x06]);
        assert_eq!(bytes[5..13], once.created_ns.to_le_bytes());
        assert_eq!(bytes[13..17], crc32fast::hash(&bytes[..13]).to_le_bytes());
        assert_eq!(bytes[17..], value);
        assert_eq!(plain.encode().0.len(), 25 + value.len());
        let metadata = Metadata { digest: Some(Digest::declared([1; 32])), ..Metadata::default() };
        assert_eq!(Entry { metadata, ..once }.encode().0.len(), 53 + value.len());
    }

    #[test]
    fn entries_round_trip() {
        let longest = "t".repeat(MAX_CONTENT_TYPE_BYTES as usize);
        for content_type in [None, Some("text/plain"), Some(longest.as_str())] {
            for entry in [
                sample(ValueLocation::Inline(b""), 0, content_type),
                sample(ValueLocation::Inline(b"value"), 5, content_type),
                sample(ValueLocation::Extent(Extent::at(4_104)), MAX_EXTENT_BYTES, content_type),
                sample(ValueLocation::Table(Table::at(Extent::at(4_104), 1 << 38)), 1 << 38, content_type),
                verified(sample(ValueLocation::Extent(Extent::at(4_104)), 5_000, content_type)),
                Entry { revision: u64::MAX, ..sample(ValueLocation::Inline(b"value"), 5, content_type) },
                Entry {
                    modified_ns: 0,
                    created_ns: 0,
                    ..sample(ValueLocation::Inline(b""), 0, content_type)
                },
            ] {
                let raw = entry.encode();
                assert_eq!(Entry::decode(&raw.0), Ok(entry));
                assert!(raw.0.len() <= MAX_HEADER_BYTES + entry.metadata.encoded_bytes() + 5);
            }
        }
    }

    #[test]
    fn every_flipped_bit_and_truncation_is_detected() {
        for entry in [
            sample(ValueLocation::Inline(b"value"), 5, Some("text/plain")),
            sample(ValueLocation::Extent(Extent::at(4_104)), 9_999, Some("text/plain")),
            verified(sample(ValueLocation::Extent(Extent::at(4_104)), 9_999, Some("text/plain"))),
        ] {
            let Raw(bytes) = entry.encode();
            let metadata =
                bytes.len() - if matches!(entry.location, ValueLocation::Inline(_)) { 5 } else { 0 };
            for bit in 0..metadata * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(matches!(Entry::decode(&damaged), Err(Error::Corrupted { .. })), "bit {bit}");
            }
            for length in 0..bytes.len() {
                let cut = Entry::decode(&bytes[..length]);
                assert!(matches!(cut, Err(Error::Corrupted { .. })), "length {length}");
            }
        }
    }

    /// Values reserved for later versions are refused, not misinterpreted.
    #[test]
    fn kinds_and_flags_of_later_versions_are_refused() {
        let Raw(plain) = sample(ValueLocation::Extent(Extent::at(4_104)), 9_999, None).encode();
        for flags in [IS_MODIFIED | 3, IS_MODIFIED | 7, IS_MODIFIED | ONE_EXTENT | 1 << 5, 1 << 7 | 9] {
            let mut bytes = plain.clone();
            bytes[0] = flags;
            write_crc(&mut bytes);
            assert!(matches!(Entry::decode(&bytes), Err(Error::Corrupted { .. })), "{flags:#b}");
        }
    }

    #[test]
    fn a_location_that_contradicts_the_size_is_corruption() {
        let extent = Some(Extent::at(4_136));
        let table = MAX_EXTENT_BYTES + 1;
        for (kind, size, extent, inline, is_good) in [
            (INLINE, 3, None, &b"abc"[..], true),
            (INLINE, 2, None, b"abc", false),
            (ONE_EXTENT, 1, extent, b"", true),
            (ONE_EXTENT, MAX_EXTENT_BYTES, extent, b"", true),
            (ONE_EXTENT, 0, extent, b"", false),
            (ONE_EXTENT, MAX_EXTENT_BYTES + 1, extent, b"", false),
            (ONE_EXTENT, 1, extent, b"a", false),
            (ONE_EXTENT, 1, None, b"", false),
            (TABLE, table, extent, b"", true),
            (TABLE, u64::MAX, extent, b"", false),
            (TABLE, table, extent, b"a", false),
            (TABLE, table, None, b"", false),
        ] {
            assert_eq!(location(kind, size, extent, inline).is_ok(), is_good, "{kind} {size} {inline:?}");
        }
    }
}

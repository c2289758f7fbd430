//! What is known of an upload.
//!
//! # Layout v1
//!
//! ```text
//! offset  bytes  field
//!      0      1  condition: 0 any, 1 absent, 2 revision
//!      1      1  length of the creator's principal
//!      2      1  length of the content type, 0 where there is none
//!      3      1  1 where a digest was declared, else 0
//!      4      2  length of the key
//!      6      2  reserved, zero
//!      8      8  size of the object
//!     16      8  revision of the condition, or 0
//!     24      8  bytes received so far
//!     32      8  slots of the arena that are promised and not taken yet
//!     40      8  opened, nanoseconds since 1970
//!     48      8  last chunk, nanoseconds since 1970
//!     56      8  offset of the extent that holds the table
//!     64     32  SHA-256 that was declared, or zeroes
//!     96      p  creator
//!             c  content type
//!             k  key
//!             4  CRC-32 of everything above
//! ```

use candid::Principal;
use ic_stable_structures::storable::Bound;
use storage_api::limits::{CHUNK_BYTES, MAX_CONTENT_TYPE_BYTES, MAX_KEY_BYTES};
use storage_api::{Condition, Error, Upload};

use crate::arena::Extent;
use crate::btree::storable_bytes;
use crate::checksum::{CRC_BYTES, Fields, is_sealed, seal};
use crate::objects::Table;

const FIXED_BYTES: usize = 96;
const MAX_PRINCIPAL_BYTES: u64 = 29;

/// The most bytes that a record has.
pub(super) const MAX_RECORD_BYTES: u64 =
    FIXED_BYTES as u64 + MAX_PRINCIPAL_BYTES + MAX_CONTENT_TYPE_BYTES + MAX_KEY_BYTES + CRC_BYTES as u64;

const ANY: u8 = 0;
const ABSENT: u8 = 1;
const REVISION: u8 = 2;

/// A record, either about to be stored or checked after it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) content_type: Option<String>,
    pub(super) sha256: Option<[u8; 32]>,
    pub(super) condition: Condition,
    pub(super) creator: Principal,
    pub(super) received: u64,
    pub(super) reserved_slots: u64,
    pub(super) created_ns: u64,
    pub(super) touched_ns: u64,
    pub(super) table: Extent,
}

impl Record {
    pub(super) fn table(&self) -> Table {
        Table::at(self.table, self.size)
    }

    /// Whether it has expired, where that takes so many nanoseconds without a chunk.
    pub(super) fn has_expired(&self, now_ns: u64, idle_ns: u64) -> bool {
        now_ns > self.expires_ns(idle_ns)
    }

    fn expires_ns(&self, idle_ns: u64) -> u64 {
        self.touched_ns.saturating_add(idle_ns)
    }

    /// The upload, as its creator is told of it.
    pub(super) fn upload(&self, id: u64, idle_ns: u64) -> Upload {
        Upload {
            id,
            key: self.key.clone(),
            size: self.size,
            chunk_size: CHUNK_BYTES,
            chunks: self.table().chunks(),
            expires_ns: self.expires_ns(idle_ns),
        }
    }

    /// Encodes a record whose texts have been checked to be within their limits.
    pub(super) fn encode(&self) -> RawRecord {
        const FITS: &str = "the lengths of texts were checked";
        let (condition, revision) = match self.condition {
            Condition::Any => (ANY, 0),
            Condition::Absent => (ABSENT, 0),
            Condition::Revision(revision) => (REVISION, revision),
        };
        let (creator, content_type) = (self.creator.as_slice(), self.content_type.as_deref().unwrap_or(""));
        let mut bytes = Vec::with_capacity(MAX_RECORD_BYTES as usize);
        bytes.extend([
            condition,
            u8::try_from(creator.len()).expect("a principal has at most 29 bytes"),
            u8::try_from(content_type.len()).expect(FITS),
            u8::from(self.sha256.is_some()),
        ]);
        bytes.extend(u16::try_from(self.key.len()).expect(FITS).to_le_bytes());
        bytes.extend([0, 0]);
        let numbers =
            [self.size, revision, self.received, self.reserved_slots, self.created_ns, self.touched_ns];
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(self.table.offset().to_le_bytes());
        bytes.extend(self.sha256.unwrap_or_default());
        bytes.extend(creator);
        bytes.extend(content_type.as_bytes());
        bytes.extend(self.key.as_bytes());
        bytes.extend([0; CRC_BYTES]);
        seal(&mut bytes);
        RawRecord(bytes)
    }
}

/// The bytes of a record as the map gives them, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawRecord(Vec<u8>);

impl RawRecord {
    /// Checks and decodes.
    pub(super) fn decode(&self) -> Result<Record, Error> {
        let corrupted = || Error::corrupted("the record of an upload is damaged", 0);
        if self.0.len() < FIXED_BYTES + CRC_BYTES || !is_sealed(&self.0) {
            return Err(corrupted());
        }
        let mut fields = Fields::of(&self.0);
        let [condition, creator_len, content_type_len, has_digest] = fields.array();
        let key_len = usize::from(u16::from_le_bytes(fields.array()));
        let _reserved: [u8; 2] = fields.array();
        let lengths = usize::from(creator_len) + usize::from(content_type_len) + key_len;
        if self.0.len() != FIXED_BYTES + lengths + CRC_BYTES {
            return Err(corrupted());
        }
        let (size, revision) = (fields.u64(), fields.u64());
        let (received, reserved_slots) = (fields.u64(), fields.u64());
        let (created_ns, touched_ns) = (fields.u64(), fields.u64());
        let table = Extent::at(fields.u64());
        let sha256 = fields.array();
        let creator = Principal::try_from_slice(fields.bytes(creator_len.into())).map_err(|_| corrupted())?;
        let mut text = |length| String::from_utf8(fields.bytes(length).to_vec()).map_err(|_| corrupted());
        let (content_type, key) = (text(content_type_len.into())?, text(key_len)?);
        let promised_too_much = reserved_slots > Table::at(table, size).extents();
        if !Table::can_hold(size) || received > size || promised_too_much {
            return Err(corrupted());
        }
        Ok(Record {
            key,
            size,
            content_type: Some(content_type).filter(|text| !text.is_empty()),
            sha256: (has_digest == 1).then_some(sha256),
            condition: match condition {
                ANY => Condition::Any,
                ABSENT => Condition::Absent,
                REVISION => Condition::Revision(revision),
                _ => return Err(corrupted()),
            },
            creator,
            received,
            reserved_slots,
            created_ns,
            touched_ns,
            table,
        })
    }
}

storable_bytes!(RawRecord, Bound::Unbounded);

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Record {
        Record {
            key: "a key".into(),
            size: 3 << 40,
            content_type: Some("a/b".into()),
            sha256: Some([0xab; 32]),
            condition: Condition::Revision(0x0102_0304),
            creator: Principal::from_slice(&[7; 29]),
            received: 0x1112_1314,
            reserved_slots: 0x1_2324,
            created_ns: 0x3132_3334,
            touched_ns: 0x4142_4344,
            table: Extent::at(0x5152_5354),
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_picture() {
        let RawRecord(bytes) = sample().encode();
        assert_eq!(bytes[0..8], [2, 29, 3, 1, 5, 0, 0, 0]);
        for (at, number) in [(8, 3 << 40), (16, 0x0102_0304), (24, 0x1112_1314), (32, 0x1_2324u64)] {
            assert_eq!(bytes[at..at + 8], number.to_le_bytes());
        }
        for (at, number) in [(40, 0x3132_3334u64), (48, 0x4142_4344), (56, 0x5152_5354)] {
            assert_eq!(bytes[at..at + 8], number.to_le_bytes());
        }
        assert_eq!(bytes[64..96], [0xab; 32]);
        assert_eq!(bytes[96..125], [7; 29]);
        assert_eq!(&bytes[125..133], b"a/ba key");
        assert_eq!(bytes[133..], crc32fast::hash(&bytes[..133]).to_le_bytes());
    }

    #[test]
    fn records_are_read_as_they_were_written_and_damage_is_noticed() {
        let plain = Record { content_type: None, sha256: None, condition: Condition::Absent, ..sample() };
        for record in [sample(), plain] {
            let raw = record.encode();
            assert_eq!(raw.decode(), Ok(record));
            for bit in 0..raw.0.len() * 8 {
                let mut damaged = raw.clone();
                damaged.0[bit / 8] ^= 1 << (bit % 8);
                assert!(matches!(damaged.decode(), Err(Error::Corrupted { .. })), "bit {bit}");
            }
            for length in 0..raw.0.len() {
                assert!(RawRecord(raw.0[..length].to_vec()).decode().is_err());
            }
        }
    }

    /// The walk over the uploads overflowed on such a record.
    #[test]
    fn a_promise_of_more_extents_than_the_object_has_is_damage() {
        let most = sample().table().extents();
        for (reserved_slots, is_good) in [(most, true), (most + 1, false), (u64::MAX, false)] {
            assert_eq!(Record { reserved_slots, ..sample() }.encode().decode().is_ok(), is_good);
        }
    }
}

//! Records of uploads.
//!
//! # Layout v1
//!
//! ```text
//! offset  bytes  field
//!      0      1  condition: 0 any, 1 absent, 2 revision
//!      1      1  length of the creator's principal
//!      2      1  length of the content type, 0 if there is none
//!      3      1  flags: bit 0 a digest was declared, bit 1 the creator becomes the owner of the object, bit 2 opened
//!                without a size
//!      4      2  length of the key
//!      6      2  length of the user metadata
//!      8      8  size of the object, 0 while it is unknown
//!     16      8  revision of the condition, or 0
//!     24      8  number of bytes received
//!     32      8  slots of the arena that are reserved and not allocated yet
//!     40      8  time of creation, nanoseconds since 1970
//!     48      8  time of the last chunk, nanoseconds since 1970
//!     56      8  offset of the table's extent
//!     64     32  declared SHA-256, or zeroes
//!     96      1  length of the content encoding, 0 if there is none
//!     97      7  reserved, zero
//!    104      8  bytes that the table covers: the size, or a multiple of a full extent
//!    112      8  if opened without a size, index after the last received chunk; else 0
//!    120      p  creator
//!             c  content type
//!             k  key
//!             e  content encoding
//!             m  user metadata, as in an entry of the index
//!             4  CRC-32 of everything above
//! ```

use candid::Principal;
use stable_storage_api::limits::{
    CHUNK_BYTES, MAX_CONTENT_ENCODING_BYTES, MAX_CONTENT_TYPE_BYTES, MAX_KEY_BYTES,
};
use stable_storage_api::{Error, Upload, UploadCondition};

use crate::base::checksum::{CRC_BYTES, Fields, has_valid_crc, write_crc};
use crate::core::table::Table;
use crate::structures::arena::{Extent, SLOT_EXTENT_BYTES};
use crate::structures::btree::Raw;
use crate::subjects::objects::MAX_PAIRS_BYTES;

const FIXED_BYTES: usize = 120;
const MAX_PRINCIPAL_BYTES: u64 = 29;

/// Largest size of a record, in bytes.
pub(super) const MAX_RECORD_BYTES: u64 = FIXED_BYTES as u64
    + MAX_PRINCIPAL_BYTES
    + MAX_CONTENT_TYPE_BYTES
    + MAX_KEY_BYTES
    + MAX_CONTENT_ENCODING_BYTES
    + MAX_PAIRS_BYTES
    + CRC_BYTES as u64;

const HAS_DIGEST: u8 = 1;
const IS_OWNED: u8 = 2;
const IS_UNSIZED: u8 = 4;
const FLAGS: u8 = HAS_DIGEST | IS_OWNED | IS_UNSIZED;

const ANY: u8 = 0;
const ABSENT: u8 = 1;
const REVISION: u8 = 2;

/// A record to store, or one that was read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) key: String,
    /// Size of the object, if it is known.
    pub(super) size: Option<u64>,
    /// Whether the upload was opened without a size.
    pub(super) is_unsized: bool,
    /// Number of bytes that the table covers.
    pub(super) room: u64,
    /// If opened without a size, the index after the last received chunk.
    pub(super) reach: u64,
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    /// User metadata, in the form of an index entry.
    pub(super) pairs: Vec<u8>,
    /// Whether the creator becomes the owner of the object.
    pub(super) is_owned: bool,
    pub(super) sha256: Option<[u8; 32]>,
    pub(super) condition: UploadCondition,
    pub(super) creator: Principal,
    pub(super) received: u64,
    pub(super) reserved_slots: u64,
    pub(super) created_ns: u64,
    pub(super) touched_ns: u64,
    pub(super) table: Extent,
}

impl Record {
    pub(super) fn table(&self) -> Table {
        Table::at(self.table, self.room)
    }

    /// Returns the number of chunks, as far as it is known.
    pub(super) fn chunks(&self) -> u64 {
        self.size.map_or(self.reach, |size| size.div_ceil(CHUNK_BYTES))
    }

    /// Returns whether the upload has expired after `idle_ns` nanoseconds without a chunk.
    pub(super) fn has_expired(&self, now_ns: u64, idle_ns: u64) -> bool {
        now_ns > self.expires_ns(idle_ns)
    }

    fn expires_ns(&self, idle_ns: u64) -> u64 {
        self.touched_ns.saturating_add(idle_ns)
    }

    /// Returns the upload in the form of the contract.
    pub(super) fn upload(&self, id: u64, idle_ns: u64) -> Upload {
        Upload {
            id,
            key: self.key.clone(),
            size: self.size,
            chunk_size: CHUNK_BYTES,
            chunks: self.size.map(|size| size.div_ceil(CHUNK_BYTES)),
            expires_ns: self.expires_ns(idle_ns),
        }
    }

    /// Encodes a record whose texts are within their limits.
    pub(super) fn encode(&self) -> Raw {
        const FITS: &str = "the lengths of texts were checked";
        let (condition, revision) = match self.condition {
            UploadCondition::Any => (ANY, 0),
            UploadCondition::Absent => (ABSENT, 0),
            UploadCondition::Revision(revision) => (REVISION, revision),
        };
        let (creator, content_type) = (self.creator.as_slice(), self.content_type.as_deref().unwrap_or(""));
        let content_encoding = self.content_encoding.as_deref().unwrap_or("");
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let flags = flag(self.sha256.is_some(), HAS_DIGEST)
            | flag(self.is_owned, IS_OWNED)
            | flag(self.is_unsized, IS_UNSIZED);
        let mut bytes = Vec::with_capacity(MAX_RECORD_BYTES as usize);
        bytes.extend([
            condition,
            u8::try_from(creator.len()).expect("a principal has at most 29 bytes"),
            u8::try_from(content_type.len()).expect(FITS),
            flags,
        ]);
        bytes.extend(u16::try_from(self.key.len()).expect(FITS).to_le_bytes());
        bytes.extend(u16::try_from(self.pairs.len()).expect(FITS).to_le_bytes());
        let numbers = [
            self.size.unwrap_or(0),
            revision,
            self.received,
            self.reserved_slots,
            self.created_ns,
            self.touched_ns,
        ];
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(self.table.offset().to_le_bytes());
        bytes.extend(self.sha256.unwrap_or_default());
        bytes.extend([u8::try_from(content_encoding.len()).expect(FITS), 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([self.room, self.reach].iter().flat_map(|number| number.to_le_bytes()));
        bytes.extend(creator);
        bytes.extend(content_type.as_bytes());
        bytes.extend(self.key.as_bytes());
        bytes.extend(content_encoding.as_bytes());
        bytes.extend(&self.pairs);
        bytes.extend([0; CRC_BYTES]);
        write_crc(&mut bytes);
        Raw(bytes)
    }
}

impl Record {
    /// Decodes and checks a record.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let corrupted = || Error::corrupted("the record of an upload is corrupt", 0);
        if bytes.len() < FIXED_BYTES + CRC_BYTES || !has_valid_crc(bytes) {
            return Err(corrupted());
        }
        let mut fields = Fields::of(bytes);
        let [condition, creator_len, content_type_len, flags] = fields.array();
        let key_len = usize::from(u16::from_le_bytes(fields.array()));
        let pairs_len = usize::from(u16::from_le_bytes(fields.array()));
        let (size, revision) = (fields.u64(), fields.u64());
        let (received, reserved_slots) = (fields.u64(), fields.u64());
        let (created_ns, touched_ns) = (fields.u64(), fields.u64());
        let table = Extent::at(fields.u64());
        let sha256 = fields.array();
        let [encoding_len, _reserved @ ..]: [u8; 8] = fields.array();
        let (room, reach) = (fields.u64(), fields.u64());
        let short = [creator_len, content_type_len, encoding_len].map(usize::from);
        let lengths = short.iter().sum::<usize>() + key_len + pairs_len;
        if bytes.len() != FIXED_BYTES + lengths + CRC_BYTES || flags & !FLAGS != 0 {
            return Err(corrupted());
        }
        let creator = Principal::try_from_slice(fields.bytes(creator_len.into())).map_err(|_| corrupted())?;
        let mut text = |length| String::from_utf8(fields.bytes(length).to_vec()).map_err(|_| corrupted());
        let (content_type, key) = (text(content_type_len.into())?, text(key_len)?);
        let content_encoding = text(encoding_len.into())?;
        let pairs = fields.bytes(pairs_len).to_vec();
        let is_unsized = flags & IS_UNSIZED != 0;
        let sizes = Sizes { is_unsized, size, room, reach, received, reserved_slots };
        if !sizes.are_possible(table) {
            return Err(corrupted());
        }
        Ok(Record {
            key,
            size: (size > 0).then_some(size),
            is_unsized,
            room,
            reach,
            content_type: Some(content_type).filter(|text| !text.is_empty()),
            content_encoding: Some(content_encoding).filter(|text| !text.is_empty()),
            pairs,
            is_owned: flags & IS_OWNED != 0,
            sha256: (flags & HAS_DIGEST != 0).then_some(sha256),
            condition: match condition {
                ANY => UploadCondition::Any,
                ABSENT => UploadCondition::Absent,
                REVISION => UploadCondition::Revision(revision),
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

/// The numbers of a record that must be consistent.
struct Sizes {
    is_unsized: bool,
    size: u64,
    room: u64,
    reach: u64,
    received: u64,
    reserved_slots: u64,
}

impl Sizes {
    fn are_possible(&self, table: Extent) -> bool {
        let Self { is_unsized, size, room, reach, received, reserved_slots } = *self;
        if !Table::can_hold(room) || received > room || reserved_slots > Table::at(table, room).extents() {
            return false;
        }
        match is_unsized {
            true => {
                let is_reached = reach.checked_mul(CHUNK_BYTES).is_some_and(|bytes| bytes <= room);
                room.is_multiple_of(SLOT_EXTENT_BYTES) && size <= room && is_reached && reserved_slots == 0
            }
            false => room == size && reach == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Record {
        Record {
            key: "a key".into(),
            size: Some(3 << 40),
            is_unsized: false,
            room: 3 << 40,
            reach: 0,
            content_type: Some("a/b".into()),
            content_encoding: Some("br".into()),
            pairs: vec![1, b'n', 1, b'v'],
            is_owned: true,
            sha256: Some([0xab; 32]),
            condition: UploadCondition::Revision(0x0102_0304),
            creator: Principal::from_slice(&[7; 29]),
            received: 0x1112_1314,
            reserved_slots: 0x1_2324,
            created_ns: 0x3132_3334,
            touched_ns: 0x4142_4344,
            table: Extent::at(0x5152_5354),
        }
    }

    #[test]
    fn encoding_matches_the_layout_table() {
        let Raw(bytes) = sample().encode();
        assert_eq!(bytes[0..8], [2, 29, 3, 3, 5, 0, 4, 0]);
        for (offset, number) in [(8, 3 << 40), (16, 0x0102_0304), (24, 0x1112_1314), (32, 0x1_2324u64)] {
            assert_eq!(bytes[offset..offset + 8], number.to_le_bytes());
        }
        for (offset, number) in [(40, 0x3132_3334u64), (48, 0x4142_4344), (56, 0x5152_5354)] {
            assert_eq!(bytes[offset..offset + 8], number.to_le_bytes());
        }
        assert_eq!(bytes[64..96], [0xab; 32]);
        assert_eq!(bytes[96..104], [2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[104..112], (3u64 << 40).to_le_bytes());
        assert_eq!(bytes[112..120], [0; 8]);
        assert_eq!(bytes[120..149], [7; 29]);
        assert_eq!(&bytes[149..163], b"a/ba keybr\x01n\x01v");
        assert_eq!(bytes[163..], crc32fast::hash(&bytes[..163]).to_le_bytes());
    }

    #[test]
    fn records_round_trip_and_corruption_is_detected() {
        let plain = Record {
            content_type: None,
            content_encoding: None,
            pairs: vec![],
            is_owned: false,
            sha256: None,
            condition: UploadCondition::Absent,
            ..sample()
        };
        for record in [sample(), plain] {
            let raw = record.encode();
            assert_eq!(Record::decode(&raw.0), Ok(record));
            for bit in 0..raw.0.len() * 8 {
                let mut damaged = raw.clone();
                damaged.0[bit / 8] ^= 1 << (bit % 8);
                assert!(matches!(Record::decode(&damaged.0), Err(Error::Corrupted { .. })), "bit {bit}");
            }
            for length in 0..raw.0.len() {
                assert!(Record::decode(&raw.0[..length]).is_err());
            }
        }
    }

    #[test]
    fn a_record_without_a_size_round_trips() {
        let room = 2 * SLOT_EXTENT_BYTES;
        let open = Record {
            size: None,
            is_unsized: true,
            room,
            reach: 3,
            received: CHUNK_BYTES,
            reserved_slots: 0,
            ..sample()
        };
        for record in [open.clone(), Record { size: Some(3 * CHUNK_BYTES - 1), ..open.clone() }] {
            let raw = record.encode();
            assert_eq!(Record::decode(&raw.0), Ok(record));
            assert_eq!(raw.0[3], 7);
        }
        for bad in [
            Record { room: room + 1, ..open.clone() },
            Record { room: 0, received: 0, reach: 0, ..open.clone() },
            Record { size: Some(room + 1), ..open.clone() },
            Record { reach: u64::MAX, ..open.clone() },
            Record { reach: room / CHUNK_BYTES + 1, ..open.clone() },
            Record { received: room + 1, ..open.clone() },
            Record { reserved_slots: 1, ..open.clone() },
            Record { is_unsized: false, ..open },
        ] {
            assert!(matches!(Record::decode(&bad.encode().0), Err(Error::Corrupted { .. })), "{bad:?}");
        }
    }

    /// The checksum of these is right: lengths and flags are checked as well.
    #[test]
    fn a_record_with_wrong_lengths_or_unknown_flags_is_corruption() {
        let Raw(good) = sample().encode();
        let refused = |body: &[u8]| {
            let mut bytes = body.to_vec();
            crate::base::checksum::append_crc(&mut bytes);
            matches!(Record::decode(&bytes), Err(Error::Corrupted { .. }))
        };
        let body = &good[..good.len() - CRC_BYTES];
        assert!(!refused(body));
        (0..body.len()).for_each(|length| assert!(refused(&body[..length]), "{length} bytes"));
        assert!(refused(&[body, b"x"].concat()));
        for unknown in [8, 16, 32, 64, 128] {
            let mut bytes = body.to_vec();
            bytes[3] |= unknown;
            assert!(refused(&bytes), "flag {unknown}");
        }
    }

    /// An upload with a size has room for it and no more, and no chunk that determines a size.
    #[test]
    fn a_record_with_a_size_and_other_room_is_corruption() {
        let good = sample();
        assert!(Record::decode(&good.encode().0).is_ok());
        for bad in [
            Record { room: good.room + 1, ..good.clone() },
            Record { room: good.room - 1, ..good.clone() },
            Record { reach: 1, ..good.clone() },
            Record { received: good.room + 1, ..good.clone() },
        ] {
            assert!(matches!(Record::decode(&bad.encode().0), Err(Error::Corrupted { .. })), "{bad:?}");
        }
    }

    /// Such a record once caused an overflow in the check.
    #[test]
    fn reserving_more_extents_than_the_object_has_is_corruption() {
        let most = sample().table().extents();
        for (reserved_slots, is_good) in [(most, true), (most + 1, false), (u64::MAX, false)] {
            let raw = Record { reserved_slots, ..sample() }.encode();
            assert_eq!(Record::decode(&raw.0).is_ok(), is_good);
        }
    }
}

//! Records of regions.
//!
//! # Layout v1
//!
//! ```text
//! offset  bytes  field
//!      0      1  length of the owner's principal
//!      1      7  reserved, zero
//!      8      8  time of creation, nanoseconds since 1970
//!     16     29  owner, then zeroes
//!     45      3  reserved, zero
//!     48      4  CRC-32 of everything above
//! ```

use candid::Principal;
use stable_storage_api::Error;

use crate::base::checksum::{CRC_BYTES, has_valid_crc, u64_at, write_crc};
use crate::structures::btree::Raw;

const CREATED_AT: usize = 8;
const OWNER_AT: usize = CREATED_AT + 8;
const CRC_AT: usize = 48;

/// Size of a record, in bytes.
pub(super) const RECORD_BYTES: u64 = (CRC_AT + CRC_BYTES) as u64;

const _: () = assert!(OWNER_AT + Principal::MAX_LENGTH_IN_BYTES <= CRC_AT);

/// A record to store, or one that was read and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) owner: Principal,
    pub(super) created_ns: u64,
}

impl Record {
    pub(super) fn encode(&self) -> Raw {
        let owner = self.owner.as_slice();
        let mut bytes = vec![0; RECORD_BYTES as usize];
        bytes[0] = u8::try_from(owner.len()).expect("a principal has at most 29 bytes");
        bytes[CREATED_AT..OWNER_AT].copy_from_slice(&self.created_ns.to_le_bytes());
        bytes[OWNER_AT..OWNER_AT + owner.len()].copy_from_slice(owner);
        write_crc(&mut bytes);
        Raw(bytes)
    }

    /// Decodes and checks a record.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let corrupted = || Error::corrupted("the record of a region is corrupt", 0);
        if bytes.len() as u64 != RECORD_BYTES || !has_valid_crc(bytes) {
            return Err(corrupted());
        }
        let owner = bytes[OWNER_AT..CRC_AT].get(..usize::from(bytes[0])).ok_or_else(corrupted)?;
        let owner = Principal::try_from_slice(owner).map_err(|_| corrupted())?;
        Ok(Record { owner, created_ns: u64_at(bytes, CREATED_AT) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_matches_the_layout_table() {
        let Raw(bytes) = Record { owner: Principal::from_slice(&[7, 8]), created_ns: 0x0102_0304 }.encode();
        assert_eq!(bytes[..16], [2, 0, 0, 0, 0, 0, 0, 0, 4, 3, 2, 1, 0, 0, 0, 0]);
        assert_eq!(bytes[16..48], [&[7, 8][..], &[0; 30]].concat());
        assert_eq!(bytes[48..], crc32fast::hash(&bytes[..48]).to_le_bytes());
    }

    #[test]
    fn records_round_trip_and_corruption_is_detected() {
        for owner in [Principal::management_canister(), Principal::from_slice(&[9; 29])] {
            let record = Record { owner, created_ns: 5 };
            let raw = record.encode();
            assert_eq!(Record::decode(&raw.0), Ok(record));
            for bit in 0..raw.0.len() * 8 {
                let mut damaged = raw.clone();
                damaged.0[bit / 8] ^= 1 << (bit % 8);
                assert!(matches!(Record::decode(&damaged.0), Err(Error::Corrupted { .. })), "bit {bit}");
            }
        }
        let mut too_long = vec![0; RECORD_BYTES as usize];
        too_long[0] = 30;
        write_crc(&mut too_long);
        assert!(Record::decode(&too_long).is_err());
        assert!(Record::decode(&[]).is_err());
    }
}

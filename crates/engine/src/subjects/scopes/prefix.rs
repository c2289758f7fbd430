//! The record of a certified prefix.
//!
//! # Layout v1
//!
//! A map from the letter `c` and the prefix to:
//!
//! ```text
//! offset  bytes  field
//!      0      1  version, 1
//!      1      1  state: 0 complete, 1 being certified, 2 being removed
//!      2      n  the last key that is certified, if it is being certified
//!   then      4  CRC-32 of the prefix and the fields before
//! ```

use stable_storage_api::Error;

use crate::core::certified::damaged;
use crate::structures::btree::Raw;

/// First byte of the key of a certified prefix.
pub(super) const KIND: u8 = b'c';

const VERSION: u8 = 1;

/// How far the objects under a prefix are certified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All of them.
    Complete,
    /// Those up to a key. Empty: none.
    After(String),
    /// They are being removed from the tree.
    Removing,
}

/// A certified prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    pub(crate) prefix: String,
    pub(crate) progress: Progress,
}

impl Prefix {
    pub(crate) fn key(prefix: &str) -> Raw {
        Raw([&[KIND], prefix.as_bytes()].concat())
    }

    pub(crate) fn encode(&self) -> Raw {
        let (state, key) = match &self.progress {
            Progress::Complete => (0, ""),
            Progress::After(key) => (1, key.as_str()),
            Progress::Removing => (2, ""),
        };
        let mut bytes = [&[VERSION, state], key.as_bytes()].concat();
        let checksum = checksum(&self.prefix, &bytes);
        bytes.extend_from_slice(&checksum);
        Raw(bytes)
    }

    pub(super) fn decode(prefix: &[u8], record: &[u8]) -> Result<Self, Error> {
        let text =
            |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| damaged("a prefix is not UTF-8"));
        let bad = || damaged("the record of a prefix does not match its checksum");
        let (fields, stored) = record.split_last_chunk().ok_or_else(bad)?;
        let prefix = text(prefix)?;
        if *stored != checksum(&prefix, fields) {
            return Err(bad());
        }
        let progress = match fields {
            [VERSION, 0] => Progress::Complete,
            [VERSION, 1, key @ ..] => Progress::After(text(key)?),
            [VERSION, 2] => Progress::Removing,
            _ => return Err(damaged("the record of a prefix is of a later version")),
        };
        Ok(Self { prefix, progress })
    }
}

fn checksum(prefix: &str, fields: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(prefix.as_bytes());
    hasher.update(fields);
    hasher.finalize().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_round_trip_and_every_flipped_bit_is_detected() {
        for progress in [
            Progress::Complete,
            Progress::After(String::new()),
            Progress::After("a/é".into()),
            Progress::Removing,
        ] {
            let prefix = Prefix { prefix: "a/".into(), progress };
            let Raw(bytes) = prefix.encode();
            assert_eq!(Prefix::decode(b"a/", &bytes), Ok(prefix));
            assert!(Prefix::decode(b"b/", &bytes).is_err());
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(Prefix::decode(b"a/", &damaged).is_err(), "bit {bit}");
            }
        }
    }
}

//! The header of the store, at the start of page 0.
//!
//! # Layout v1
//!
//! ```text
//! offset  bytes  field
//!      0      8  magic "IC-STORE"
//!      8      4  layout version, 1
//!     12      4  pages of a bucket, 256
//!     16      8  capacity in bytes
//!     24      8  number of upgrades
//!     32      8  instructions spent by the last open
//!     40      1  flags: bit 0 clean shutdown, bit 1 the last upgrade followed a clean shutdown, bit 2 public reads
//!     41      1  reserved, zero
//!     42      2  limit of open uploads, 0 for the default
//!     44      4  reserved, zero
//!     48      8  nanoseconds after which an idle upload expires, 0 for the default
//!     56      4  reserved, zero
//!     60      4  CRC-32 of bytes 0 to 59
//! ```
//!
//! The header is rewritten when the store is formatted, configured, shut down cleanly (before an upgrade) and
//! opened after an upgrade. Nothing else writes it: fields that change with the data are in the ledger.
//!
//! After an upgrade that skips `pre_upgrade`, the header has no clean-shutdown mark. The counts since the
//! previous clean shutdown are lost (see `counters`), and opening has to search for the end of the log (see
//! `log`).

use ic_stable_structures::Memory;
use stable_storage_api::Config;
use stable_storage_api::limits::{MAX_STABLE_BYTES, MAX_UPLOADS, UPLOAD_IDLE_NS};

use crate::base::checksum::{CRC_BYTES, has_valid_crc, u32_at, u64_at, write_crc};
use crate::base::layout::{BucketSize, LAYOUT_VERSION};
use crate::base::open::OpenError;

/// The first eight bytes of every store.
pub const MAGIC: [u8; 8] = *b"IC-STORE";

const VERSION_AT: usize = MAGIC.len();
const BUCKET_PAGES_AT: usize = VERSION_AT + 4;
const CAPACITY_AT: usize = BUCKET_PAGES_AT + 4;
const UPGRADES_AT: usize = CAPACITY_AT + 8;
const OPEN_INSTRUCTIONS_AT: usize = UPGRADES_AT + 8;
const FLAGS_AT: usize = OPEN_INSTRUCTIONS_AT + 8;
const MAX_UPLOADS_AT: usize = FLAGS_AT + 2;
const UPLOAD_IDLE_AT: usize = MAX_UPLOADS_AT + 6;
const CRC_AT: usize = UPLOAD_IDLE_AT + 12;

/// Reserved bytes, which must be zero.
const RESERVED: [std::ops::Range<usize>; 3] =
    [FLAGS_AT + 1..MAX_UPLOADS_AT, MAX_UPLOADS_AT + 2..UPLOAD_IDLE_AT, UPLOAD_IDLE_AT + 8..CRC_AT];

/// Size of the header, in bytes.
pub const HEADER_BYTES: usize = CRC_AT + CRC_BYTES;

/// Offset of the layout version from the start of stable memory, in bytes.
pub const LAYOUT_VERSION_OFFSET: u64 = VERSION_AT as u64;

const _: () = assert!(HEADER_BYTES == 64);

const SEALED: u8 = 1;
const LAST_WAS_SEALED: u8 = 2;
const PUBLIC_READ: u8 = 4;

/// A header whose magic, version and checksum have been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Size of the buckets.
    pub(crate) bucket_size: BucketSize,
    /// The configuration.
    pub(crate) config: Config,
    /// Number of upgrades of this memory.
    pub(crate) upgrades: u64,
    /// Instructions that the last install or upgrade spent on opening the store.
    pub(crate) open_instructions: u64,
    /// Whether the store was shut down cleanly and has not been changed since.
    pub(crate) sealed: bool,
    /// Whether the last upgrade followed a clean shutdown.
    pub(crate) last_was_sealed: bool,
}

impl Header {
    /// Returns the header of a new store.
    pub(crate) fn new(bucket_size: BucketSize) -> Self {
        let config = Config {
            capacity: MAX_STABLE_BYTES,
            public_read: false,
            max_uploads: MAX_UPLOADS,
            upload_idle_ns: UPLOAD_IDLE_NS,
        };
        Self { bucket_size, config, upgrades: 0, open_instructions: 0, sealed: false, last_was_sealed: false }
    }

    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..VERSION_AT].copy_from_slice(&MAGIC);
        bytes[VERSION_AT..BUCKET_PAGES_AT].copy_from_slice(&LAYOUT_VERSION.to_le_bytes());
        bytes[BUCKET_PAGES_AT..CAPACITY_AT].copy_from_slice(&(self.bucket_size.pages() as u32).to_le_bytes());
        bytes[CAPACITY_AT..UPGRADES_AT].copy_from_slice(&self.config.capacity.to_le_bytes());
        bytes[UPGRADES_AT..OPEN_INSTRUCTIONS_AT].copy_from_slice(&self.upgrades.to_le_bytes());
        bytes[OPEN_INSTRUCTIONS_AT..FLAGS_AT].copy_from_slice(&self.open_instructions.to_le_bytes());
        let flags = [
            (self.sealed, SEALED),
            (self.last_was_sealed, LAST_WAS_SEALED),
            (self.config.public_read, PUBLIC_READ),
        ];
        bytes[FLAGS_AT] = flags.iter().filter(|(is_set, _)| *is_set).fold(0, |bits, (_, flag)| bits | flag);
        let max_uploads =
            u16::try_from(self.config.max_uploads).expect("the configuration was checked: at most 1,000");
        bytes[MAX_UPLOADS_AT..MAX_UPLOADS_AT + 2].copy_from_slice(&max_uploads.to_le_bytes());
        bytes[UPLOAD_IDLE_AT..UPLOAD_IDLE_AT + 8].copy_from_slice(&self.config.upload_idle_ns.to_le_bytes());
        write_crc(&mut bytes);
        bytes
    }

    /// Checks and decodes a header: first the magic, then the version, then the checksum, so that the error
    /// names the cause.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, OpenError> {
        if bytes[..VERSION_AT] != MAGIC {
            let first: [u8; 8] = bytes[..VERSION_AT].try_into().expect("the magic has eight bytes");
            return Err(OpenError::Foreign { first });
        }
        let version = u32_at(bytes, VERSION_AT);
        if version != LAYOUT_VERSION {
            return Err(OpenError::UnknownLayout { found: version, known: LAYOUT_VERSION });
        }
        if !has_valid_crc(bytes) {
            return Err(OpenError::damaged("the header's checksum does not match", CRC_AT as u64));
        }
        let flags = bytes[FLAGS_AT];
        let reserved_is_zero = RESERVED.into_iter().all(|range| bytes[range].iter().all(|byte| *byte == 0));
        let is_known = flags <= SEALED | LAST_WAS_SEALED | PUBLIC_READ;
        let bucket_size = BucketSize::from_pages(u32_at(bytes, BUCKET_PAGES_AT).into());
        let bucket_size = bucket_size
            .filter(|_| is_known && reserved_is_zero)
            .ok_or_else(|| OpenError::damaged("the header has an invalid field for layout version 1", 0))?;
        let max_uploads = u64::from(u16::from_le_bytes([bytes[MAX_UPLOADS_AT], bytes[MAX_UPLOADS_AT + 1]]));
        let or_default = |value, default| if value == 0 { default } else { value };
        Ok(Self {
            bucket_size,
            config: Config {
                capacity: u64_at(bytes, CAPACITY_AT),
                public_read: flags & PUBLIC_READ != 0,
                max_uploads: or_default(max_uploads, MAX_UPLOADS),
                upload_idle_ns: or_default(u64_at(bytes, UPLOAD_IDLE_AT), UPLOAD_IDLE_NS),
            },
            upgrades: u64_at(bytes, UPGRADES_AT),
            open_instructions: u64_at(bytes, OPEN_INSTRUCTIONS_AT),
            sealed: flags & SEALED != 0,
            last_was_sealed: flags & LAST_WAS_SEALED != 0,
        })
    }

    pub(crate) fn read(memory: &impl Memory) -> Result<Self, OpenError> {
        let mut bytes = [0; HEADER_BYTES];
        memory.read(0, &mut bytes);
        Self::decode(&bytes)
    }

    pub(crate) fn write(&self, memory: &impl Memory) {
        memory.write(0, &self.encode());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Header {
        Header {
            bucket_size: BucketSize::LARGEST,
            config: Config {
                capacity: 0x1122_3344_5566_7788,
                public_read: true,
                max_uploads: 0x0201,
                upload_idle_ns: 0xb1b2_b3b4_b5b6_b7b8,
            },
            upgrades: 0x0102_0304_0506_0708,
            open_instructions: 0xa1a2_a3a4_a5a6_a7a8,
            sealed: true,
            last_was_sealed: false,
        }
    }

    #[test]
    fn encoding_matches_the_layout_table() {
        let bytes = sample().encode();
        assert_eq!(&bytes[0..8], b"IC-STORE");
        assert_eq!(&bytes[8..16], &[1, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(&bytes[16..24], &[0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
        assert_eq!(&bytes[24..32], &[8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(&bytes[32..40], &[0xa8, 0xa7, 0xa6, 0xa5, 0xa4, 0xa3, 0xa2, 0xa1]);
        assert_eq!(&bytes[40..48], &[5, 0, 1, 2, 0, 0, 0, 0]);
        assert_eq!(&bytes[48..60], &[0xb8, 0xb7, 0xb6, 0xb5, 0xb4, 0xb3, 0xb2, 0xb1, 0, 0, 0, 0]);
        assert_eq!(bytes[60..64], crc32fast::hash(&bytes[..60]).to_le_bytes());
        assert_eq!(Header::decode(&bytes), Ok(sample()));
    }

    #[test]
    fn foreign_bytes_unknown_versions_and_damage_are_told_apart() {
        let bytes = sample().encode();
        let mut foreign = bytes;
        foreign[0] = b'X';
        assert!(matches!(Header::decode(&foreign), Err(OpenError::Foreign { .. })));
        let mut newer = bytes;
        newer[VERSION_AT] = 2;
        assert_eq!(Header::decode(&newer), Err(OpenError::UnknownLayout { found: 2, known: 1 }));
        for bit in BUCKET_PAGES_AT * 8..HEADER_BYTES * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(Header::decode(&damaged), Err(OpenError::Damaged { .. })), "bit {bit}");
        }
    }

    /// As written by the first versions, which had no such settings.
    #[test]
    fn zeroes_stand_for_the_defaults() {
        let mut bytes = Header::new(BucketSize::LARGEST).encode();
        bytes[MAX_UPLOADS_AT..CRC_AT].fill(0);
        write_crc(&mut bytes);
        assert_eq!(Header::decode(&bytes), Ok(Header::new(BucketSize::LARGEST)));
    }

    #[test]
    fn a_sealed_header_with_values_of_a_later_version_is_refused() {
        for offset in
            [BUCKET_PAGES_AT, FLAGS_AT, FLAGS_AT + 1, MAX_UPLOADS_AT + 2, UPLOAD_IDLE_AT - 1, CRC_AT - 1]
        {
            let mut bytes = sample().encode();
            bytes[offset] |= 0x80;
            write_crc(&mut bytes);
            assert!(matches!(Header::decode(&bytes), Err(OpenError::Damaged { .. })), "byte {offset}");
        }
    }
}

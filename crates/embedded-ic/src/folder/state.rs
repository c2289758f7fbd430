//! The file of the checkpoint.
//!
//! # Layout v1
//! | bytes | content |
//! |---|---|
//! | 8 | magic `EICSTATE` |
//! | 4 | version |
//! | 4 | reserved, zero |
//! | 8 | number of the first journal record that is not in here yet |
//! | 8 | length of the state |
//! | … | the state, see `codec` |
//! | 4 | CRC-32 of everything before |

use std::path::Path;

use super::{codec, write_whole};
use crate::committed::Committed;
use crate::error::HostError;

const MAGIC: &[u8; 8] = b"EICSTATE";
/// The version of the folder as a whole.
pub(super) const VERSION: u32 = 1;
const VERSION_AT: usize = 8;
const NEXT_AT: usize = 16;
const LEN_AT: usize = 24;
const HEADER: usize = 32;
const CRC: usize = 4;

/// Writes the file anew.
pub(super) fn write(path: &Path, next: u64, committed: &Committed) -> Result<(), HostError> {
    write_whole(path, &encode(next, committed))
}

/// Reads the file: the number of the next journal record, and the state.
pub(super) fn read(path: &Path) -> Result<(u64, Committed), HostError> {
    let bytes = std::fs::read(path).map_err(HostError::io(format!("read {}", path.display())))?;
    decode(path, &bytes)
}

fn encode(next: u64, committed: &Committed) -> Vec<u8> {
    let state = codec::encode(committed);
    let mut bytes = Vec::with_capacity(HEADER + state.len() + CRC);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(next.to_le_bytes());
    bytes.extend((state.len() as u64).to_le_bytes());
    bytes.extend(state);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

fn decode(path: &Path, bytes: &[u8]) -> Result<(u64, Committed), HostError> {
    let damaged = |offset: usize, what: &str| HostError::Damaged {
        path: path.to_owned(),
        offset: offset as u64,
        what: what.to_owned(),
    };
    if bytes.len() < HEADER + CRC || !bytes.starts_with(MAGIC) {
        return Err(damaged(0, "this is not a state file"));
    }
    let found = u32::from_le_bytes(array(bytes, VERSION_AT));
    if found != VERSION {
        return Err(HostError::UnknownVersion { path: path.to_owned(), found, known: VERSION });
    }
    let body = bytes.len() - CRC;
    if crc32fast::hash(&bytes[..body]) != u32::from_le_bytes(array(bytes, body)) {
        return Err(damaged(0, "the checksum does not match"));
    }
    if u64::from_le_bytes(array(bytes, LEN_AT)) != (body - HEADER) as u64 {
        return Err(damaged(LEN_AT, "the length does not match"));
    }
    let committed =
        codec::decode(&bytes[HEADER..body]).ok_or_else(|| damaged(HEADER, "the state makes no sense"))?;
    Ok((u64::from_le_bytes(array(bytes, NEXT_AT)), committed))
}

/// The bytes at an offset. The caller has checked that they are there.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice has N bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_survives_the_round_trip() {
        let state = codec::test_state();
        let bytes = encode(77, &state);
        assert_eq!(decode(Path::new("x"), &bytes).unwrap(), (77, state));
    }

    #[test]
    fn the_header_lies_where_the_layout_says() {
        let bytes = encode(0x1122_3344_5566_7788, &codec::test_state());
        assert_eq!(bytes[..16], *b"EICSTATE\x01\0\0\0\0\0\0\0");
        assert_eq!(bytes[16..24], [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
        assert_eq!(bytes[24..32], ((bytes.len() - 36) as u64).to_le_bytes());
    }

    #[test]
    fn every_damaged_byte_is_noticed() {
        let bytes = encode(1, &codec::test_state());
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x40;
            let error = decode(Path::new("x"), &bad).unwrap_err();
            match error {
                HostError::UnknownVersion { .. } => assert!((8..12).contains(&at), "byte {at}: {error}"),
                HostError::Damaged { .. } => assert!(!(8..12).contains(&at), "byte {at}: {error}"),
                other => panic!("byte {at}: {other}"),
            }
        }
        for len in 0..bytes.len() {
            assert!(decode(Path::new("x"), &bytes[..len]).is_err(), "cut at {len}");
        }
    }
}

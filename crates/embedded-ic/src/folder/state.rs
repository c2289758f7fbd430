//! The checkpoint file.
//!
//! # Layout v2
//! | bytes | content |
//! |---|---|
//! | 8 | magic `EICSTATE` |
//! | 4 | version |
//! | 4 | reserved, zero |
//! | 8 | number of the first journal record that is not in the checkpoint |
//! | 8 | length of the state |
//! | … | the state, see `codec` |
//! | 8 | generation of stable memory |
//! | 8 | number of runs of pages of stable memory that have content |
//! | … | the runs, in order: pages between this one and the one before, and pages in it, each as a LEB128 |
//! | 8 | number of pages of the heap's file |
//! | 4 each | CRC-32 of each of these pages |
//! | 4 | CRC-32 of everything before |
//!
//! The file of stable memory is at least long enough for its last page with content.
//!
//! Version 1 ended after the state. The whole files count.

use std::path::Path;

use super::{codec, write_whole};
use crate::committed::Committed;
use crate::error::HostError;
use crate::stable::Runs;

const MAGIC: &[u8; 8] = b"EICSTATE";
/// Version of the folder format.
pub(super) const VERSION: u32 = 2;
/// Previous version, which can be read.
const OLD_VERSION: u32 = 1;
const VERSION_AT: usize = 8;
const NEXT_AT: usize = 16;
const LEN_AT: usize = 24;
const HEADER: usize = 32;
const CRC: usize = 4;

/// What the checkpoint records about the other files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Files {
    /// Generation of stable memory.
    pub(super) generation: u64,
    /// Pages of stable memory that have content.
    pub(super) content: Runs,
    /// Checksums of the pages of the heap file.
    pub(super) heap_sums: Vec<u32>,
}

/// Writes the file.
pub(super) fn write(path: &Path, next: u64, committed: &Committed, files: &Files) -> Result<(), HostError> {
    write_whole(path, &encode(next, committed, files))
}

/// Reads the file: the number of the next journal record, the state, and what version 1 lacks.
pub(super) fn read(path: &Path) -> Result<(u64, Committed, Option<Files>), HostError> {
    let bytes = std::fs::read(path).map_err(HostError::io(format!("read {}", path.display())))?;
    decode(path, &bytes)
}

fn encode(next: u64, committed: &Committed, files: &Files) -> Vec<u8> {
    let state = codec::encode(committed);
    let mut bytes = Vec::with_capacity(HEADER + state.len() + 4 * files.heap_sums.len() + 1_024);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(next.to_le_bytes());
    bytes.extend((state.len() as u64).to_le_bytes());
    bytes.extend(state);
    bytes.extend(files.generation.to_le_bytes());
    bytes.extend((files.content.count() as u64).to_le_bytes());
    let mut end = 0;
    for run in files.content.iter() {
        leb128(&mut bytes, run.start - end);
        leb128(&mut bytes, run.end - run.start);
        end = run.end;
    }
    bytes.extend((files.heap_sums.len() as u64).to_le_bytes());
    bytes.extend(files.heap_sums.iter().flat_map(|sum| sum.to_le_bytes()));
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

fn leb128(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn decode(path: &Path, bytes: &[u8]) -> Result<(u64, Committed, Option<Files>), HostError> {
    let damaged = |offset: usize, what: &str| HostError::Damaged {
        path: path.to_owned(),
        offset: offset as u64,
        what: what.to_owned(),
    };
    if bytes.len() < HEADER + CRC || !bytes.starts_with(MAGIC) {
        return Err(damaged(0, "the file is not a state file"));
    }
    let found = u32::from_le_bytes(array(bytes, VERSION_AT));
    if found != VERSION && found != OLD_VERSION {
        return Err(HostError::UnknownVersion { path: path.to_owned(), found, known: VERSION });
    }
    let body = bytes.len() - CRC;
    if crc32fast::hash(&bytes[..body]) != u32::from_le_bytes(array(bytes, body)) {
        return Err(damaged(0, "the checksum does not match"));
    }
    let len = u64::from_le_bytes(array(bytes, LEN_AT));
    let Some((state, rest)) = bytes[HEADER..body].split_at_checked(len as usize) else {
        return Err(damaged(LEN_AT, "the length does not match"));
    };
    let committed = codec::decode(state).ok_or_else(|| damaged(HEADER, "the state is invalid"))?;
    let next = u64::from_le_bytes(array(bytes, NEXT_AT));
    match (found, Files::decode(rest)) {
        (OLD_VERSION, _) if rest.is_empty() => Ok((next, committed, None)),
        (VERSION, Some(files)) => Ok((next, committed, Some(files))),
        _ => Err(damaged(HEADER + state.len(), "the description of the other files is invalid")),
    }
}

impl Files {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut input = bytes;
        let generation = u64::from_le_bytes(*take(&mut input)?);
        let runs = u64::from_le_bytes(*take(&mut input)?);
        let (mut content, mut end) = (Runs::default(), 0_u64);
        for _ in 0..runs {
            let start = end.checked_add(number(&mut input)?)?;
            end = start.checked_add(number(&mut input)?)?;
            content.insert(start..end);
        }
        let pages = u64::from_le_bytes(*take(&mut input)?);
        let (sums, rest) = input.as_chunks::<4>();
        if !rest.is_empty() || sums.len() as u64 != pages {
            return None;
        }
        let heap_sums = sums.iter().map(|sum| u32::from_le_bytes(*sum)).collect();
        Some(Self { generation, content, heap_sums })
    }
}

fn take<'a, const N: usize>(input: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (bytes, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(bytes)
}

/// Decodes a LEB128 number.
fn number(input: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let [byte] = *take::<1>(input)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Returns the bytes at an offset. The caller has checked that they exist.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice has N bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        let content = Runs::from_iter([0..1, 5..70_000, 8_192_000..131_072_000]);
        Files { generation: 3, content, heap_sums: vec![1, 2, u32::MAX] }
    }

    #[test]
    fn state_round_trips() {
        let state = codec::test_state();
        for files in [files(), Files::default()] {
            let bytes = encode(77, &state, &files);
            assert_eq!(decode(Path::new("x"), &bytes).unwrap(), (77, state.clone(), Some(files)));
        }
    }

    #[test]
    fn header_matches_the_layout() {
        let bytes = encode(0x1122_3344_5566_7788, &codec::test_state(), &Files::default());
        assert_eq!(bytes[..16], *b"EICSTATE\x02\0\0\0\0\0\0\0");
        assert_eq!(bytes[16..24], [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
        // After the state: 24 bytes without other files, and the checksum.
        assert_eq!(bytes[24..32], ((bytes.len() - 60) as u64).to_le_bytes());
    }

    #[test]
    fn a_state_of_version_1_is_read() {
        let state = codec::test_state();
        let mut bytes = encode(5, &state, &Files::default());
        bytes.truncate(bytes.len() - 28);
        bytes[VERSION_AT] = 1;
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        assert_eq!(decode(Path::new("x"), &bytes).unwrap(), (5, state, None));
    }

    #[test]
    fn every_corrupt_byte_is_detected() {
        let bytes = encode(1, &codec::test_state(), &files());
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

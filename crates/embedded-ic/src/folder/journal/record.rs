//! Encoding of a journal record; the layout is described in the parent module.

use std::ops::Range;

use super::super::codec;
use crate::committed::Committed;
use crate::limits::{MAX_HEAP_PAGES, MAX_STABLE_PAGES, OS_PAGE_BYTES, WASM_PAGE_BYTES};
use crate::stable::{PAGE, Page, Runs};

/// Unit that a disk writes atomically.
pub(super) const SECTOR: usize = 512;
/// Bytes of a description sector without its checksum.
const PAYLOAD: usize = SECTOR - CRC;
const CRC: usize = 4;
/// Sectors of a page.
pub(super) const SECTORS: usize = PAGE / SECTOR;
const MAGIC: &[u8; 4] = b"REC2";
/// Bytes of the fixed part of the description.
pub(super) const HEAD: usize = 64;
const HEAP_REPLACED: u32 = 1;
/// Larger than the state of any canister: the log has 4 KiB, and there are at most 1,000 globals.
const MAX_STATE_BYTES: u64 = 1 << 20;
/// 4 KiB pages of a wasm page.
const PER_WASM_PAGE: u64 = WASM_PAGE_BYTES / OS_PAGE_BYTES;

/// Fixed part of a record's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) heap_replaced: bool,
    pub(super) number: u64,
    /// Bytes of the state.
    pub(super) state: u64,
    /// Pages of the heap.
    pub(super) heap: u64,
    /// Pages of stable memory.
    pub(super) stable: u64,
    /// Runs of pages that are in the file of stable memory.
    pub(super) ahead: u64,
    /// Generation of the memory that the pages belong to.
    pub(super) generation: u64,
    /// Number of pages in these runs whose checksums are in the record: all of them, or none.
    pub(super) checked: u64,
}

impl Head {
    pub(super) fn encode(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4..8].copy_from_slice(&if self.heap_replaced { HEAP_REPLACED } else { 0 }.to_le_bytes());
        let numbers =
            [self.number, self.state, self.heap, self.stable, self.ahead, self.generation, self.checked];
        for (field, number) in bytes[8..].chunks_exact_mut(8).zip(numbers) {
            field.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Decodes the head at the start of the bytes, or returns what is wrong.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let number = |field: usize| {
            let at = 8 + 8 * field;
            u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
        };
        if !bytes.starts_with(MAGIC) {
            return Err("there is no record");
        }
        let flags = u32::from_le_bytes(bytes[4..8].try_into().expect("four bytes"));
        let head = Self {
            heap_replaced: flags & HEAP_REPLACED != 0,
            number: number(0),
            state: number(1),
            heap: number(2),
            stable: number(3),
            ahead: number(4),
            generation: number(5),
            checked: number(6),
        };
        let absurd = flags & !HEAP_REPLACED != 0
            || head.state > MAX_STATE_BYTES
            || head.heap > MAX_HEAP_PAGES * PER_WASM_PAGE
            || head.stable > MAX_STABLE_PAGES * PER_WASM_PAGE
            || head.ahead > MAX_STABLE_PAGES * PER_WASM_PAGE
            || head.checked > MAX_STABLE_PAGES * PER_WASM_PAGE;
        if absurd { Err("the record's header is invalid") } else { Ok(head) }
    }

    pub(super) fn pages(&self) -> u64 {
        self.heap + self.stable
    }

    /// Returns the size of the description, without the checksums of its sectors.
    pub(super) fn description(&self) -> u64 {
        HEAD as u64
            + self.state
            + self.pages() * (8 + CRC * SECTORS) as u64
            + self.ahead * 16
            + self.checked * CRC as u64
    }

    /// Returns the size of the record before its pages.
    pub(super) fn before_pages(&self) -> u64 {
        self.description().div_ceil(PAYLOAD as u64) * SECTOR as u64
    }

    /// Returns the size of the whole record.
    pub(super) fn len(&self) -> u64 {
        self.before_pages() + self.pages() * OS_PAGE_BYTES
    }
}

/// Contents of a record, without its pages.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) head: Head,
    pub(super) state: Committed,
    pub(super) heap: Vec<u64>,
    pub(super) stable: Vec<u64>,
    pub(super) ahead: Runs,
    /// Checksums of the sectors of all pages.
    pub(super) sums: Vec<u32>,
    /// Checksums of the pages in `ahead`, if they are forced to the disk together with the record.
    pub(super) ahead_sums: Vec<u32>,
}

impl Description {
    /// Decodes the description from the payloads of a record's first sectors, or returns what is wrong.
    pub(super) fn decode(head: Head, bytes: &[u8]) -> Result<Self, String> {
        let mut input = bytes.get(HEAD..).unwrap_or_default();
        let mut take = |len: u64| {
            let (part, rest) = input.split_at_checked(len as usize)?;
            input = rest;
            Some(part)
        };
        let parts = (|| {
            Some((take(head.state)?, take(8 * head.heap)?, take(8 * head.stable)?, take(16 * head.ahead)?))
        })();
        let Some((state, heap, stable, ahead)) = parts else {
            return Err("the record's description is too short".into());
        };
        let too_short = "the record's description is too short";
        let sums = take((CRC * SECTORS) as u64 * head.pages()).ok_or(too_short)?;
        let ahead_sums = take(CRC as u64 * head.checked).ok_or(too_short)?;
        let state = codec::decode(state).ok_or("the state of the record is invalid")?;
        let heap = numbers(heap, state.heap_pages)?;
        let stable = numbers(stable, state.stable_pages)?;
        let ends = ahead.as_chunks::<16>().0.iter().map(|run| (u64_at(run, 0), u64_at(run, 8)));
        let ahead: Runs = ends.map(|(start, end)| start..end).collect();
        if ahead.end() > state.stable_pages.saturating_mul(PER_WASM_PAGE) {
            return Err(format!("page {} is outside of stable memory", ahead.end() - 1));
        }
        if head.checked > 0 && head.checked != ahead.len() {
            return Err(format!("{} checksums of {} pages", head.checked, ahead.len()));
        }
        let sums_in = |bytes: &[u8]| {
            bytes.as_chunks::<CRC>().0.iter().map(|sum| u32::from_le_bytes(*sum)).collect::<Vec<_>>()
        };
        let (sums, ahead_sums) = (sums_in(sums), sums_in(ahead_sums));
        Ok(Self { head, state, heap, stable, ahead, sums, ahead_sums })
    }

    /// Returns the checksums of a page's sectors.
    pub(super) fn sums_of(&self, page: usize) -> &[u32] {
        &self.sums[page * SECTORS..(page + 1) * SECTORS]
    }
}

/// Decodes page numbers, which must be within a memory of this many wasm pages.
fn numbers(bytes: &[u8], wasm_pages: u64) -> Result<Vec<u64>, String> {
    let end = wasm_pages.saturating_mul(PER_WASM_PAGE);
    let numbers: Vec<u64> =
        bytes.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number)).collect();
    match numbers.iter().find(|&&number| number >= end) {
        Some(number) => Err(format!("page {number} of a memory that has {end}")),
        None => Ok(numbers),
    }
}

fn u64_at(bytes: &[u8; 16], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Encodes a record without its pages: description and checksums, in sectors.
pub(super) fn encode<'a>(
    head: &Head,
    state: &[u8],
    (heap, stable, ahead): (&[u64], &[u64], &Runs),
    pages: impl Iterator<Item = &'a Page>,
    ahead_sums: &[u32],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.description() as usize);
    out.extend(head.encode());
    out.extend(state);
    for number in heap.iter().chain(stable) {
        out.extend(number.to_le_bytes());
    }
    for Range { start, end } in ahead.iter() {
        out.extend(start.to_le_bytes());
        out.extend(end.to_le_bytes());
    }
    for page in pages {
        for sector in page.as_chunks::<SECTOR>().0 {
            out.extend(crc32fast::hash(sector).to_le_bytes());
        }
    }
    for sum in ahead_sums {
        out.extend(sum.to_le_bytes());
    }
    debug_assert_eq!(out.len() as u64, head.description());
    into_sectors(&out)
}

/// Splits bytes into sectors, each of which ends with its checksum. No sector is all zeros.
pub(super) fn into_sectors(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(PAYLOAD) * SECTOR);
    for part in bytes.chunks(PAYLOAD) {
        let start = out.len();
        out.extend(part);
        out.resize(start + PAYLOAD, 0);
        out.extend(crc32fast::hash(&out[start..]).to_le_bytes());
    }
    out
}

/// Returns the payload of a sector from [`into_sectors`], if its checksum matches.
pub(super) fn payload(sector: &[u8]) -> Option<&[u8]> {
    let (payload, sum) = sector.split_at_checked(PAYLOAD)?;
    (sum.len() == CRC && crc32fast::hash(payload).to_le_bytes() == sum).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_head_matches_the_layout() {
        let head = Head {
            heap_replaced: true,
            number: 0x1122,
            state: 3,
            heap: 4,
            stable: 5,
            ahead: 6,
            generation: 7,
            checked: 8,
        };
        let bytes = head.encode();
        assert_eq!(bytes[..16], *b"REC2\x01\0\0\0\x22\x11\0\0\0\0\0\0");
        assert_eq!(bytes[16..40], *b"\x03\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0");
        assert_eq!(bytes[40..], *b"\x06\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x08\0\0\0\0\0\0\0");
        assert_eq!(Head::decode(&bytes), Ok(head.clone()));
        // 64 + 3 + 9 * 40 + 6 * 16 + 8 * 4 = 555 bytes do not fit in a sector.
        assert_eq!((head.description(), head.before_pages(), head.len()), (555, 1_024, 1_024 + 9 * 4_096));
    }

    #[test]
    fn every_flipped_bit_of_a_sector_is_detected() {
        let sectors = into_sectors(&[7; 600]);
        assert_eq!(sectors.len(), 1_024);
        let joined = [payload(&sectors[..512]).unwrap(), payload(&sectors[512..]).unwrap()].concat();
        assert_eq!(joined[..600], [7; 600]);
        for at in 0..512 {
            let mut bad = sectors.clone();
            bad[at] ^= 1;
            assert!(payload(&bad[..512]).is_none(), "byte {at}");
        }
        assert!(payload(&[0; 512]).is_none() && payload(&into_sectors(&[0])).is_some());
    }
}

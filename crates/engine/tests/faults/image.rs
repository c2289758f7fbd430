//! The offsets of the parts of an image, computed by the test itself.

use ic_stable_structures::Memory;
use storage_engine::layout::{BUCKET_BYTES, FIRST_BUCKET_PAGE, MANAGER_PAGE, PAGE_BYTES};
use storage_engine::{LOG_START, Store};
use storage_testkit::FaultyMemory;

const OWNERS_AT: u64 = MANAGER_PAGE * PAGE_BYTES + 2_080;

/// Returns the offsets of the store's own data, and some of the other bytes.
pub(crate) fn places(memory: &FaultyMemory) -> Vec<u64> {
    let manager = MANAGER_PAGE * PAGE_BYTES;
    let mut places: Vec<u64> =
        (0..1_200).chain(2_040..2_100).chain((2_800..PAGE_BYTES).step_by(9_999)).collect();
    places.extend([0, 4, 5, 6].into_iter().flat_map(|id| tree_header(id)..tree_header(id) + 48));
    places.extend((0..2_200).map(|at| manager + at));
    places.extend((2_200..PAGE_BYTES).step_by(997).map(|at| manager + at));
    for id in [0, 4, 5, 6] {
        places.extend(map(memory, id));
    }
    places.extend(arena(memory));
    places.extend(log(memory));
    places.extend((0..40).map(|at| address(memory, 3, at)));
    places.extend((0..2 * PAGE_BYTES).step_by(9_001).map(|at| address(memory, 17, at)));
    places
}

/// Returns the physical offset of a byte of one of the memories.
pub(crate) fn address(memory: &FaultyMemory, id: u8, offset: u64) -> u64 {
    let mut owners = vec![0; 64];
    memory.read(OWNERS_AT, &mut owners);
    let mut buckets = owners.iter().enumerate().filter(|(_, owner)| **owner == id);
    let (bucket, _) = buckets.nth((offset / BUCKET_BYTES) as usize).unwrap();
    FIRST_BUCKET_PAGE * PAGE_BYTES + bucket as u64 * BUCKET_BYTES + offset % BUCKET_BYTES
}

/// Returns a number in one of the memories.
fn word(memory: &FaultyMemory, id: u8, offset: u64) -> u64 {
    let mut bytes = [0; 8];
    memory.read(address(memory, id, offset), &mut bytes);
    u64::from_le_bytes(bytes)
}

/// Returns the offset of the header of a tree.
fn tree_header(id: u8) -> u64 {
    2_304 + 64 * u64::from(id)
}

/// Returns every byte of the pages of a tree, except most of those that are neither slots nor cells.
fn map(memory: &FaultyMemory, id: u8) -> Vec<u64> {
    let mut pages = [0; 4];
    memory.read(tree_header(id) + 12, &mut pages);
    let mut offsets = vec![0, 100, 4_095];
    for page in (1..u64::from(u32::from_le_bytes(pages))).map(|number| number * 4_096) {
        let field = |at: u64| word(memory, id, page + at) & 0xffff;
        let (slots_end, lowest) = if field(0) <= 2 { (24 + 8 * field(2), field(6)) } else { (600, 4_000) };
        offsets.extend((page..page + slots_end).chain(page + lowest..page + 4_096));
        offsets.extend((page + slots_end..page + lowest).step_by(501));
    }
    offsets.into_iter().map(|offset| address(memory, id, offset)).collect()
}

/// Returns the control page of the arena, the start and the end of each of its blocks, and a byte within.
fn arena(memory: &FaultyMemory) -> Vec<u64> {
    let mut offsets: Vec<u64> = (0..4_096).collect();
    let (mut at, end) = (4_096, word(memory, 1, 8));
    while at < end {
        // The lower 48 bits of a tag are the size of the block and flags.
        let size = word(memory, 1, at) & 0xffff_ffff_ffe0;
        offsets.extend(at..at + size.min(64));
        offsets.extend([at + size / 2]);
        offsets.extend(at + size - 8..at + size);
        at += size;
    }
    offsets.extend(end..end + 32);
    offsets.into_iter().map(|offset| address(memory, 1, offset)).collect()
}

/// Returns the header of the log and its entries, except the last, long one.
fn log(memory: &FaultyMemory) -> impl Iterator<Item = u64> {
    let start = address(memory, 2, 0);
    let end = LOG_START + Store::open(memory.clone()).unwrap().log_info().bytes;
    (start..start + 600)
        .chain(start + end - 100_010..start + end - 99_990)
        .chain(start + end - 8..start + end + 24)
}

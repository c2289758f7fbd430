//! Corrupt images: a check reports every flipped byte of metadata, and no image makes an operation panic,
//! loop, or access bytes outside the memory.

use std::ops::Range;

use super::*;
use crate::structures::arena::tag::Tag;
use crate::structures::arena::{HEADER_BYTES, MAX_EXTENT_BYTES};

/// Returns two free blocks of one class, two of others, and extents between them and at the ends.
fn image() -> (SparseMemory, Vec<(Extent, u64)>) {
    let (memory, arena) = arena();
    let lens = [40, 1_000, 100, 1_000, 24, 5_000, 700, 1, 300];
    let mut extents: Vec<_> = lens.map(|len| (allocate(&arena, len), len)).to_vec();
    for i in [6, 5, 3, 1] {
        let (extent, len) = extents.remove(i);
        free(&arena, extent, len);
    }
    assert_eq!(check(&arena).len(), 5);
    memory.take_traffic();
    (memory, extents)
}

/// Returns the ranges of metadata in a sound image: everything except payloads and the insides of free
/// blocks.
fn metadata(memory: &SparseMemory) -> Vec<Range<u64>> {
    let end = memory.size() * 65_536 - ALIGNMENT;
    let (mut ranges, mut offset) = (vec![0..FIRST_BLOCK, end..end + ALIGNMENT], FIRST_BLOCK);
    while offset < end {
        let [word] = read_words(memory, offset);
        let tag = Tag::decode(word, offset).unwrap();
        if tag.free {
            ranges.push(offset..offset + 24);
            ranges.push(offset + tag.size - 8..offset + tag.size);
        } else {
            ranges.push(offset..offset + 8);
        }
        offset += tag.size;
    }
    ranges
}

fn flip(memory: &SparseMemory, offset: u64, mask: u8) {
    let mut byte = [0];
    memory.read(offset, &mut byte);
    memory.write(offset, &[byte[0] ^ mask]);
}

/// Runs every operation, in transactions that are committed if possible.
fn exercise(memory: &SparseMemory, extents: &[(Extent, u64)]) {
    let arena = Arena::new(memory.clone());
    let _ = arena.stats();
    for &(extent, len) in extents {
        attempt(&arena, |transaction| transaction.free(extent, len));
        let _ = arena.read(extent, 0, &mut [0; 1]);
    }
    for len in [1, 100, 300, 1_000, 5_000, 100_000, MAX_EXTENT_BYTES] {
        attempt(&arena, |transaction| transaction.allocate(len).map(drop));
    }
    let _ = arena.stats();
    problems(&arena);
}

fn attempt(
    arena: &Arena<SparseMemory>,
    work: impl FnOnce(&mut crate::structures::arena::Transaction<'_, SparseMemory>) -> Result<(), Error>,
) {
    let Ok(mut transaction) = arena.begin() else { return };
    if work(&mut transaction).is_ok() {
        transaction.commit();
    }
}

#[test]
fn every_flipped_byte_is_reported() {
    let (memory, extents) = image();
    for offset in metadata(&memory).into_iter().flatten() {
        for mask in [0x01, 0x80, 0xFF] {
            let damaged = memory.copy();
            flip(&damaged, offset, mask);
            assert!(problems(&Arena::new(damaged.clone())) > 0, "byte {offset} ^ {mask:#x} was not detected");
            if mask == 0xFF {
                exercise(&damaged, &extents);
            }
        }
    }
}

/// A problem is reported at the offset of its bytes.
#[test]
fn problems_are_reported_where_they_are() {
    let (memory, extents) = image();
    let end = memory.size() * 65_536 - ALIGNMENT;
    let block = extents[0].0.offset() - 8;
    let beyond = Tag::used(end - block + 32).encode(block);
    for (offset, word, what) in [
        (block, beyond, "a block has an impossible size"),
        (block, Tag::used(0).encode(block), "a block has an impossible size"),
        (end, 1, "the arena does not end in its sentinel"),
        (end, 0, "the sentinel of the arena is lost"),
        (end + 8, 1, "the bytes after the sentinel are not zero"),
    ] {
        let damaged = memory.copy();
        damaged.write(offset, &word.to_le_bytes());
        let mut problems = Vec::new();
        Arena::new(damaged).check(&mut |_, _| {}, &mut problems);
        assert!(
            problems.iter().any(|found| found.offset == offset && found.what.contains(what)),
            "{what}: {problems:?}"
        );
    }
}

/// Writes words that look like metadata to wrong offsets: copies of other words, small changes, noise.
#[test]
fn corruption_never_makes_an_operation_panic() {
    let (memory, extents) = image();
    let words: Vec<u64> = metadata(&memory).into_iter().flat_map(|range| range.step_by(8)).collect();
    let mut random = Random::new(11);
    for _ in 0..2_000 {
        let damaged = memory.copy();
        for _ in 0..1 + random.below(4) {
            let offset = words[random.below(words.len() as u64) as usize];
            let from = words[random.below(words.len() as u64) as usize];
            let [other] = read_words(&damaged, from);
            let word = match random.below(4) {
                0 => other,
                1 => {
                    Tag { size: random.below(1 << 20) * 32, free: random.below(2) == 0, previous_free: false }
                        .encode(offset)
                }
                2 => FIRST_BLOCK + random.below(300) * 32,
                _ => random.below(1 << 31) << random.below(33),
            };
            damaged.write(offset, &word.to_le_bytes());
        }
        exercise(&damaged, &extents);
    }
}

#[test]
fn check_reports_at_most_a_hundred_problems() {
    let (memory, _) = image();
    memory.write(HEADER_BYTES as u64, &[0xA5; 4_096 - HEADER_BYTES]);
    assert_eq!(problems(&Arena::new(memory)), 100);
}

#[test]
fn a_memory_with_other_contents_is_refused() {
    let (memory, arena) = arena();
    memory.grow(256);
    let (no_arena, unknown) = ("does not contain an arena", "layout version of the arena is unknown");
    for (magic, expected) in [
        ([0; 8], no_arena),
        (*b"ARENA\0\x02\0", unknown),
        (*b"ARENB\0\x01\0", no_arena),
        (*b"SSL\x01\0\0\0\0", no_arena),
    ] {
        memory.write(0, &magic);
        let Err(Error::Corrupted { what, offset: 0 }) = arena.begin().map(drop) else { panic!("{expected}") };
        assert!(what.contains(expected), "{what}, not {expected}");
        assert!(matches!(arena.stats(), Err(Error::Corrupted { offset: 0, .. })));
        assert_eq!(problems(&arena), 1);
    }
}

#[test]
fn a_truncated_memory_is_refused() {
    let (memory, arena) = arena();
    allocate(&arena, MAX_EXTENT_BYTES);
    let mut header = [0; 4_096];
    memory.read(0, &mut header);
    let short = SparseMemory::default();
    short.grow(511);
    short.write(0, &header);
    let arena = Arena::new(short);
    assert!(matches!(arena.begin(), Err(Error::Corrupted { offset: 8, .. })));
    assert_eq!(problems(&arena), 1);
}

//! The parts that need no blocks: the header with its bitmaps, and the cache of words.

use super::*;
use crate::structures::arena::class::{CLASSES, Class};
use crate::structures::arena::control::{ArenaHeader, HEADER_BYTES};
use crate::structures::arena::write_set::WriteSet;
use storage_testkit::Traffic;

/// Returns the header of an arena of one bucket, with a free block in each of these classes.
fn header(classes: &[usize]) -> ArenaHeader {
    let mut header = ArenaHeader::EMPTY;
    header.set_end(BUCKET_BYTES - ALIGNMENT);
    classes.iter().for_each(|&class| header.mark(Class::of_index(class)));
    header
}

fn bytes(header: &ArenaHeader) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    let (offset, changes) = header.changes(&ArenaHeader::EMPTY).unwrap();
    bytes[offset as usize..][..changes.len()].copy_from_slice(&changes);
    bytes
}

fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<ArenaHeader, Error> {
    let header = ArenaHeader::decode(bytes, BUCKET_BYTES, BUCKET_BYTES)?;
    header.verify().map(|()| header)
}

/// Each field has a distinct pattern.
#[test]
fn golden_head() {
    let mut header = header(&[1, 18, 35, 68, 485]);
    for _ in 0..3 {
        header.count_used(0x1_1260);
    }
    let mut expected = [0; HEADER_BYTES];
    expected[..8].copy_from_slice(b"ARENA\0\x01\0");
    expected[8..16].copy_from_slice(&[0xE0, 0xFF, 0xFF, 0, 0, 0, 0, 0]);
    expected[16..24].copy_from_slice(&[0x20, 0x37, 0x03, 0, 0, 0, 0, 0]);
    expected[24] = 3;
    expected[32..40].copy_from_slice(&[0b0001_0111, 0, 0, 0b0100_0000, 0, 0, 0, 0]);
    expected[40] = 1 << 1; // Level 0, class 1.
    expected[42] = 1 << 2; // Level 1, class 2.
    expected[44] = 1 << 3; // Level 2, class 3.
    expected[48] = 1 << 4; // Level 4, class 4.
    expected[100] = 1 << 5; // Level 30, class 5.
    assert_eq!(bytes(&header), expected);
    assert_eq!(decode(&expected), Ok(header));
}

/// A word that is invalid is reported at its offset.
#[test]
fn an_impossible_head_is_refused() {
    let sound = bytes(&header(&[40]));
    assert!(decode(&sound).is_ok());
    // Words and their offsets, and the offset that is reported.
    let wrong: [(&[(usize, u64)], u64); 17] = [
        (&[(0, 0)], 0),                                     // No magic.
        (&[(0, u64::from_le_bytes(*b"ARENA\0\x02\0"))], 0), // Another version.
        (&[(8, 0)], 8),                                     // An end before the first block,
        (&[(8, BUCKET_BYTES - 64)], 8),                     // not at the end of a bucket,
        (&[(8, 2 * BUCKET_BYTES - 32)], 8),                 // after the memory,
        (&[(8, u64::MAX - 31)], 8),                         // after any memory.
        (&[(16, 33)], 16),                                  // Used bytes that are not a multiple of 32,
        (&[(16, 32)], 24),                                  // without a used block,
        (&[(16, BUCKET_BYTES)], 16),                        // more than the arena has.
        (&[(16, BUCKET_BYTES), (24, 1)], 16),
        (&[(24, 1)], 24),           // A block of no bytes.
        (&[(16, 64), (24, 3)], 24), // More blocks than fit the used bytes.
        (&[(32, 0)], 32),           // No level, although a class is set.
        (&[(32, 1 << 32)], 32),     // A level that does not exist.
        (&[(40, 2)], 32),           // A class without its level.
        (&[(104, 2)], 104),         // More slots than the arena can supply.
        (&[(112, 1)], 112),         // Reserved.
    ];
    for (words, reported) in wrong {
        let mut bytes = sound;
        for (offset, word) in words {
            bytes[*offset..offset + 8].copy_from_slice(&word.to_le_bytes());
        }
        let found = decode(&bytes);
        assert!(
            matches!(found, Err(Error::Corrupted { offset, .. }) if offset == reported),
            "{words:x?}: {found:?}"
        );
    }
}

/// Compares the bitmaps with a set of classes that is searched linearly.
#[test]
fn bitmaps_match_a_linear_search() {
    let mut random = Random::new(3);
    for _ in 0..50 {
        let mut header = header(&[]);
        let mut set = [false; CLASSES];
        for _ in 0..random.below(60) {
            let class = random.below(CLASSES as u64) as usize;
            set[class] = random.below(3) > 0;
            if set[class] {
                header.mark(Class::of_index(class))
            } else {
                header.clear(Class::of_index(class))
            }
        }
        assert_eq!(header.verify(), Ok(()));
        assert_eq!(header.highest().map(Class::index), set.iter().rposition(|&marked| marked));
        for class in 0..CLASSES {
            let found = header.first_from(Class::of_index(class)).map(Class::index);
            assert_eq!(found, set[class..].iter().position(|&marked| marked).map(|i| class + i));
            assert_eq!(header.has(Class::of_index(class)), set[class]);
        }
    }
}

#[test]
fn counters_do_not_go_below_zero() {
    let mut header = header(&[]);
    header.count_used(64);
    assert!(header.count_freed(96).is_err());
    assert_eq!(header.count_freed(64), Ok(()));
    assert!(header.count_freed(64).is_err());
}

#[test]
fn contiguous_words_are_one_write() {
    let memory = SparseMemory::default();
    memory.grow(1);
    memory.take_traffic();
    let mut words = WriteSet::new(&memory, 65_536);
    for offset in [104, 96, 88, 200, 112] {
        words.set(offset, offset);
    }
    words.write();
    let expected = Traffic { writes: 2, written_bytes: 40, written_pages: 1, ..Traffic::default() };
    assert_eq!(memory.take_traffic(), expected);
    assert_eq!(read_words(&memory, 80), [0, 88, 96, 104, 112, 0]);
    assert_eq!(read_words(&memory, 192), [0, 200, 0]);
}

/// Lines are read once, and a later read does not overwrite changed words.
#[test]
fn reads_see_changes_and_no_line_is_read_twice() {
    let memory = SparseMemory::default();
    memory.grow(1);
    memory.write(64, &7u64.to_le_bytes());
    memory.take_traffic();
    let mut words = WriteSet::new(&memory, 65_536);
    words.set(72, 8);
    assert_eq!(words.get(72), 8);
    assert_eq!(memory.take_traffic().reads, 0, "words that were set are not read");
    words.fetch(32, 2);
    assert_eq!((words.header(64), words.get(40)), ([7, 8, 0], 0));
    assert_eq!(memory.take_traffic().reads, 1);
}

/// Memory that the transaction will add reads as zeroes.
#[test]
fn bytes_after_the_memory_read_as_zeroes() {
    let memory = SparseMemory::default();
    memory.grow(1);
    let mut words = WriteSet::new(&memory, 65_536);
    words.fetch(65_536 - 32, 2);
    assert_eq!(words.header(1 << 38), [0; 3]);
}

/// The words of a small memory, as a write set must show them.
struct Words {
    memory: SparseMemory,
    model: Vec<u64>,
}

impl Words {
    /// Words from 1 on in the first half; the transaction adds the other half.
    fn new(count: u64) -> Self {
        let memory = SparseMemory::default();
        memory.grow(1);
        (0..count / 2).for_each(|i| memory.write(8 * i, &(i + 1).to_le_bytes()));
        Self { memory, model: (0..count).map(|i| if i < count / 2 { i + 1 } else { 0 }).collect() }
    }
}

/// Reads of every kind see all changes of every kind, in any order, and the memory has them after the write.
#[test]
fn a_write_set_agrees_with_an_array() {
    const LINES: u64 = 32;
    let mut random = Random::new(5);
    for round in 0..300 {
        let Words { memory, mut model } = Words::new(4 * LINES);
        let mut words = WriteSet::new(&memory, 16 * LINES);
        // Runs that are cleared do not overlap: each is in its own quarter.
        let mut quarters = [0, 1, 2, 3].into_iter();
        for step in 0..40 {
            let (line, i) = (random.below(LINES), random.below(4));
            let at = (4 * line + i) as usize;
            match random.below(7) {
                0 => {
                    words.set(8 * at as u64, 1_000 + step);
                    model[at] = 1_000 + step;
                }
                1 => words.fetch(32 * line.min(LINES - 2), 2),
                2 => assert_eq!(words.header(32 * line), model[4 * line as usize..][..3], "{round}"),
                3 => assert_eq!(words.peek(32 * line), model[4 * line as usize], "{round}"),
                4 if random.below(3) == 0 => {
                    let Some(quarter) = quarters.next() else { continue };
                    let (stride, count) = (1 + random.below(3), 1 + random.below(2));
                    let first = quarter * LINES / 4 + random.below(2);
                    words.clear(32 * first, 32 * stride, count);
                    (0..count).for_each(|n| model[4 * (first + n * stride) as usize] = 0);
                }
                _ => assert_eq!(words.get(8 * at as u64), model[at], "{round}"),
            }
        }
        words.write();
        assert_eq!(read_words::<_, { 4 * LINES as usize }>(&memory, 0)[..], model, "{round}");
    }
}

/// Clearing lines that are not cached takes no line on the heap, and one write for each.
#[test]
fn cleared_lines_are_not_read() {
    let Words { memory, .. } = Words::new(256);
    memory.take_traffic();
    let mut words = WriteSet::new(&memory, 65_536);
    words.clear(64, 96, 5);
    assert_eq!((0..16).filter(|line| words.peek(32 * line) == 0).collect::<Vec<_>>(), [2, 5, 8, 11, 14]);
    assert_eq!(memory.take_traffic().reads, 11, "the cleared ones are known");
    words.write();
    assert_eq!(
        memory.take_traffic(),
        Traffic { writes: 5, written_bytes: 40, written_pages: 1, ..Traffic::default() }
    );
}

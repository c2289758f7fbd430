//! Corruption that keeps every tag's check valid. For each kind, the operation that would make it worse
//! refuses, and a check reports it.

use super::*;
use crate::structures::arena::class::Class;
use crate::structures::arena::control::list_head;
use crate::structures::arena::tag::Tag;

const LEN: u64 = 1_000;
const SIZE: u64 = 1_024;

/// Returns the offset of the block with this number.
const fn block(i: u64) -> u64 {
    FIRST_BLOCK + i * SIZE
}

const fn extent(i: u64) -> Extent {
    Extent::at(block(i) + 8)
}

/// Returns eight blocks of one size, followed by free space. Blocks 1 and 3 are free, and 3 is the first in
/// their list.
fn image() -> SparseMemory {
    let (memory, arena) = arena();
    for i in 0..8 {
        assert_eq!(allocate(&arena, LEN), extent(i));
    }
    free(&arena, extent(1), LEN);
    free(&arena, extent(3), LEN);
    memory
}

fn put(memory: &SparseMemory, offset: u64, word: u64) {
    memory.write(offset, &word.to_le_bytes());
}

fn put_tag(memory: &SparseMemory, offset: u64, tag: Tag) {
    put(memory, offset, tag.encode(offset));
}

/// Removes the class of blocks 1 and 3 from the bitmaps.
fn clear_bits(memory: &SparseMemory) {
    let index = Class::holding(SIZE).index() as u64;
    for (offset, bit) in [(32, index / 16), (40 + index / 64 * 8, index % 64)] {
        let [word] = read_words(memory, offset);
        put(memory, offset, word & !(1 << bit));
    }
}

/// Corrupts a sound image, and expects these words in the operation's error and in one of the check's
/// problems.
fn expect(
    damage: impl FnOnce(&SparseMemory),
    operation: impl FnOnce(&mut crate::structures::arena::Transaction<'_, SparseMemory>) -> Result<(), Error>,
    refusal: &str,
    problem: &str,
) {
    let memory = image();
    damage(&memory);
    let arena = Arena::new(memory.clone());
    let before = memory.copy();
    match operation(&mut arena.begin().unwrap()) {
        Err(Error::Corrupted { what, .. }) => assert!(what.contains(refusal), "{what}, not {refusal}"),
        other => panic!("{refusal}: {other:?}"),
    }
    assert!(memory.same_as(&before));
    let mut problems = Vec::new();
    arena.check(&mut |_, _| {}, &mut problems);
    assert!(problems.iter().any(|found| found.what.contains(problem)), "{problem}: {problems:?}");
}

#[test]
fn a_tag_that_contradicts_the_block_before_it() {
    expect(
        |memory| put_tag(memory, block(6), Tag { previous_free: true, ..Tag::used(SIZE) }),
        |transaction| transaction.free(extent(5), LEN),
        "states that a used block is free",
        "contradicts the block before",
    );
    expect(
        |memory| put_tag(memory, block(4), Tag::used(SIZE)),
        |transaction| transaction.allocate(LEN).map(drop),
        "contradicts the free block before it",
        "contradicts the block before",
    );
}

#[test]
fn a_footer_with_a_wrong_size() {
    for (size, refusal) in
        [(2 * SIZE, "footer differs"), (0, "footer differs"), (1 << 30, "impossible offset")]
    {
        expect(
            |memory| put_tag(memory, block(4) - 8, Tag::free(size)),
            |transaction| transaction.free(extent(4), LEN),
            refusal,
            "footer differs",
        );
    }
}

#[test]
fn a_block_of_an_impossible_size() {
    for size in [0, 1 << 38] {
        expect(
            |memory| put_tag(memory, block(6), Tag::used(size)),
            |transaction| transaction.free(extent(5), LEN),
            "impossible size",
            "impossible size",
        );
    }
}

#[test]
fn an_invalid_sentinel() {
    let end = BUCKET_BYTES - ALIGNMENT;
    for tag in [Tag::free(0), Tag::used(32)] {
        expect(
            |memory| put_tag(memory, end, tag),
            |transaction| transaction.allocate(BUCKET_BYTES).map(drop),
            "impossible size",
            "does not end in its sentinel",
        );
    }
}

#[test]
fn a_list_that_contradicts_its_bit() {
    expect(
        clear_bits,
        |transaction| transaction.free(extent(6), LEN),
        "contradicts its bit",
        "contradicts its bit",
    );
}

#[test]
fn a_free_block_in_no_list() {
    expect(
        |memory| {
            clear_bits(memory);
            put(memory, list_head(Class::holding(SIZE)), 0);
        },
        |transaction| transaction.free(extent(4), LEN),
        "not in the list of its class",
        "in no list",
    );
}

/// The links of block 1 state that it is the first, but block 3 is.
#[test]
fn a_free_block_that_is_not_the_first_of_its_list() {
    expect(
        |memory| put(memory, block(1) + 16, 0),
        |transaction| transaction.free(extent(0), LEN),
        "not in the list of its class",
        "link to the previous block is wrong",
    );
}

#[test]
fn a_free_block_in_a_list_without_a_bit() {
    expect(
        clear_bits,
        |transaction| transaction.free(extent(4), LEN),
        "not in the list of its class",
        "contradicts its bit",
    );
}

#[test]
fn a_wrong_link_to_the_previous_block() {
    expect(
        |memory| put(memory, block(1) + 16, 0),
        |transaction| transaction.allocate(LEN).map(drop),
        "list of the arena is inconsistent",
        "link to the previous block is wrong",
    );
}

#[test]
fn a_list_with_a_block_of_another_class() {
    expect(
        |memory| put(memory, list_head(Class::holding(SIZE)), block(8)),
        |transaction| transaction.allocate(LEN).map(drop),
        "list of the arena is inconsistent",
        "in the list of another class",
    );
}

#[test]
fn a_list_with_a_block_in_use() {
    expect(
        |memory| put_tag(memory, block(3), Tag::used(SIZE)),
        |transaction| transaction.allocate(LEN).map(drop),
        "list of the arena is inconsistent",
        "contains an offset without a free block",
    );
}

/// The second allocation detects the loop.
#[test]
fn a_list_that_loops() {
    expect(
        |memory| put(memory, block(1) + 8, block(3)),
        |transaction| {
            transaction.allocate(LEN)?;
            transaction.allocate(LEN).map(drop)
        },
        "list of the arena is inconsistent",
        "a block twice",
    );
}

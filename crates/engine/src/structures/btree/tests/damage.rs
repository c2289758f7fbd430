//! Trees with corrupt bytes.

use super::*;
use crate::structures::btree::page::{
    INNER, LONG_CONTENT, Node, PageNumber, head_of, leaf_parts, long_value,
};

fn filled() -> (VectorMemory, Model) {
    let memory = VectorMemory::default();
    let (map, mut model, mut random) = (open(&memory), Model::new(), Random(6));
    for number in 0..260u64 {
        let key =
            format!("user/{:0width$}", number * 37 % 260, width = if number % 5 == 0 { 700 } else { 6 });
        let value = vec![number as u8; [3, 100, 600, 5_000][random.below(4) as usize]];
        insert(&map, key.as_bytes(), &value);
        model.insert(key.into_bytes(), value);
    }
    for number in 0..40u64 {
        let key = model.keys().nth((number * 5) as usize % model.len()).cloned().expect("the model has keys");
        assert!(remove(&map, &key));
        model.remove(&key);
    }
    assert!(map.tree.header.get().levels >= 2 && map.tree.header.get().free_count > 0);
    (memory, model)
}

/// Runs every operation on a map that may be corrupt: nothing panics or loops, and a failed change changes
/// nothing.
fn exercise(memory: &VectorMemory, model: &Model) {
    let Ok(map) = try_open(memory) else { return };
    let mut found = Vec::new();
    map.check(&mut found);
    for key in model.keys().step_by(29) {
        let _ = map.get(key);
        let _ = map.from(Bound::Excluded(key.clone()), |_| true).take(40).collect::<Result<Vec<_>, _>>();
    }
    for direction in [Direction::Forward, Direction::Backward] {
        if let Ok(mut cursor) = map.cursor(Bound::Unbounded, direction) {
            let mut passed = 0;
            while cursor.advance().is_ok_and(|passed| passed) && cursor.entry().is_ok() {
                passed += 1;
                assert!(passed <= 100_000, "a cursor loops");
            }
        }
    }
    let before = memory.borrow().clone();
    for (number, key) in model.keys().enumerate().step_by(31) {
        let mut change = map.begin();
        let changed = if number % 2 == 0 {
            change.remove(key).map(drop)
        } else {
            change
                .insert(key, &vec![9; 2_000])
                .and_then(|()| change.insert(&[key, &b"x"[..]].concat(), &vec![8; 90]))
        };
        drop(change);
        assert!(*memory.borrow() == before, "{changed:?}");
    }
    let mut change = map.begin();
    let removed: Result<(), Error> = model.keys().try_for_each(|key| change.remove(key).map(drop));
    if removed.is_ok() && map.check(&mut Vec::new()) {
        change.commit();
        assert_eq!(problems(&map), []);
    }
}

#[test]
fn flipped_bits_cause_errors_but_no_panic() {
    let (memory, model) = filled();
    let used = map_bytes(&memory);
    let clean = memory.borrow().clone();
    let step = 4_099;
    for bit in (0..used * 8).step_by(step) {
        memory.borrow_mut()[bit / 8] ^= 1 << (bit % 8);
        exercise(&memory, &model);
        *memory.borrow_mut() = clean.clone();
    }
}

/// Sets each byte of headers and slots to the values that are most likely to be valid offsets.
#[test]
fn corrupt_headers_and_slots_cause_errors_but_no_panic() {
    let (memory, model) = filled();
    let clean = memory.borrow().clone();
    let pages = map_bytes(&memory) / PAGE;
    for page in 0..pages {
        for offset in (0..40).map(|offset| page * PAGE + offset) {
            for byte in [0, 1, 2, 16, 255] {
                memory.borrow_mut()[offset] = byte;
                if memory.borrow()[offset] != clean[offset] {
                    let map = try_open(&memory);
                    let mut found = Vec::new();
                    if let Ok(map) = &map {
                        map.check(&mut found);
                    }
                    // To keep the suite fast, only one in 64 runs every operation.
                    if (offset + usize::from(byte)) % 64 == 0 {
                        exercise(&memory, &model);
                        *memory.borrow_mut() = clean.clone();
                    }
                }
                memory.borrow_mut()[offset] = clean[offset];
            }
        }
    }
    assert!(*memory.borrow() == clean);
}

/// If the check finds no problem, the tree is unchanged except in keys, values and gaps.
#[test]
fn check_reports_structural_corruption() {
    let (memory, model) = filled();
    let clean = memory.borrow().clone();
    let (mut named, mut unnoticed) = (0, 0);
    for bit in (0..map_bytes(&memory) * 8).step_by(1_021) {
        memory.borrow_mut()[bit / 8] ^= 1 << (bit % 8);
        match try_open(&memory) {
            Ok(map) if map.check(&mut Vec::new()) => {
                unnoticed += 1;
                // A key may differ in one byte if neither the order nor a slot reveals it; a value may differ
                // anywhere.
                let read = entries(&map);
                assert_eq!(read.len(), model.len());
                let differing = read.iter().zip(&model).filter(|(one, other)| one != other).count();
                assert!(differing <= 1, "one bit changed {differing} entries");
            }
            _ => named += 1,
        }
        memory.borrow_mut().copy_from_slice(&clean);
    }
    assert!(named > 0 && unnoticed > 0, "{named} {unnoticed}");
}

fn map_bytes(memory: &VectorMemory) -> usize {
    open(memory).tree.header.get().pages as usize * PAGE
}

/// The order of the keys is what ends such an iteration.
#[test]
fn a_cursor_does_not_follow_links_in_a_circle() {
    for (direction, offset) in [(Direction::Forward, 16), (Direction::Backward, 12)] {
        let memory = VectorMemory::default();
        let map = open(&memory);
        (0..60u8).for_each(|number| insert(&map, &[number], &[1; 300]));
        let root = map.tree.header.get().root;
        let (first, last) =
            map.tree.with_inner(root, |node| Some((node.child(0)?, node.child(node.len())?))).unwrap();
        let (from, to) = if direction == Direction::Forward { (last, first) } else { (first, last) };
        memory.write(from.offset() + offset, &to.0.to_le_bytes());
        let mut cursor = map.cursor(Bound::Unbounded, direction).unwrap();
        (0..60).for_each(|_| assert!(cursor.advance().unwrap()));
        assert!(matches!(cursor.advance(), Err(Error::Corrupted { .. })));
    }
}

/// Returns a map whose root has separators of many bytes.
fn with_long_separators() -> (VectorMemory, TestMap) {
    let memory = VectorMemory::default();
    let map = open(&memory);
    for number in 0..200u32 {
        let key = [&b"xy"[..], &[number as u8 / 50], &[b'k'; 20], &[number as u8 % 50 * 5]].concat();
        insert(&map, &key, &[1; 100]);
    }
    assert_eq!((map.tree.header.get().levels, problems(&map)), (2, vec![]));
    (memory, map)
}

/// Returns the page of the root in memory.
fn root_in(memory: &VectorMemory, map: &TestMap) -> (usize, [u8; PAGE]) {
    let offset = map.tree.header.get().root.offset() as usize;
    (offset, *memory.borrow()[offset..].first_chunk().unwrap())
}

/// A cached page that differs from memory is reported, whether in its slots alone or in its cells alone, although
/// the page in memory has no problem itself.
#[test]
fn check_compares_cached_pages_with_memory() {
    for in_slots in [true, false] {
        let (memory, map) = with_long_separators();
        let (at, mut bytes) = root_in(&memory, &map);
        let node = Node::of(&bytes, INNER).unwrap();
        let (count, prefix_len) = (node.len(), node.prefix_len());
        if in_slots {
            // A shorter common prefix is as valid, with the heads that belong to it.
            let keys: Vec<_> = (0..count).map(|index| node.inner_key(index).unwrap().to_vec()).collect();
            bytes[4] = prefix_len as u8 - 1;
            for (index, key) in keys.iter().enumerate() {
                let head = head_of(key, prefix_len - 1);
                bytes[24 + 8 * index..][..4].copy_from_slice(&head.to_le_bytes());
            }
        } else {
            // A separator may be any key between two others.
            let longest = (0..count).max_by_key(|index| node.inner_key(*index).unwrap().len()).unwrap();
            let span = node.cell_span(longest).unwrap();
            assert!(span.end - span.start > 20, "no separator is long");
            bytes[span.end - 1] -= 1;
        }
        memory.write(at as u64, &bytes);
        assert_eq!(problems(&open(&memory)), [], "the page in memory is sound");
        let found = problems(&map);
        assert_eq!(found.iter().map(|problem| problem.offset).collect::<Vec<_>>(), [at as u64], "{found:?}");
    }
}

#[test]
fn links_outside_the_tree_are_refused() {
    let map = open(&VectorMemory::default());
    for (number, expected) in [(0, false), (1, true), (4, true), (5, false), (u32::MAX, false)] {
        assert_eq!(map.tree.check_number(PageNumber(number), 5).is_ok(), expected, "page {number} of 5");
    }
    // The first page has the header, so two pages hold one page of a value.
    for (length, pages, expected) in [
        (LONG_CONTENT, 2, true),
        (LONG_CONTENT + 1, 2, false),
        (2 * LONG_CONTENT, 3, true),
        (2 * LONG_CONTENT + 1, 3, false),
    ] {
        assert_eq!(map.tree.check_long(length, pages, PageNumber(1)).is_ok(), expected, "{length} {pages}");
    }
}

/// Values of other lengths than their cells can have are corruption, on both sides of each limit.
#[test]
fn cells_of_impossible_lengths_are_refused() {
    let reference = |length: usize, bytes: usize| {
        let whole = [&(length as u32).to_le_bytes()[..], &[1, 0, 0, 0, 0]].concat();
        long_value(&whole[..bytes]).is_some()
    };
    let found = [(961, 8), (960, 8), (961, 7), (961, 9)].map(|(length, bytes)| reference(length, bytes));
    assert_eq!(found, [true, false, false, false]);
    let cell =
        |key: usize, bytes: usize| leaf_parts(&[&(key as u16).to_le_bytes()[..], &vec![7; bytes]].concat());
    for (key, bytes, expected) in [
        (3, 3, Some((5, false))),
        (3, 963, Some((5, false))),
        (3, 964, None),
        (4, 3, None),
        (0, 0, Some((2, false))),
    ] {
        assert_eq!(cell(key, bytes), expected, "a key of {key} bytes in {bytes}");
    }
    assert_eq!(cell(3 | 1 << 15, 11), Some((5, true)));
}

#[test]
fn check_reports_links_that_no_neighbour_has() {
    // The offsets of the links of a page: `before` and `after`. An inner page has none after it.
    let (memory, map) = with_long_separators();
    let (root, _) = root_in(&memory, &map);
    let leaf = |number: usize| {
        let child = map.tree.with_inner(map.tree.header.get().root, |node| node.child(number)).unwrap();
        child.offset() as usize
    };
    for (at, link) in [
        (root + 16, PageNumber(1)),
        (leaf(0) + 12, PageNumber((leaf(1) / PAGE) as u32)),
        (leaf(2) + 12, PageNumber((leaf(0) / PAGE) as u32)),
        (leaf(2) + 16, PageNumber((leaf(1) / PAGE) as u32)),
        (leaf(1) + 16, PageNumber::NONE),
    ] {
        let before = memory.borrow()[at..at + 4].to_vec();
        memory.write(at as u64, &link.0.to_le_bytes());
        assert_eq!(problems(&open(&memory)).len(), 1, "byte {at}");
        memory.write(at as u64, &before);
        assert_eq!(problems(&open(&memory)), []);
    }
}

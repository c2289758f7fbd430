//! Trees with corrupt bytes.

use super::*;

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

//! Removals in a memory that is full to its last page.

use super::*;
use storage_testkit::SparseMemory;

/// Removes everything in an order that a greedy search finds bad: among some candidates, the one that leaves
/// most pages in use. No removal may need a page, for any family of keys.
#[test]
fn a_removal_never_needs_a_page_in_the_worst_order() {
    for keys in FAMILIES {
        let memory = VectorMemory::default();
        let (map, mut random, mut model) = (open(&memory), Random(3), Model::new());
        (0..700).for_each(|_| change(&mut random, keys, &map, &mut model, 9));
        let mut left: Vec<Vec<u8>> = model.into_keys().collect();
        while !left.is_empty() {
            let candidates: Vec<usize> = (0..6).map(|_| random.below(left.len() as u64) as usize).collect();
            let worst = candidates.into_iter().max_by_key(|index| {
                let mut change = map.begin();
                assert!(change.remove(&left[*index]).unwrap());
                assert_eq!(change.growth().pages, 0);
                change.change.header.pages
            });
            let key = left.swap_remove(worst.expect("there are candidates"));
            let before = map.tree.header.get();
            assert!(remove(&map, &key));
            let after = map.tree.header.get();
            assert_eq!(after.pages, before.pages, "{keys:?}");
            assert!(after.free_count >= before.free_count, "{keys:?}: a removal needed a page");
        }
        assert_eq!(map.tree.header.get().free_count, map.tree.header.get().pages - 1);
    }
}

/// The store of the bug report: keys of alternately 8 and 1,024 bytes until the memory is full, and removals
/// that would make the separators longer.
#[test]
fn a_full_memory_can_be_emptied_in_any_order() {
    for seed in 0..3 {
        let memory = SparseMemory::with_maximum(64);
        let map: Map<Vec<u8>, Vec<u8>, _> = Map::open(memory, None, OPTIONS).unwrap();
        let mut random = Random(seed);
        let mut keys = Vec::new();
        for number in 0u32.. {
            let start = number.wrapping_mul(0x9e37_79b1).to_be_bytes();
            let length = if number % 2 == 0 { 8 } else { 1_024 };
            let key: Vec<u8> = start.into_iter().chain(std::iter::repeat(b'k')).take(length).collect();
            let mut change = map.begin();
            change.insert(&key, &vec![1; 420]).unwrap();
            if map.tree.memory.size() + change.growth().pages > 64 {
                break;
            }
            change.commit();
            keys.push(key);
        }
        assert!(keys.len() > 1_500, "{}", keys.len());
        // Long keys last, first, or in random order.
        match seed {
            0 => keys.sort_by_key(|key| std::cmp::Reverse(key.len())),
            1 => keys.sort_by_key(|key| key.len()),
            _ => (0..keys.len())
                .rev()
                .for_each(|index| keys.swap(index, random.below(index as u64 + 1) as usize)),
        }
        for key in keys.into_iter().rev() {
            let mut change = map.begin();
            assert!(change.remove(&key).unwrap());
            assert_eq!(change.growth().pages, 0);
            change.commit();
        }
        assert_eq!(map.len(), 0);
    }
}

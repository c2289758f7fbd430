//! Changes at positions that were found before, and the pages that a change leaves unused.

use super::*;
use crate::structures::btree::change::unused_pages;

/// A map with the keys 10, 20, .. in several leaves.
fn tens(memory: &VectorMemory) -> (TestMap, Model) {
    let (map, mut model) = (open(memory), Model::new());
    for number in 1..200u32 {
        let (key, value) = ((number * 10).to_be_bytes().to_vec(), vec![number as u8; 300]);
        insert(&map, &key, &value);
        model.insert(key, value);
    }
    (map, model)
}

#[test]
fn the_first_key_from_a_bound_may_be_in_the_next_leaf() {
    let memory = VectorMemory::default();
    let (map, model) = tens(&memory);
    let mut change = map.begin();
    for bound in 0..2_010u32 {
        let bound = bound.to_be_bytes().to_vec();
        let located = change.locate_from(&bound).unwrap();
        let found = located
            .map(|located| change.look_entry(located, |key, value| (key.to_vec(), value.to_vec())).unwrap());
        let expected = model.range(bound..).next().map(|(key, value)| (key.clone(), value.clone()));
        assert!(found == expected);
    }
    let empty = VectorMemory::default();
    assert!(open(&empty).begin().locate_from(&[]).unwrap().is_none());
}

/// A position is used again only if its leaf is unchanged.
#[test]
fn a_position_may_be_used_after_other_changes() {
    for others in [1, 60] {
        let memory = VectorMemory::default();
        let (map, mut model) = tens(&memory);
        let mut change = map.begin();
        assert_eq!(change.len(), 199);
        let (new, old) = (505u32.to_be_bytes().to_vec(), 510u32.to_be_bytes().to_vec());
        let (new_at, old_at) = (change.locate(&new).unwrap(), change.locate(&old).unwrap());
        for number in 0..others {
            let key = [&500u32.to_be_bytes()[..], &[number]].concat();
            change.insert(&key, &vec![1; 200]).unwrap();
            model.insert(key, vec![1; 200]);
        }
        change.insert_at(new_at, &new, (&[2; 10], &[3; 20])).unwrap();
        model.insert(new, [vec![2; 10], vec![3; 20]].concat());
        assert!(change.remove_at(old_at, &old).unwrap());
        model.remove(&old);
        assert_eq!(change.len(), 199 + u64::from(others));
        change.commit();
        assert!(entries(&map) == model);
        assert_eq!(problems(&map), []);
    }
}

/// The second part counts: values around the limit of a leaf are read back.
#[test]
fn a_value_in_two_parts_is_their_concatenation() {
    let memory = VectorMemory::default();
    let map = open(&memory);
    let most = MAX_LOCAL_VALUE;
    for (start, end) in
        [(0, 5), (5, 0), (most, 0), (0, most), (most, 1), (1, most), (most - 1, 1), (3_000, 3_000)]
    {
        let (start, end) = (vec![1; start], vec![2; end]);
        let mut change = map.begin();
        let located = change.locate(b"key").unwrap();
        change.insert_at(located, b"key", (&start, &end)).unwrap();
        change.commit();
        assert_eq!(map.get(&b"key".to_vec()).unwrap(), Some([start, end].concat()));
        assert_eq!(problems(&map), []);
    }
}

/// Makes a change that meets a page whose header is invalid, and commits it nevertheless.
fn commit_after_an_error(
    change_it: impl Fn(&mut super::super::Transaction<'_, Vec<u8>, Vec<u8>, VectorMemory>) -> bool,
) {
    let memory = VectorMemory::default();
    let (map, _) = tens(&memory);
    let root = map.tree.header.get().root;
    let second = map.tree.with_inner(root, |node| node.child(1)).unwrap();
    let map = open(&memory);
    let mut change = map.begin();
    memory.write(second.offset(), &[9]);
    assert!(change_it(&mut change), "no error");
    change.commit();
}

#[test]
#[should_panic(expected = "a change that met an error was committed")]
fn an_insertion_that_met_corruption_is_not_committed() {
    // The first leaf is split, and its next leaf gets a link.
    commit_after_an_error(|change| {
        (0..40u8).any(|number| change.insert(&vec![0, 0, 0, 11, number], &vec![1; 300]).is_err())
    });
}

#[test]
#[should_panic(expected = "a change that met an error was committed")]
fn a_removal_that_met_corruption_is_not_committed() {
    commit_after_an_error(|change| {
        (1..20u32).any(|number| change.remove(&(number * 10).to_be_bytes().to_vec()).is_err())
    });
}

#[test]
fn unused_pages_are_whole_pages_of_64_kib() {
    let header = TreeHeader { pages: 17, free_count: 3, ..TreeHeader::NEW };
    for (memory_pages, freed, unused) in
        [(2, 0, 1), (2, 13, 1), (2, 14, 2), (3, 0, 2), (1, 0, 0), (1, 13, 0), (1, 14, 1), (0, 0, 0)]
    {
        assert_eq!(unused_pages(&header, memory_pages, freed), unused, "{memory_pages} {freed}");
    }
}

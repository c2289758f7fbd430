//! Compares the map of the library with the map of std.

use super::*;
use crate::structures::btree::{BPlusTreeMap, MapOptions};
use storage_testkit::SparseMemory;

#[test]
fn the_map_of_the_library_equals_the_map_of_std() {
    let memory = VectorMemory::default();
    let mut map = BPlusTreeMap::<u64, String, _>::open(memory.clone()).unwrap();
    let (mut model, mut random) = (BTreeMap::new(), Random(17));
    for step in 0..4_000 {
        let (key, value) = (random.below(600), "v".repeat(random.below(300) as usize));
        match random.below(10) {
            0..5 => assert_eq!(map.insert(key, value.clone()), model.insert(key, value)),
            5..7 => assert_eq!(map.remove(&key), model.remove(&key)),
            7 => assert_eq!(map.pop_first(), model.pop_first()),
            8 => assert_eq!(map.pop_last(), model.pop_last()),
            _ => assert_eq!(
                (map.get(&key).as_ref(), map.contains_key(&key)),
                (model.get(&key), model.contains_key(&key))
            ),
        }
        if step % 200 == 0 {
            map = BPlusTreeMap::open(memory.clone()).unwrap();
            assert_eq!((map.len(), map.is_empty()), (model.len() as u64, model.is_empty()));
            assert_eq!(map.first_key_value().as_ref().map(|pair| &pair.0), model.keys().next());
            assert_eq!(map.last_key_value().as_ref().map(|pair| &pair.0), model.keys().next_back());
            let (low, high) = (random.below(300), 300 + random.below(300));
            let range: Vec<_> = map.range(low..=high).collect::<Result<_, _>>().unwrap();
            assert!(range.iter().map(|(key, value)| (key, value)).eq(model.range(low..=high)));
            let (mut ours, mut theirs) = (map.range(low..high), model.range(low..high));
            // Alternates between both ends, until they meet.
            loop {
                let front = theirs.next().map(|(key, value)| (*key, value.clone()));
                assert_eq!(ours.next().transpose().unwrap(), front);
                let back = theirs.next_back().map(|(key, value)| (*key, value.clone()));
                assert_eq!(ours.next_back().transpose().unwrap(), back);
                if front.is_none() && back.is_none() {
                    break;
                }
            }
            assert_eq!(map.check(), []);
        }
    }
}

#[test]
fn an_insertion_into_a_full_memory_changes_nothing() {
    let memory = SparseMemory::with_maximum(4);
    let options = MapOptions { growth_pages: 2, cached_pages: 4 };
    let mut map = BPlusTreeMap::<u64, Vec<u8>, _>::open_with(memory.clone(), options).unwrap();
    let error = (0..).find_map(|key| map.try_insert(key, vec![1; 500]).err()).unwrap();
    assert!(matches!(error, Error::OutOfMemory { requested: 131_072, .. }), "{error:?}");
    assert!(map.len() > 400);
    let (before, length) = (memory.copy(), map.len());
    assert!(map.try_insert(length + 1, vec![1; 5_000]).is_err());
    assert!(memory.same_as(&before));
    for key in 0..length {
        assert_eq!(map.remove(&key), Some(vec![1; 500]));
    }
    assert!(map.is_empty() && map.check().is_empty());
}

#[test]
fn a_key_above_the_limit_is_refused_with_its_length() {
    let mut map = BPlusTreeMap::<Vec<u8>, u8, _>::open(VectorMemory::default()).unwrap();
    assert_eq!(map.try_insert(vec![1; MAX_KEY], 1), Ok(None));
    let error = map.try_insert(vec![1; MAX_KEY + 1], 1).unwrap_err();
    assert_eq!(error.to_string(), "invalid argument: the key has 1025 bytes; the limit is 1024");
    assert_eq!((map.len(), map.get(&vec![1; MAX_KEY + 1])), (1, None));
}

#[test]
fn the_check_of_a_map_reports_its_problems() {
    let memory = VectorMemory::default();
    let mut map = BPlusTreeMap::<u64, u64, _>::open(memory.clone()).unwrap();
    assert_eq!(map.insert(1, 2), None);
    // The number of entries of the only leaf.
    memory.write(PAGE as u64 + 2, &[0]);
    let problems = map.check();
    assert_eq!(
        problems.iter().map(|problem| problem.offset).collect::<Vec<_>>(),
        [PAGE as u64],
        "{problems:?}"
    );
}

/// A tree beside other structures, in a memory of ic-stable-structures' manager.
#[test]
fn a_map_shares_a_memory_manager_with_a_stable_map() {
    use ic_stable_structures::memory_manager::{MemoryId, MemoryManager};
    let memory = VectorMemory::default();
    for round in 0..2u64 {
        let manager = MemoryManager::init(memory.clone());
        let mut ours = BPlusTreeMap::<u64, u64, _>::open(manager.get(MemoryId::new(0))).unwrap();
        let mut theirs =
            ic_stable_structures::StableBTreeMap::<u64, u64, _>::init(manager.get(MemoryId::new(1)));
        for key in 0..3_000 {
            assert_eq!(ours.insert(key, key + round), theirs.insert(key, key + round));
        }
        assert_eq!((ours.len(), ours.check()), (theirs.len(), vec![]));
    }
}

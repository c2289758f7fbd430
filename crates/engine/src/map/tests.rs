use std::collections::BTreeMap;
use std::ops::Bound;

use ic_stable_structures::{Memory, StableBTreeMap, VectorMemory};
use storage_api::Error;

use super::Map;
use super::layout::{
    CHUNK_BYTES, CHUNK_HEADER_BYTES, FREE_AT, HEAD_BYTES, IN_USE_AT, LENGTH_AT, NODE_FRONT_BYTES, ROOT_AT,
    pages_for,
};
use super::transaction::SPARE_CHUNKS;
use crate::layout::PAGE_BYTES;
use crate::open::OpenError;
use crate::problem::Problem;

const MAX_KEY_BYTES: u64 = 1_024;
const MAX_VALUE_BYTES: u64 = 4_400;

type TestMap = Map<Vec<u8>, Vec<u8>, VectorMemory>;
type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn try_open(memory: &VectorMemory) -> Result<TestMap, OpenError> {
    Map::open(memory.clone(), "test", MAX_KEY_BYTES + MAX_VALUE_BYTES)
}

fn open(memory: &VectorMemory) -> TestMap {
    try_open(memory).unwrap()
}

fn insert(map: &TestMap, key: &[u8], value: &[u8]) {
    let mut change = map.begin();
    change.insert(&key.to_vec(), &value.to_vec()).unwrap();
    change.commit();
}

fn remove(map: &TestMap, key: &[u8]) -> bool {
    let mut change = map.begin();
    let removed = change.remove(&key.to_vec()).unwrap();
    change.commit();
    removed
}

fn entries(map: &TestMap) -> Model {
    map.from(Bound::Unbounded, |_| true).collect::<Result<_, _>>().unwrap()
}

fn problems(memory: &VectorMemory) -> Vec<Problem> {
    let mut problems = Vec::new();
    let is_sound = open(memory).check(&mut problems);
    assert_eq!(is_sound, problems.is_empty());
    problems
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// Keys and values of very different lengths, of so few keys that they meet.
    fn entry(&mut self) -> (Vec<u8>, Vec<u8>) {
        let length = [1, 8, 30, 1_000][self.below(4) as usize];
        let key = format!("{:0length$}", self.below(1_000)).into_bytes();
        let most = [20, 20, 200, MAX_VALUE_BYTES][self.below(4) as usize];
        (key, vec![self.below(256) as u8; self.below(most + 1) as usize])
    }
}

/// A change of several entries, each of which is inserted or removed; more come than go, or the other way round.
fn change(random: &mut Random, map: &TestMap, model: &mut Model, inserts_of_ten: u64) {
    let mut change = map.begin();
    for _ in 0..1 + random.below(4) {
        let (key, value) = random.entry();
        assert_eq!(change.get(&key).unwrap().as_ref(), model.get(&key));
        if random.below(10) < inserts_of_ten {
            change.insert(&key, &value).unwrap();
            assert_eq!(change.get(&key).unwrap().as_ref(), Some(&value));
            model.insert(key, value);
        } else {
            assert_eq!(change.remove(&key).unwrap(), model.remove(&key).is_some());
            assert_eq!(change.get(&key).unwrap(), None);
        }
    }
    let (size, pages) = (map.tree.memory.size(), change.pages_to_grow());
    change.commit();
    assert_eq!(map.tree.memory.size(), size + pages, "a commit grows the memory by what it said");
}

#[test]
fn a_map_holds_what_a_model_holds_and_is_sound_whatever_was_changed() {
    let memory = VectorMemory::default();
    let (mut map, mut random, mut model) = (open(&memory), Random(9), Model::new());
    for inserts_of_ten in [9, 5, 2, 6, 0] {
        for step in 0..400 {
            change(&mut random, &map, &mut model, inserts_of_ten);
            if step % 20 == 0 {
                assert_eq!(problems(&memory), [], "after {step} steps");
                map = open(&memory);
                assert_eq!(map.len(), model.len() as u64);
                assert!(entries(&map) == model);
            }
            let (key, _) = random.entry();
            assert_eq!(map.get(&key).unwrap().as_ref(), model.get(&key));
            let next = map.from(Bound::Excluded(key.clone()), |_| true).next().transpose().unwrap();
            let expected = model.range((Bound::Excluded(key), Bound::Unbounded)).next();
            assert_eq!(next.as_ref().map(|(key, value)| (key, value)), expected);
        }
    }
    model.keys().for_each(|key| assert!(remove(&map, key)));
    assert_eq!((map.len(), entries(&map).len(), problems(&memory)), (0, 0, vec![]));
}

/// The library and this map change the same memory in turn, and each finds what the other one has written.
#[test]
fn the_bytes_are_those_of_a_stable_btree_map() {
    let memory = VectorMemory::default();
    let (mut random, mut model) = (Random(5), Model::new());
    for inserts_of_ten in [8, 8, 5, 3, 7, 1] {
        let map = open(&memory);
        (0..100).for_each(|_| change(&mut random, &map, &mut model, inserts_of_ten));
        let mut theirs = StableBTreeMap::<Vec<u8>, Vec<u8>, _>::load(memory.clone());
        assert_eq!(theirs.len(), model.len() as u64);
        assert!(theirs.iter().map(|entry| entry.into_pair()).eq(model.clone()));
        for _ in 0..200 {
            let (key, value) = random.entry();
            if random.below(10) < inserts_of_ten {
                assert_eq!(theirs.insert(key.clone(), value.clone()), model.insert(key, value));
            } else {
                assert_eq!(theirs.remove(&key), model.remove(&key));
            }
        }
        assert!(entries(&open(&memory)) == model);
        assert_eq!(problems(&memory), []);
    }
}

#[test]
fn keys_of_one_length_have_none_in_front_of_them() {
    let memory = VectorMemory::default();
    let map = Map::<u64, Vec<u8>, _>::open(memory.clone(), "test", 100).unwrap();
    for number in 0..1_000u64 {
        let mut change = map.begin();
        change.insert(&(number * 7 % 1_000), &vec![number as u8; 20]).unwrap();
        change.commit();
    }
    let theirs = StableBTreeMap::<u64, Vec<u8>, _>::load(memory);
    assert!(theirs.iter().map(|entry| entry.into_pair()).eq((0..1_000).map(|number| {
        let inserted = number * 143 % 1_000;
        (number, vec![inserted as u8; 20])
    })));
    let mut problems = vec![];
    assert!(map.check(&mut problems), "{problems:?}");
}

/// A removal from a full memory must not need more of it.
#[test]
fn a_removal_never_grows_the_memory() {
    let memory = VectorMemory::default();
    let (map, mut random, mut model) = (open(&memory), Random(3), Model::new());
    (0..500).for_each(|_| change(&mut random, &map, &mut model, 9));
    while let Some(key) = model.keys().nth(random.below(model.len().max(1) as u64) as usize).cloned() {
        let mut change = map.begin();
        assert!(change.remove(&key).unwrap());
        assert_eq!(change.pages_to_grow(), 0);
        change.commit();
        model.remove(&key);
    }
}

/// A map that is emptied takes as much again without growing.
#[test]
fn chunks_that_removals_gave_back_are_taken_again() {
    let memory = VectorMemory::default();
    let map = open(&memory);
    let key = |number: u32| format!("{:08x}", number.wrapping_mul(0x9e37_79b1)).into_bytes();
    (0..8_000).for_each(|number| insert(&map, &key(number), &[1; 500]));
    (0..7_500).for_each(|number| assert!(remove(&map, &key(number))));
    let full = memory.size();
    (0..5_000).for_each(|number| insert(&map, &key(number), &[1; 500]));
    assert_eq!(memory.size(), full);
    assert_eq!(problems(&memory), []);
}

#[test]
fn a_transaction_that_is_dropped_leaves_no_trace() {
    let memory = filled();
    let before = memory.borrow().clone();
    let map = open(&memory);
    let mut change = map.begin();
    (0..300u64).for_each(|number| {
        change.insert(&number.to_be_bytes().to_vec(), &vec![2; 3_000]).unwrap();
    });
    (0..50u64).for_each(|number| assert!(change.remove(&number.to_be_bytes().to_vec()).unwrap()));
    assert!(change.pages_to_grow() > 0);
    drop(change);
    assert!(*memory.borrow() == before);
    assert_eq!(map.len(), 160);
}

#[test]
#[should_panic(expected = "two transactions of a map overlap")]
fn of_two_transactions_that_overlap_one_is_not_committed() {
    let map = open(&VectorMemory::default());
    let changes = [map.begin(), map.begin()];
    for mut change in changes {
        change.insert(&b"key".to_vec(), &b"value".to_vec()).unwrap();
        change.commit();
    }
}

#[test]
#[should_panic(expected = "a transaction that found damage was committed")]
fn a_transaction_that_found_damage_is_not_committed() {
    let memory = filled();
    let address = child(&memory, 0);
    memory.borrow_mut()[address as usize] ^= 1;
    let map = open(&memory);
    let mut change = map.begin();
    assert!(change.insert(&0u64.to_be_bytes().to_vec(), &vec![]).is_err());
    change.commit();
}

#[test]
fn a_memory_that_holds_something_else_is_refused() {
    let memory = VectorMemory::default();
    memory.grow(1);
    memory.write(0, b"BTR\x63");
    assert!(matches!(try_open(&memory), Err(OpenError::Damaged { .. })));

    let memory = VectorMemory::default();
    insert(&open(&memory), b"key", b"value");
    assert!(try_open(&memory).is_ok());
    for at in [3, 4, 5, 8, 11, 28, 51, 52, 55, 61, 84, 99] {
        memory.borrow_mut()[at] ^= 1;
        assert!(matches!(try_open(&memory), Err(OpenError::Damaged { .. })), "byte {at}");
        memory.borrow_mut()[at] ^= 1;
    }
}

/// Three levels, with nodes that overflow and with chunks that were given back.
fn filled() -> VectorMemory {
    let memory = VectorMemory::default();
    let map = open(&memory);
    for number in 0..200u64 {
        insert(&map, &number.to_be_bytes(), &vec![1; number as usize * 37 % 2_000]);
    }
    (50..90u64).for_each(|number| assert!(remove(&map, &number.to_be_bytes())));
    assert_eq!(problems(&memory), []);
    memory
}

/// Whatever bit of a map is flipped, every method answers, and an error has changed nothing.
#[test]
fn a_flipped_bit_is_an_error_and_not_a_panic() {
    let memory = filled();
    let sound = memory.borrow().clone();
    let used = sound.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut errors = 0;
    // Of each chunk, what says where everything is.
    let front = |at: &usize| at.checked_sub(HEAD_BYTES).is_none_or(|at| at % CHUNK_BYTES < 140);
    for at in (0..used).filter(front).step_by(13) {
        memory.borrow_mut()[at] ^= 1 << (at % 8);
        let damaged = memory.borrow().clone();
        let Ok(map) = try_open(&memory) else {
            *memory.borrow_mut() = sound.clone();
            continue;
        };
        problems(&memory);
        let all = map.from(Bound::Unbounded, |_| true);
        errors += u32::from(all.take(1_000).any(|entry| entry.is_err()));
        for number in [60u64, 199] {
            let key = number.to_be_bytes().to_vec();
            let _ = map.get(&key);
            for is_insert in [true, false] {
                let mut change = map.begin();
                let changed = if is_insert {
                    change.insert(&key, &vec![3; 1_500])
                } else {
                    change.remove(&key).map(drop)
                };
                match changed {
                    Ok(()) => change.commit(),
                    Err(error) => {
                        assert!(matches!(error, Error::Corrupted { .. }));
                        drop(change);
                        assert!(*memory.borrow() == damaged, "byte {at}: {error}");
                        errors += 1;
                    }
                }
                *memory.borrow_mut() = damaged.clone();
                map.tree.head.set(open(&memory).tree.head.get());
            }
        }
        *memory.borrow_mut() = sound.clone();
    }
    assert!(errors > 500, "{errors}");
}

fn word(memory: &VectorMemory, at: u64) -> u64 {
    let mut bytes = [0; 8];
    memory.read(at, &mut bytes);
    u64::from_le_bytes(bytes)
}

fn root(memory: &VectorMemory) -> u64 {
    word(memory, ROOT_AT)
}

/// Where the root says where a child is.
fn link(number: u64) -> impl Fn(&VectorMemory) -> u64 {
    move |memory| root(memory) - CHUNK_HEADER_BYTES as u64 + NODE_FRONT_BYTES as u64 + number * 8
}

fn child(memory: &VectorMemory, number: u64) -> u64 {
    word(memory, link(number)(memory))
}

/// Writes a word, and expects the check to say this.
fn expect(at: impl Fn(&VectorMemory) -> u64, word: impl Fn(&VectorMemory) -> u64, what: &str) {
    let memory = filled();
    let (at, word) = (at(&memory), word(&memory));
    memory.write(at, &word.to_le_bytes());
    let problems = problems(&memory);
    assert!(problems.len() == 1 && problems[0].what.contains(what), "{what}: {problems:?}");
}

#[test]
fn links_that_meet_or_lead_nowhere_are_named() {
    expect(link(0), root, "two links lead to the same chunk");
    expect(link(1), |memory| child(memory, 0), "two links lead to the same chunk");
    expect(link(0), |_| 7, "where no chunk is");
    expect(link(0), |_| u64::MAX, "where no chunk is");
    expect(link(0), |memory| child(memory, 0) + 8, "where no chunk is");
    expect(link(0), |memory| memory.size() * PAGE_BYTES - 84, "where no chunk is");
    expect(link(0), |memory| word(memory, FREE_AT) + 16, "the header of a chunk is damaged");
    expect(|_| FREE_AT, |memory| root(memory) - 16, "the header of a chunk is damaged");
    expect(|memory| word(memory, FREE_AT) + 8, |memory| word(memory, FREE_AT), "the same chunk");
    expect(|memory| root(memory) + 7, root, "an overflow of a node is damaged");
}

#[test]
fn nodes_that_contradict_themselves_or_each_other_are_named() {
    expect(|_| ROOT_AT, |memory| child(memory, 0), "entries, and counts");
    expect(|_| ROOT_AT, |_| 0, "entries, and counts");
    expect(|_| LENGTH_AT, |_| 161, "entries, and counts 161");
    expect(|_| IN_USE_AT, |_| 1, "1 are counted");
    expect(link(0), |memory| child(memory, 1), "not in order");
    let memory = filled();
    let most = pages_for(word(&memory, IN_USE_AT) * 2 + SPARE_CHUNKS);
    memory.grow(most);
    assert_eq!(problems(&memory)[0].what, "test: the memory is larger than its chunks");
}

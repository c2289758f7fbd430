use std::collections::BTreeMap;
use std::ops::Bound;

use ic_stable_structures::{Memory, VectorMemory};
use stable_storage_api::Error;

use super::header::TreeHeader;
use super::page::{CAPACITY, MAX_KEY, MAX_LOCAL_VALUE, PAGE};
use super::{Direction, Map, Options};
use crate::base::open::OpenError;
use crate::base::problem::Problem;

mod damage;
mod library;
mod located;
mod picture;
mod shape;
mod worst;

type TestMap = Map<Vec<u8>, Vec<u8>, VectorMemory>;
type Model = BTreeMap<Vec<u8>, Vec<u8>>;

const OPTIONS: Options = Options { name: "test", growth_pages: 1, cached_pages: 8 };

fn try_open(memory: &VectorMemory) -> Result<TestMap, OpenError> {
    Map::open(memory.clone(), None, OPTIONS)
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

fn problems(map: &TestMap) -> Vec<Problem> {
    let mut problems = Vec::new();
    let is_sound = map.check(&mut problems);
    assert_eq!(is_sound, problems.is_empty());
    problems
}

/// Returns at most five keys from a bound on, in a direction.
fn walk(map: &TestMap, start: Bound<&[u8]>, direction: Direction) -> Vec<Vec<u8>> {
    let mut cursor = map.cursor(start, direction).unwrap();
    let mut keys = Vec::new();
    while keys.len() < 5 && cursor.advance().unwrap() {
        keys.push(cursor.key().unwrap().to_vec());
    }
    keys
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Families of keys, each of which is difficult for a part of the tree.
#[derive(Clone, Copy, Debug)]
enum Keys {
    /// Short numbers.
    Short,
    /// Keys of 1 to 1,024 bytes.
    AnyLength,
    /// Keys with the same first thousand bytes.
    LongPrefix,
    /// Keys that are each a prefix of the next.
    Nested,
    /// Keys of the bytes 0 and 255 only, so that slot heads are equal.
    TwoBytes,
    /// Few prefixes of very different lengths, so that the common prefix of a page changes.
    Mixed,
}

const FAMILIES: [Keys; 6] =
    [Keys::Short, Keys::AnyLength, Keys::LongPrefix, Keys::Nested, Keys::TwoBytes, Keys::Mixed];

impl Keys {
    fn draw(self, random: &mut Random) -> Vec<u8> {
        match self {
            Self::Short => format!("{}", random.below(800)).into_bytes(),
            Self::AnyLength => {
                let length = 1 + random.below(MAX_KEY as u64) as usize;
                let seed = random.below(300);
                let mut own = Random(seed);
                let mut key: Vec<u8> = (0..length).map(|_| own.below(256) as u8).collect();
                key.truncate(1 + (seed as usize * 7) % length);
                key
            }
            Self::LongPrefix => {
                let mut key = vec![b'p'; 1_000];
                key.extend(format!("{}", random.below(500)).bytes());
                key
            }
            Self::Nested => vec![b'n'; 1 + random.below(MAX_KEY as u64) as usize],
            Self::TwoBytes => {
                let length = 1 + random.below(12);
                (0..length).map(|_| if random.below(2) == 0 { 0 } else { 255 }).collect()
            }
            Self::Mixed => {
                let mut key = [&b""[..], b"a", b"aaaaaaaaaaaaaaaa", &[b'a'; 900], b"b/", &[255; 40]]
                    [random.below(6) as usize]
                    .to_vec();
                key.extend(random.below(120).to_be_bytes());
                key
            }
        }
    }

    fn value(self, random: &mut Random) -> Vec<u8> {
        let most = [0, 20, 200, MAX_LOCAL_VALUE as u64 + 2, 9_000][random.below(5) as usize];
        vec![random.below(256) as u8; random.below(most + 1) as usize]
    }
}

/// Makes a change of several entries, each of which is inserted or removed.
fn change(random: &mut Random, keys: Keys, map: &TestMap, model: &mut Model, inserts_of_ten: u64) {
    let mut change = map.begin();
    for _ in 0..1 + random.below(4) {
        let (key, value) = (keys.draw(random), keys.value(random));
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
    let (size, pages) = (map.tree.memory.size(), change.growth().pages);
    change.commit();
    assert_eq!(map.tree.memory.size(), size + pages, "a commit grows the memory as announced");
}

#[test]
fn a_map_equals_a_model_for_every_family_of_keys() {
    for keys in FAMILIES {
        let memory = VectorMemory::default();
        let (mut map, mut random, mut model) = (open(&memory), Random(9), Model::new());
        for inserts_of_ten in [9, 5, 2, 6, 0] {
            for step in 0..250 {
                change(&mut random, keys, &map, &mut model, inserts_of_ten);
                if step % 25 == 0 {
                    assert_eq!(problems(&map), [], "{keys:?}, after {step} steps");
                    map = open(&memory);
                    assert_eq!(map.len(), model.len() as u64);
                    assert!(entries(&map) == model, "{keys:?}");
                }
                let key = keys.draw(&mut random);
                assert_eq!(map.get(&key).unwrap().as_ref(), model.get(&key), "{keys:?}");
                walks_agree(&map, &model, &key);
            }
        }
        let left: Vec<_> = model.keys().cloned().collect();
        left.iter().for_each(|key| assert!(remove(&map, key)));
        assert_eq!((map.len(), entries(&map).len(), problems(&map)), (0, 0, vec![]));
        let header = map.tree.header.get();
        assert_eq!(header.pages - 1, header.free_count, "every page is free again");
    }
}

fn walks_agree(map: &TestMap, model: &Model, key: &[u8]) {
    use Bound::{Excluded, Included, Unbounded};
    let owned = key.to_vec();
    for (start, low) in [
        (Included(key), Included(owned.clone())),
        (Excluded(key), Excluded(owned.clone())),
        (Unbounded, Unbounded),
    ] {
        let forward: Vec<_> =
            model.range((low.clone(), Unbounded)).take(5).map(|(key, _)| key.clone()).collect();
        assert_eq!(walk(map, start, Direction::Forward), forward);
        let backward = model.range((Unbounded, low)).rev().take(5).map(|(key, _)| key.clone());
        assert_eq!(walk(map, start, Direction::Backward), backward.collect::<Vec<_>>());
    }
}

#[test]
fn values_around_the_limits_round_trip_and_free_their_pages() {
    let memory = VectorMemory::default();
    let map = open(&memory);
    let lengths =
        [0, 1, MAX_LOCAL_VALUE - 1, MAX_LOCAL_VALUE, MAX_LOCAL_VALUE + 1, 4_087, 4_088, 4_089, 8_176, 50_000];
    let keys = [vec![1; MAX_KEY], vec![1; MAX_KEY - 1], vec![2], vec![1, 2]];
    for length in lengths.into_iter().chain(lengths.into_iter().rev()) {
        for key in &keys {
            let value: Vec<u8> = (0..length).map(|i| (i * 7 + key.len()) as u8).collect();
            insert(&map, key, &value);
            assert_eq!(map.get(key).unwrap(), Some(value));
        }
        assert_eq!(problems(&map), [], "{length} bytes");
    }
    keys.iter().for_each(|key| assert!(remove(&map, key)));
    let header = map.tree.header.get();
    assert_eq!((header.pages - 1, header.levels), (header.free_count, 0));
}

/// Runs of ascending and of descending keys leave their pages full, anywhere in the map.
#[test]
fn keys_in_order_fill_their_pages() {
    for (is_ascending, others) in [(true, 0), (true, 100), (false, 0), (false, 100)] {
        let memory = VectorMemory::default();
        let map = open(&memory);
        (0..others).for_each(|number| insert(&map, format!("{number}").as_bytes(), &[1; 100]));
        let before = map.tree.header.get().pages;
        let mut change = map.begin();
        let count = 5_000u64;
        for number in 0..count {
            let number = if is_ascending { number } else { count - 1 - number };
            change.insert(&format!("5/{number:08}").into_bytes(), &vec![7; 100]).unwrap();
        }
        change.commit();
        assert_eq!(problems(&map), []);
        let used = count as usize * (2 + 10 + 100 + 8);
        let pages = (map.tree.header.get().pages - before) as usize;
        assert!(used * 10 > pages * CAPACITY * 9, "{pages} pages for {used} bytes");
    }
}

#[test]
fn freed_pages_are_reused() {
    let memory = VectorMemory::default();
    let map = open(&memory);
    let key = |number: u32| format!("{:08x}", number.wrapping_mul(0x9e37_79b1)).into_bytes();
    (0..8_000).for_each(|number| insert(&map, &key(number), &[1; 500]));
    let full = map.tree.header.get().pages;
    (0..7_500).for_each(|number| assert!(remove(&map, &key(number))));
    assert!(map.tree.header.get().free_count > full * 8 / 10, "few pages are still used");
    (0..5_000).for_each(|number| insert(&map, &key(number), &[1; 500]));
    assert_eq!(map.tree.header.get().pages, full);
    assert_eq!(problems(&map), []);
}

#[test]
fn a_dropped_change_changes_nothing() {
    let memory = VectorMemory::default();
    let map = open(&memory);
    (0..2_000u64).for_each(|number| insert(&map, &number.to_be_bytes(), &[1; 60]));
    let before = memory.borrow().clone();
    let mut change = map.begin();
    (0..3_000u64)
        .for_each(|number| change.insert(&(number * 2).to_be_bytes().to_vec(), &vec![2; 300]).unwrap());
    (0..900u64).for_each(|number| assert!(change.remove(&number.to_be_bytes().to_vec()).unwrap()));
    assert!(change.growth().pages > 0);
    drop(change);
    assert!(*memory.borrow() == before);
    assert_eq!((map.len(), problems(&map)), (2_000, vec![]), "the cache is also unchanged");
    assert_eq!(map.get(&7u64.to_be_bytes().to_vec()).unwrap(), Some(vec![1; 60]));
}

/// A batch of many pages is one change.
#[test]
fn a_batch_writes_each_page_once() {
    let memory = VectorMemory::default();
    let map = open(&memory);
    let mut random = Random(4);
    let mut change = map.begin();
    let mut model = Model::new();
    for _ in 0..5_000 {
        let key = random.below(1 << 40).to_be_bytes().to_vec();
        change.insert(&key, &vec![3; 50]).unwrap();
        model.insert(key, vec![3; 50]);
    }
    change.commit();
    assert!(entries(&map) == model);
    assert_eq!(problems(&map), []);
}

#[test]
fn an_empty_map_uses_no_memory_and_is_readable() {
    let memory = VectorMemory::default();
    let map = open(&memory);
    assert_eq!((map.get(&vec![1]).unwrap(), map.len(), memory.size()), (None, 0, 0));
    assert!(!remove(&map, b"k"));
    for direction in [Direction::Forward, Direction::Backward] {
        assert!(walk(&map, Bound::Unbounded, direction).is_empty());
        assert!(walk(&map, Bound::Included(b"k"), direction).is_empty());
    }
    assert_eq!((memory.size(), problems(&map)), (0, vec![]));
}

/// Pages of a listing continue by key, so entries can be added and removed between two of them.
#[test]
fn a_listing_resumes_by_key_while_pages_split_and_merge() {
    let memory = VectorMemory::default();
    let (map, mut model, mut random) = (open(&memory), Model::new(), Random(11));
    for number in (0..2_000u64).map(|number| number * 10) {
        insert(&map, &number.to_be_bytes(), &[1; 90]);
        model.insert(number.to_be_bytes().to_vec(), vec![1; 90]);
    }
    let (mut seen, mut last) = (Vec::new(), None::<Vec<u8>>);
    loop {
        let start = last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let page = walk(&map, start, Direction::Forward);
        let Some(end) = page.last() else { break };
        last = Some(end.clone());
        seen.extend(page);
        for _ in 0..8 {
            let number = random.below(20_000) / 10 * 10 + 1 + random.below(9);
            insert(&map, &number.to_be_bytes(), &[2; 200]);
        }
        let number = random.below(20_000) / 10 * 10 + 1;
        remove(&map, &number.to_be_bytes());
    }
    assert_eq!(problems(&map), []);
    // Every entry that was present all the time was returned once, in order.
    assert!(seen.is_sorted_by(|one, other| one < other));
    assert!(model.keys().all(|key| seen.binary_search(key).is_ok()));
}

#[test]
fn a_memory_without_a_tree_is_refused() {
    let memory = VectorMemory::default();
    memory.grow(1);
    assert!(matches!(try_open(&memory), Err(OpenError::Damaged { .. })));
    memory.write(0, &TreeHeader::NEW.encode());
    assert_eq!(open(&memory).len(), 0);
    assert_eq!(PAGE as u64 * 16, memory.size() * 65_536);
    assert!(matches!(open(&memory).get(&vec![]), Ok(None) | Err(Error::Corrupted { .. })));
}

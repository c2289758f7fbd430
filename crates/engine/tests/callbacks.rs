//! The methods that pass what they read to a function give the same as those that return it: the canister
//! answers by the former, and most other tests use the latter.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use ic_stable_structures::VectorMemory;
use stable_storage_api::{Error, ListArgs, ReadArgs, ReadLogArgs};
use storage_engine::{HostFacts, PageEnd, Put, Store, ValueView};

const KEYS: [&str; 5] = ["a/1", "a/2", "a/b/3", "a/b/4", "c"];

/// A store with objects of different sizes, times and metadata.
fn filled() -> Store<VectorMemory> {
    let mut store = Store::open(VectorMemory::default()).unwrap();
    for (number, key) in (1u64..).zip(KEYS) {
        store.put(Put::new(key, &vec![number as u8; 1 << (4 * number - 4)]), number).unwrap();
    }
    let metadata: &[(&str, &str)] = &[("name", "value")];
    store.put(Put { metadata, ..Put::new("a/2", b"another value") }, 77).unwrap();
    store
}

fn value_of(view: &ValueView<'_, VectorMemory>) -> Vec<u8> {
    let mut value = vec![0xee; view.size() as usize];
    view.read(&mut value).unwrap();
    value
}

#[test]
fn objects_of_a_page() {
    let store = filled();
    let pages = [
        ListArgs::prefix(""),
        ListArgs::prefix("a/").descending(),
        ListArgs::level("a/", "/"),
        ListArgs { limit: Some(2), ..ListArgs::prefix("a/") },
    ];
    for args in pages {
        let page = store.list(&args).unwrap();
        let mut objects = page.objects.iter();
        let end = store.list_with(&args, |view| {
            let info = objects.next().unwrap();
            assert_eq!(
                (view.key(), view.size(), view.revision()),
                (info.key.as_bytes(), info.size, info.revision)
            );
            assert_eq!((view.created_ns(), view.modified_ns()), (info.created_ns, info.modified_ns));
            assert_eq!(view.has_metadata(), info.metadata.is_some());
            Ok(true)
        });
        let PageEnd { prefixes, next } = end.unwrap().unwrap();
        assert_eq!((objects.next(), prefixes, next), (None, page.prefixes, page.next));
    }
    let mut passed = 0;
    let stopped = store.list_with(&ListArgs::prefix(""), |_| {
        passed += 1;
        Ok(passed < 2)
    });
    assert!(matches!(stopped, Ok(None)));
    assert_eq!(passed, 2);
    let failed = store.list_with(&ListArgs::prefix(""), |_| Err(Error::NotFound));
    assert!(matches!(failed, Err(Error::NotFound)));
}

#[test]
fn values_of_a_page_and_of_keys() {
    let store = filled();
    for args in [ListArgs::prefix(""), ListArgs { limit: Some(2), ..ListArgs::prefix("a/") }] {
        let page = store.scan(&args).unwrap();
        let mut entries = page.entries.iter();
        let next = store.scan_with(&args, |key, view| {
            let entry = entries.next().unwrap();
            assert_eq!((key, &value_of(view)[..]), (entry.key.as_bytes(), &entry.value[..]));
            Ok(())
        });
        assert_eq!((next.unwrap(), entries.next().is_none()), (page.next, true));
    }
    let keys = ["c", "missing", "a/1"];
    let mut values = store.get_many(&keys).unwrap().into_iter();
    let passed = store.get_many_with(keys.into_iter(), |view| {
        assert_eq!(view.map(value_of), values.next().unwrap());
        Ok(())
    });
    assert_eq!((passed, values.next()), (Ok(()), None));
    for key in KEYS {
        let args = ReadArgs { key: key.into(), offset: 1, length: Some(300), revision: None };
        let read = store.read(&args);
        let mut buffer = vec![0xee; 1_000];
        let into = store.read_into(&args, &mut buffer).map(|length| buffer[..length].to_vec());
        assert_eq!(into, read);
    }
}

#[test]
fn entries_of_the_log() {
    let mut store = filled();
    store.append(&(0..100).map(|number| "x".repeat(number)).collect::<Vec<_>>()).unwrap();
    for count in [0, 1, 64, 100, 1_000] {
        let mut passed = Vec::new();
        store.read_last_with(count, |entry| passed.push(entry.to_vec())).unwrap();
        assert_eq!(passed, store.read_last(count).unwrap());
    }
    for (from, limit) in [(0, 1), (17, 30), (63, 2), (90, 1_000), (100, 5)] {
        let args = ReadLogArgs { from, limit: Some(limit) };
        let (page, mut passed) = (store.read_log(&args).unwrap(), Vec::new());
        let numbers = store.read_log_with(&args, |entry| passed.push(entry.to_vec())).unwrap();
        assert_eq!(numbers, (page.next, page.length));
        assert!(page.entries.iter().map(|entry| &entry[..]).eq(passed.iter().map(|entry| &entry[..])));
    }
}

#[test]
fn the_number_of_objects_and_the_cost_of_the_first_opening() {
    let mut store = Store::open(VectorMemory::default()).unwrap();
    assert_eq!((store.len(), store.is_empty()), (0, true));
    for (number, key) in (1..).zip(KEYS) {
        store.put(Put::new(key, b""), 0).unwrap();
        assert_eq!((store.len(), store.is_empty()), (number, false));
    }
    store.record_install(12_345);
    assert_eq!(store.status(HostFacts::default()).unwrap().upgrades.open_instructions, 12_345);
}

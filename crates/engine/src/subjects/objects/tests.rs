use ic_stable_structures::VectorMemory;
use stable_storage_api::limits::*;
use stable_storage_api::{Condition, DeletePrefixArgs, Deleted, Error, InitArgs, ListArgs, RenameArgs};

use super::{INLINE_LIMIT, Put};
use crate::store::Store;

mod check;
mod copy;
mod levels;
mod metadata;

type TestStore = Store<VectorMemory>;

fn store() -> TestStore {
    Store::open(VectorMemory::default()).unwrap()
}

fn put(store: &mut TestStore, key: &str, value: &[u8]) -> u64 {
    store.put(Put::new(key, value), 1).unwrap().revision
}

fn pattern(size: u64) -> Vec<u8> {
    (0..size).map(|i| (i * 31 + size) as u8).collect()
}

fn sound(store: &TestStore) {
    assert_eq!(store.check().problems, []);
}

/// Runs an operation that must fail, and asserts that not a byte of the memory has changed.
fn refused<T: std::fmt::Debug>(
    store: &mut TestStore,
    f: impl FnOnce(&mut TestStore) -> Result<T, Error>,
) -> Error {
    let memory = store.core.space.raw().clone();
    let before = memory.borrow().clone();
    let error = f(store).unwrap_err();
    assert!(*memory.borrow() == before, "{error} changed the memory");
    error
}

#[test]
fn values_of_every_size_round_trip() {
    let mut store = store();
    let sizes =
        [0, 1, INLINE_LIMIT - 1, INLINE_LIMIT, INLINE_LIMIT + 1, MAX_PAYLOAD_BYTES - 1, MAX_PAYLOAD_BYTES];
    for size in sizes {
        put(&mut store, &size.to_string(), &pattern(size));
    }
    for size in sizes {
        assert_eq!(store.get(&size.to_string()).unwrap(), pattern(size));
        assert_eq!(store.stat(&size.to_string()).unwrap().size, size);
    }
    sound(&store);
    assert_eq!(store.check().extents, 3);
    let too_large = vec![0; MAX_PAYLOAD_BYTES as usize + 1];
    let error = refused(&mut store, |store| store.put(Put::new("k", &too_large), 0));
    assert_eq!(error, Error::TooLarge { size: MAX_PAYLOAD_BYTES + 1, limit: MAX_PAYLOAD_BYTES });
}

#[test]
fn get_into_fills_the_start_of_a_buffer() {
    let mut store = store();
    for size in [0, 1, INLINE_LIMIT, INLINE_LIMIT + 1, 100_000] {
        let (value, length) = (pattern(size), size as usize);
        put(&mut store, "key", &value);
        for room in [length, length + 1] {
            let mut buffer = vec![0xee; room];
            assert_eq!(store.get_into("key", &mut buffer), Ok(length));
            assert!(buffer[..length] == value && buffer[length..].iter().all(|byte| *byte == 0xee));
        }
        if size > 0 {
            let mut buffer = vec![0xee; length - 1];
            let refused = store.get_into("key", &mut buffer);
            assert_eq!(refused, Err(Error::TooLarge { size, limit: size - 1 }));
            assert!(buffer.iter().all(|byte| *byte == 0xee), "a refusal wrote to the buffer");
        }
    }
    assert_eq!(store.get_into("none", &mut []), Err(Error::NotFound));
}

#[test]
fn put_returns_the_revision_that_stat_reports() {
    let mut store = store();
    let first = Put { content_type: Some("text/plain"), ..Put::new("k", b"one") };
    let written = store.put(first, 100).unwrap();
    let info = store.stat("k").unwrap();
    assert_eq!(info.revision, written.revision);
    assert_eq!((info.size, info.revision, info.created_ns, info.modified_ns), (3, 1, 100, 100));
    assert_eq!(info.content_type.as_deref(), Some("text/plain"));
    store.put(Put::new("k", &pattern(5_000)), 200).unwrap();
    let info = store.stat("k").unwrap();
    assert_eq!((info.size, info.revision, info.created_ns, info.modified_ns), (5_000, 2, 100, 200));
    assert_eq!(info.content_type, None);
    store.put(Put { content_type: Some(""), ..Put::new("k", b"") }, 0).unwrap();
    assert_eq!(store.stat("k").unwrap().content_type, None);
}

#[test]
fn content_types_have_at_most_255_bytes() {
    let mut store = store();
    let longest = "t".repeat(255);
    store.put(Put { content_type: Some(&longest), ..Put::new("k", b"") }, 0).unwrap();
    assert_eq!(store.stat("k").unwrap().content_type, Some(longest.clone()));
    let too_long = longest + "t";
    let error = refused(&mut store, |store| {
        store.put(Put { content_type: Some(&too_long), ..Put::new("k", b"") }, 0)
    });
    assert!(matches!(error, Error::InvalidArgument { .. }));
}

#[test]
fn overwriting_and_deleting_free_space() {
    let mut store = store();
    for round in 0..50 {
        for key in ["a", "b", "c"] {
            put(&mut store, key, &pattern(100_000 + round * 10_000));
            sound(&store);
        }
    }
    let grown = store.core.space.physical_bytes();
    for round in 0..200 {
        put(&mut store, "a", &pattern(round * 3_000));
    }
    assert_eq!(store.core.space.physical_bytes(), grown);
    for key in ["a", "b", "c"] {
        assert!(store.delete(key).unwrap());
        assert!(!store.delete(key).unwrap());
        assert_eq!(store.get(key), Err(Error::NotFound));
    }
    let stats = store.core.arena.stats().unwrap();
    assert_eq!((stats.used_bytes, stats.extents, stats.free_bytes), (0, 0, stats.largest_free_bytes));
    assert_eq!(store.core.ledger().object_bytes, 0);
    sound(&store);
}

#[test]
fn conditions_hold_or_nothing_changes() {
    let mut store = store();
    let on = |condition| Put { condition, ..Put::new("k", b"new") };
    let error = refused(&mut store, |store| store.put(on(Condition::Revision(1)), 0));
    assert_eq!(error, Error::RevisionMismatch { current: None });
    let first = store.put(on(Condition::Absent), 0).unwrap().revision;
    assert_eq!(refused(&mut store, |store| store.put(on(Condition::Absent), 0)), Error::AlreadyExists);
    let second = store.put(on(Condition::Revision(first)), 0).unwrap().revision;
    assert!(second > first);
    let error = refused(&mut store, |store| store.put(on(Condition::Revision(first)), 0));
    assert_eq!(error, Error::RevisionMismatch { current: Some(second) });
    store.put(on(Condition::Any), 0).unwrap();
}

#[test]
fn revisions_are_unique_across_deletes_and_reopening() {
    let memory = VectorMemory::default();
    let mut store = Store::open(memory.clone()).unwrap();
    let first = put(&mut store, "k", b"1");
    store.delete("k").unwrap();
    let mut store = Store::open(memory).unwrap();
    let second = store.put(Put { condition: Condition::Absent, ..Put::new("k", b"2") }, 0).unwrap().revision;
    assert!(second > first + 1, "the delete used a revision");
}

#[test]
fn batches_are_all_or_nothing() {
    let mut store = store();
    put(&mut store, "old", &pattern(3_000));
    let large = pattern(9_000);
    let batch = [
        Put::new("a", &large),
        Put::new("old", &large),
        Put { condition: Condition::Absent, ..Put::new("z", b"last") },
    ];
    let written = store.put_many(batch.iter().cloned(), 5).unwrap();
    assert_eq!(written.iter().map(|written| written.revision).collect::<Vec<_>>(), [2, 3, 4]);
    let revisions = ["a", "old", "z"].map(|key| store.stat(key).unwrap().revision);
    assert_eq!(revisions, [2, 3, 4]);
    sound(&store);
    assert_eq!(refused(&mut store, |store| store.put_many(batch.iter().cloned(), 6)), Error::AlreadyExists);

    let twice = [Put::new("x", b"1"), Put::new("y", b"2"), Put::new("x", b"3")];
    assert!(matches!(
        refused(&mut store, |store| store.put_many(twice.iter().cloned(), 0)),
        Error::InvalidArgument { .. }
    ));
    let keys: Vec<_> = (0..=MAX_BATCH_ITEMS).map(|i| i.to_string()).collect();
    let many: Vec<_> = keys.iter().map(|key| Put::new(key, b"v")).collect();
    let error = refused(&mut store, |store| store.put_many(many.iter().cloned(), 0));
    assert!(matches!(error, Error::LimitExceeded { limit: MAX_BATCH_ITEMS, .. }));
    store.put_many(many[1..].iter().cloned(), 0).unwrap();
    assert_eq!(store.core.index.len(), 3 + MAX_BATCH_ITEMS);
    assert_eq!(store.put_many([], 0).unwrap(), []);
    sound(&store);
}

#[test]
fn get_many_keeps_the_order_and_refuses_what_does_not_fit_a_reply() {
    let mut store = store();
    put(&mut store, "a", b"1");
    put(&mut store, "big", &pattern(MAX_PAYLOAD_BYTES));
    assert_eq!(store.get_many(&["x", "a", "a"]).unwrap(), [None, Some(b"1".to_vec()), Some(b"1".to_vec())]);
    assert_eq!(store.get_many(&["big"]).unwrap()[0], Some(pattern(MAX_PAYLOAD_BYTES)));
    let size = MAX_PAYLOAD_BYTES + 1;
    assert_eq!(store.get_many(&["big", "a"]), Err(Error::TooLarge { size, limit: MAX_REPLY_BYTES }));
    assert!(matches!(store.get_many(&["a", ""]), Err(Error::InvalidArgument { .. })));
    let many = vec!["a"; MAX_BATCH_ITEMS as usize + 1];
    assert!(matches!(store.get_many(&many), Err(Error::LimitExceeded { .. })));
}

fn list(
    store: &TestStore,
    prefix: &str,
    start_after: Option<&str>,
    limit: u32,
) -> (Vec<String>, Option<String>) {
    let start_after = start_after.map(Into::into);
    let args = ListArgs { start_after, limit: Some(limit), ..ListArgs::prefix(prefix) };
    let listed = store.list(&args).unwrap();
    let scanned = store.scan(&args).unwrap();
    let keys: Vec<_> = listed.objects.into_iter().map(|object| object.key).collect();
    assert_eq!(keys, scanned.entries.into_iter().map(|entry| entry.key).collect::<Vec<_>>());
    assert_eq!(listed.next, scanned.next);
    (keys, listed.next)
}

#[test]
fn pages_list_a_prefix_in_byte_order() {
    let mut store = store();
    for key in ["a", "a/", "a/1", "a/2", "a/é", "a0", "b", "é"] {
        put(&mut store, key, key.as_bytes());
    }
    assert_eq!(list(&store, "", None, 100).0, ["a", "a/", "a/1", "a/2", "a/é", "a0", "b", "é"]);
    assert_eq!(list(&store, "a/", None, 100), (["a/", "a/1", "a/2", "a/é"].map(String::from).to_vec(), None));
    assert_eq!(list(&store, "a/", None, 2), (["a/", "a/1"].map(String::from).to_vec(), Some("a/1".into())));
    assert_eq!(list(&store, "a/", Some("a/1"), 2), (["a/2", "a/é"].map(String::from).to_vec(), None));
    // A cursor before, within and after the prefix; one that no longer exists; one longer than any key.
    assert_eq!(list(&store, "a/", Some(""), 1).0, ["a/"]);
    assert_eq!(list(&store, "a/", Some("a/10"), 1).0, ["a/2"]);
    assert_eq!(list(&store, "a/", Some("a0"), 9), (vec![], None));
    assert_eq!(list(&store, "a", Some(&"a".repeat(5_000)), 9), (vec![], None));
    assert_eq!(list(&store, &"a".repeat(5_000), None, 9), (vec![], None));
    assert_eq!(list(&store, "", None, u32::MAX).0.len(), 8);
    let none = ListArgs { limit: Some(0), ..ListArgs::prefix("") };
    assert!(matches!(store.list(&none), Err(Error::InvalidArgument { .. })));
    assert!(matches!(store.scan(&none), Err(Error::InvalidArgument { .. })));
}

#[test]
fn pages_are_bounded_in_items_and_bytes() {
    let mut store = store();
    for i in 0..1_500 {
        put(&mut store, &format!("{i:04}"), b"");
    }
    let (first, next) = list(&store, "", None, u32::MAX);
    assert_eq!((first.len(), next.as_deref()), (1_000, Some("0999")));
    assert_eq!(list(&store, "", next.as_deref(), u32::MAX).0.len(), 500);

    let half = pattern(MAX_REPLY_BYTES / 2);
    for key in ["x1", "x2", "x3"] {
        put(&mut store, key, &half);
    }
    put(&mut store, "y", &pattern(MAX_PAYLOAD_BYTES));
    let scan = |prefix: &str| store.scan(&ListArgs::prefix(prefix)).unwrap();
    assert_eq!((scan("x").entries.len(), scan("x").next.as_deref()), (1, Some("x1")));
    assert_eq!((scan("y").entries.len(), scan("y").next), (1, None));
}

#[test]
fn delete_prefix_removes_a_bounded_number() {
    let mut store = store();
    for i in 0..25 {
        put(&mut store, &format!("p/{i:02}"), &pattern(i * 100));
    }
    put(&mut store, "q", b"stays");
    let step = |store: &mut TestStore, limit| {
        store.delete_prefix(&DeletePrefixArgs { prefix: "p/".into(), limit: Some(limit) }).unwrap()
    };
    assert_eq!(step(&mut store, 10), Deleted { deleted: 10, more: true });
    assert_eq!(list(&store, "p/", None, 1).0, ["p/10"]);
    assert_eq!(step(&mut store, 15), Deleted { deleted: 15, more: false });
    assert_eq!(step(&mut store, u32::MAX), Deleted { deleted: 0, more: false });
    assert_eq!(store.get("q").unwrap(), b"stays");
    let zero = DeletePrefixArgs { prefix: String::new(), limit: Some(0) };
    assert!(matches!(refused(&mut store, |store| store.delete_prefix(&zero)), Error::InvalidArgument { .. }));
    sound(&store);
}

#[test]
fn take_first_is_a_queue_in_key_order() {
    let mut store = store();
    for (key, value) in [("jobs/2", pattern(5_000)), ("jobs/1", pattern(10)), ("other", vec![])] {
        put(&mut store, key, &value);
    }
    for (key, value) in [("jobs/1", pattern(10)), ("jobs/2", pattern(5_000))] {
        let taken = store.take_first("jobs/").unwrap().unwrap();
        assert_eq!((taken.key.as_str(), taken.value.into_vec()), (key, value));
    }
    assert_eq!(store.take_first("jobs/").unwrap(), None);
    assert_eq!(store.check().objects, 1);
    sound(&store);
}

#[test]
fn rename_moves_the_object_and_not_its_bytes() {
    let mut store = store();
    let rename = |from: &str, to: &str, condition| RenameArgs { from: from.into(), to: to.into(), condition };
    let value = pattern(50_000);
    let put = Put { content_type: Some("a/b"), ..Put::new("from", &value) };
    store.put(put, 10).unwrap();
    store.put(Put::new("to", &pattern(60_000)), 20).unwrap();
    let error = refused(&mut store, |store| store.rename(&rename("from", "to", Some(Condition::Absent)), 30));
    assert_eq!(error, Error::AlreadyExists);
    assert_eq!(refused(&mut store, |store| store.rename(&rename("none", "to", None), 30)), Error::NotFound);

    store.rename(&rename("from", "to", Some(Condition::Revision(2))), 30).unwrap();
    let info = store.stat("to").unwrap();
    assert_eq!((info.revision, info.created_ns, info.modified_ns, info.size), (3, 10, 30, 50_000));
    assert_eq!(info.content_type.as_deref(), Some("a/b"));
    assert_eq!(store.get("from"), Err(Error::NotFound));
    assert_eq!(store.get("to").unwrap(), value);
    assert_eq!(store.core.ledger().object_bytes, 50_000);
    sound(&store);

    store.rename(&rename("to", "to", None), 40).unwrap();
    let info = store.stat("to").unwrap();
    assert_eq!((info.revision, info.modified_ns), (4, 40));
    assert_eq!(store.get("to").unwrap(), value);
    sound(&store);
}

#[test]
fn a_full_store_refuses_without_a_change_and_remains_usable() {
    let mut store = store();
    store.configure(&InitArgs::capacity(MIN_CAPACITY_BYTES)).unwrap();
    let value = pattern(MAX_PAYLOAD_BYTES);
    let mut stored = 0;
    let error = loop {
        match store.put(Put::new(&stored.to_string(), &value), 0) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::OutOfMemory { requested: 16_777_216, available: 0 }), "{error:?}");
    assert!(stored > 5);
    let again = refused(&mut store, |store| store.put(Put::new("more", &value), 0));
    assert_eq!(again, error);
    // An overwrite allocates its new extent first, so it needs space for both.
    assert_eq!(refused(&mut store, |store| store.put(Put::new("0", &value), 0)), error);
    assert_eq!(store.get("0").unwrap(), value);
    put(&mut store, "small", b"inline values still fit");
    assert!(store.delete("0").unwrap());
    put(&mut store, "more", &value);
    sound(&store);
}

#[test]
fn many_small_objects_fill_the_index_and_can_all_be_deleted() {
    let mut store = store();
    store.configure(&InitArgs::capacity(MIN_CAPACITY_BYTES)).unwrap();
    // The index has two buckets; six are reserved for the other structures.
    let value = pattern(INLINE_LIMIT);
    let mut stored = 0u32;
    let error = loop {
        let key = format!("{:08x}{}", stored.wrapping_mul(0x9e37_79b1), "k".repeat(1_000));
        match store.put(Put::new(&key, &value), 0) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::OutOfMemory { .. }));
    let mut deleted = 0;
    loop {
        let step =
            store.delete_prefix(&DeletePrefixArgs { prefix: String::new(), limit: Some(100) }).unwrap();
        deleted += step.deleted;
        if !step.more {
            break;
        }
    }
    assert_eq!(deleted, u64::from(stored));
    sound(&store);
    // The index then accepts new values, although its memory cannot grow.
    for number in 0..stored {
        let key = format!("{number:08x}{}", "k".repeat(1_000));
        store.put(Put::new(&key, &value), 0).unwrap();
        if number > stored / 2 {
            break;
        }
    }
    sound(&store);
}

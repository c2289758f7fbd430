//! The ends of pages and replies: cursors, and the overhead of each item in a reply and in the index.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use ic_stable_structures::VectorMemory;
use stable_storage_api::limits::{
    ITEM_OVERHEAD_BYTES, LOG_ITEM_OVERHEAD_BYTES, MAX_BATCH_ITEMS, MAX_PAGE_ITEMS, MAX_REPLY_BYTES,
};
use stable_storage_api::{ListArgs, ReadLogArgs};
use storage_engine::{BucketSize, HostFacts, Options, Put, Store};

fn store() -> Store<VectorMemory> {
    Store::open(VectorMemory::default()).unwrap()
}

/// A cursor that equals the prefix is after the object under that key.
#[test]
fn a_cursor_equal_to_the_prefix_is_after_that_key() {
    let mut store = store();
    for key in ["a", "ab", "abc", "b"] {
        store.put(Put::new(key, b"value"), 0).unwrap();
    }
    let page = |prefix: &str, cursor: &str| {
        let args = ListArgs { start_after: Some(cursor.into()), ..ListArgs::prefix(prefix) };
        let listed: Vec<_> = store.list(&args).unwrap().objects.into_iter().map(|info| info.key).collect();
        let scanned: Vec<_> = store.scan(&args).unwrap().entries.into_iter().map(|entry| entry.key).collect();
        assert_eq!(listed, scanned);
        listed
    };
    assert_eq!(page("ab", "ab"), ["abc"]);
    assert_eq!(page("ab", "aa"), ["ab", "abc"]);
    assert_eq!(page("ab", "ac"), Vec::<String>::new());
    assert_eq!(page("", ""), ["a", "ab", "abc", "b"]);
}

/// The overhead per entry bounds the number of empty entries in a reply, in both directions.
#[test]
fn the_overhead_of_an_entry_bounds_replies_of_the_log() {
    let mut store = store();
    let fit = MAX_REPLY_BYTES / LOG_ITEM_OVERHEAD_BYTES;
    let batch = vec![b""; MAX_BATCH_ITEMS as usize];
    for _ in 0..=fit / MAX_BATCH_ITEMS {
        store.append(&batch).unwrap();
    }
    assert!(store.log_info().length > fit);
    assert_eq!(store.read_last(u64::MAX).unwrap().len() as u64, fit);
    let page = store.read_log(&ReadLogArgs { from: 1, limit: Some(u32::MAX) }).unwrap();
    assert_eq!((page.entries.len() as u64, page.next), (fit, fit + 1));
}

/// A page of `scan` counts key, value and overhead of each object, and ends before the first that does not
/// fit.
#[test]
fn the_keys_count_in_a_page_of_values() {
    let mut store = store();
    let key = |number: u64| format!("{number:01024}");
    let (value, each) = ([7; 1_024], 1_024 + 1_024 + ITEM_OVERHEAD_BYTES);
    let fit = MAX_REPLY_BYTES / each;
    let keys: Vec<_> = (0..fit + 1).map(key).collect();
    for batch in keys.chunks(MAX_BATCH_ITEMS as usize) {
        let puts: Vec<_> = batch.iter().map(|key| Put::new(key, &value)).collect();
        store.put_many(puts, 0).unwrap();
    }
    let page = store.scan(&ListArgs { limit: Some(u32::MAX), ..ListArgs::prefix("") }).unwrap();
    assert!(fit < u64::from(MAX_PAGE_ITEMS));
    assert_eq!(page.entries.len() as u64, fit);
    assert_eq!(page.next.as_deref(), page.entries.last().map(|entry| entry.key.as_str()));
    // Values that fill the reply except for the last key.
    let half = vec![8; (MAX_REPLY_BYTES / 2 - 1_024 - ITEM_OVERHEAD_BYTES) as usize];
    for (longer, fit) in [(0, 2), (1, 1)] {
        let mut store = self::store();
        store.put(Put::new(&key(1), &half), 0).unwrap();
        store.put(Put::new(&key(2), &[&half[..], &vec![8; longer]].concat()), 0).unwrap();
        assert_eq!(store.scan(&ListArgs::prefix("")).unwrap().entries.len(), fit, "{longer} more");
    }
}

/// Objects of 100 bytes in any order take at most 250 bytes of the index each, which docs/SECURITY.md states.
#[test]
fn a_small_object_takes_a_bounded_part_of_the_index() {
    const OBJECTS: u64 = 40_000;
    let options = Options { bucket_size: BucketSize::SMALLEST, ..Options::default() };
    let mut store = Store::open_with(VectorMemory::default(), options).unwrap();
    // An odd factor permutes the numbers.
    let keys: Vec<_> = (0..OBJECTS)
        .map(|number| format!("key/{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    for batch in keys.chunks(MAX_BATCH_ITEMS as usize) {
        store.put_many(batch.iter().map(|key| Put::new(key, &[7; 100])).collect::<Vec<_>>(), 1).unwrap();
    }
    let bytes = store.status(HostFacts::default()).unwrap().stores.objects;
    println!("{} bytes of the index for each object", bytes / OBJECTS);
    assert!(bytes <= 250 * OBJECTS, "{bytes} bytes");
}

//! Listings with a delimiter.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use ic_stable_structures::{Memory, VectorMemory};
use stable_storage_api::{Error, ListArgs, ListPage};

use super::{Put, TestStore, put, store};
use crate::store::Store;

/// Returns all pages of a listing.
fn level(store: &TestStore, args: &ListArgs) -> (Vec<String>, Vec<String>, usize) {
    let (mut objects, mut prefixes, mut pages) = (Vec::new(), Vec::new(), 0);
    let mut args = args.clone();
    loop {
        let ListPage { objects: more, prefixes: more_prefixes, next } = store.list(&args).unwrap();
        assert!(more.len() + more_prefixes.len() <= args.most() as usize);
        objects.extend(more.into_iter().map(|info| info.key));
        prefixes.extend(more_prefixes);
        pages += 1;
        match next {
            Some(next) => args.start_after = Some(next),
            None => return (objects, prefixes, pages),
        }
    }
}

/// Returns the expected listing, computed by testing every key.
fn expected(keys: &[&str], prefix: &str, delimiter: &str, start_after: &str) -> (Vec<String>, Vec<String>) {
    let (mut objects, mut prefixes) = (Vec::new(), BTreeSet::new());
    let sorted: BTreeSet<_> = keys.iter().filter(|key| key.starts_with(prefix)).collect();
    for key in sorted {
        match key[prefix.len()..].find(delimiter) {
            Some(index) => {
                let common = &key[..prefix.len() + index + delimiter.len()];
                if *key > start_after && common != start_after {
                    prefixes.insert(common.to_owned());
                }
            }
            None if *key > start_after => objects.push((*key).to_owned()),
            None => {}
        }
    }
    (objects, prefixes.into_iter().collect())
}

/// Returns the expected listing in descending order. Without a cursor, all keys are before it.
fn expected_descending(
    keys: &[&str],
    prefix: &str,
    delimiter: &str,
    cursor: Option<&str>,
) -> (Vec<String>, Vec<String>) {
    let (mut objects, mut prefixes) = (Vec::new(), BTreeSet::new());
    let is_before = |key: &str| cursor.is_none_or(|cursor| key < cursor);
    let sorted: BTreeSet<_> = keys.iter().filter(|key| key.starts_with(prefix) && is_before(key)).collect();
    for key in sorted.into_iter().rev() {
        match key[prefix.len()..].find(delimiter) {
            Some(index) => _ = prefixes.insert(key[..prefix.len() + index + delimiter.len()].to_owned()),
            None => objects.push((*key).to_owned()),
        }
    }
    (objects, prefixes.into_iter().rev().collect())
}

const KEYS: [&str; 17] = [
    "a",
    "a/",
    "a/b",
    "a/b/c",
    "a/b/d",
    "a/é",
    "a/é/1",
    "a0",
    "a//b",
    "b/1/2/3",
    "b/1/2/4",
    "c",
    "é/é",
    "z/",
    "z/1",
    "\u{10FFFF}/x",
    "\u{10FFFF}",
];

/// Pages of every size list every object and every common prefix once, for any prefix, delimiter and cursor.
#[test]
fn a_level_matches_a_scan_of_all_keys() {
    let mut store = store();
    for key in KEYS {
        put(&mut store, key, b"v");
    }
    let cursors = ["", "a", "a/", "a/b", "a/b/", "a/b/c", "a/c", "b/", "b/1/2/3", "z", "z/", "zz"];
    for prefix in ["", "a", "a/", "a/b", "b/", "b/1/2/", "é", "nothing"] {
        for delimiter in ["/", "//", "é", "b/", "1", "\u{10FFFF}"] {
            for cursor in cursors {
                let (objects, prefixes) = expected(&KEYS, prefix, delimiter, cursor);
                for limit in [1, 2, 3, 1_000] {
                    let start_after = Some(cursor.to_owned());
                    let args =
                        ListArgs { start_after, limit: Some(limit), ..ListArgs::level(prefix, delimiter) };
                    let (found, found_prefixes, pages) = level(&store, &args);
                    assert_eq!((&found, &found_prefixes), (&objects, &prefixes), "{args:?}");
                    let items = objects.len() + prefixes.len();
                    assert_eq!(pages, items.div_ceil(limit as usize).max(1), "{args:?}");
                }
                let cursor = Some(cursor).filter(|cursor| !cursor.is_empty());
                let (objects, prefixes) = expected_descending(&KEYS, prefix, delimiter, cursor);
                for limit in [1, 2, 3, 1_000] {
                    let args = ListArgs { limit: Some(limit), ..ListArgs::level(prefix, delimiter) };
                    let args = ListArgs { start_after: cursor.map(Into::into), ..args.descending() };
                    let (found, found_prefixes, pages) = level(&store, &args);
                    assert_eq!((&found, &found_prefixes), (&objects, &prefixes), "{args:?}");
                    let items = objects.len() + prefixes.len();
                    assert_eq!(pages, items.div_ceil(limit as usize).max(1), "{args:?}");
                }
            }
        }
    }
}

#[test]
fn delimiters_are_checked_and_scan_has_none() {
    let store = store();
    let invalid = |result: Result<ListPage, Error>| matches!(result, Err(Error::InvalidArgument { .. }));
    assert!(invalid(store.list(&ListArgs::level("", ""))));
    assert!(matches!(store.scan(&ListArgs::level("", "/")), Err(Error::InvalidArgument { .. })));
    assert_eq!(store.list(&ListArgs::level("", "/".repeat(5_000))).unwrap().objects, []);
}

/// A memory that counts its reads.
#[derive(Clone, Default)]
struct Counted {
    memory: VectorMemory,
    reads: Rc<Cell<u64>>,
}

impl Memory for Counted {
    fn size(&self) -> u64 {
        self.memory.size()
    }

    fn grow(&self, pages: u64) -> i64 {
        self.memory.grow(pages)
    }

    fn read(&self, offset: u64, dst: &mut [u8]) {
        self.reads.set(self.reads.get() + 1);
        self.memory.read(offset, dst);
    }

    fn write(&self, offset: u64, src: &[u8]) {
        self.memory.write(offset, src);
    }
}

/// One search skips a common prefix and reads as much as a lookup of one key, regardless of the keys below
/// the prefix.
#[test]
fn a_common_prefix_costs_one_search() {
    let memory = Counted::default();
    let mut store = Store::open(memory.clone()).unwrap();
    for folder in ["full", "next"] {
        for batch in (0..5_000).collect::<Vec<_>>().chunks(1_000) {
            let keys: Vec<_> = batch.iter().map(|index| format!("{folder}/{index:06}")).collect();
            let puts: Vec<_> = keys.iter().map(|key| Put::new(key, b"v")).collect();
            store.put_many(puts, 0).unwrap();
        }
    }
    store.put(Put::new("last", b"v"), 0).unwrap();
    let reads_of = |read: &dyn Fn()| {
        let before = memory.reads.get();
        read();
        memory.reads.get() - before
    };
    let of_one_key = reads_of(&|| drop(store.stat("last").unwrap()));
    let of_a_level = reads_of(&|| {
        let page = store.list(&ListArgs::level("", "/")).unwrap();
        assert_eq!(page.prefixes, ["full/", "next/"]);
        assert_eq!((page.objects.len(), page.next), (1, None));
    });
    assert!(of_a_level <= 8 * of_one_key, "{of_a_level} reads; one key needs {of_one_key}");
}

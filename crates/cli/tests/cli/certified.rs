//! Certified prefixes, and reads with `--verify`.

use crate::harness::Store;

/// Objects under a certified prefix are verified; those that are put later as well, and that there are no others.
#[test]
fn certified_objects_are_verified() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "album/1"], b"one");
    store.run_with_input(&["put", "-", "album/deep/2"], b"two");
    store.run_with_input(&["put", "-", "other"], b"other");
    store.run(&["certify", "album/"]);
    assert_eq!(store.text(&["certify"]), "complete    \"album/\"\n");
    store.run_with_input(&["put", "-", "album/3"], b"three");
    assert_eq!(store.text(&["get", "--verify", "album/1"]), "one");
    assert_eq!(store.text(&["get", "--verify", "album/3"]), "three");
    assert!(store.text(&["stat", "--verify", "album/deep/2"]).contains("(verified)"));
    assert_eq!(store.text(&["ls", "--verify", "album/"]), "album/1\nalbum/3\nalbum/deep/\n");
    assert_eq!(store.text(&["ls", "--verify", "-r", "album/"]), "album/1\nalbum/3\nalbum/deep/2\n");
    let target = store.path("copy");
    store.run(&["get", "--verify", "-r", "album", target.to_str().unwrap()]);
    assert_eq!(std::fs::read(target.join("deep/2")).unwrap(), b"two");
}

/// A large object is verified with its certified digest.
#[test]
fn a_large_object_is_verified() {
    let store = Store::new();
    let content: Vec<u8> = (0..5_000_000_u32).map(|at| (at >> 7) as u8).collect();
    let file = store.file("large", &content);
    store.run(&["put", &file, "big/large"]);
    store.run(&["certify", "big/"]);
    let copy = store.path("copy");
    store.run(&["get", "--verify", "big/large", copy.to_str().unwrap()]);
    assert!(std::fs::read(copy).unwrap() == content);
}

/// That there is no object is proven under a certified prefix, and an error elsewhere.
#[test]
fn absence_is_proven_only_where_objects_are_certified() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "a/1"], b"one");
    store.run(&["certify", "a/"]);
    let absent = store.fail(3, &["stat", "--verify", "a/2"]);
    assert!(absent.contains("there is no object under \"a/2\""), "{absent}");
    let absent = store.fail(3, &["get", "--verify", "a/2"]);
    assert!(absent.contains("there is no object under \"a/2\""), "{absent}");
    for command in [["get", "--verify", "b"], ["stat", "--verify", "b"], ["ls", "--verify", ""]] {
        let refused = store.fail(1, &command);
        assert!(refused.contains("is not under a certified prefix"), "{refused}");
    }
    store.run(&["certify", "--off", "a/"]);
    let refused = store.fail(1, &["get", "--verify", "a/1"]);
    assert!(refused.contains("is not under a certified prefix"), "{refused}");
}

/// The log is verified once it is certified.
#[test]
fn the_certified_log_is_verified() {
    let store = Store::new();
    store.run_with_input(&["log", "append", "-"], b"a\nb\nc\n");
    store.fail(1, &["log", "read", "--verify"]);
    store.run(&["certify", "--log"]);
    store.run(&["log", "append", "d"]);
    assert_eq!(store.text(&["log", "read", "--verify"]), "a\nb\nc\nd\n");
    assert_eq!(store.text(&["log", "read", "--verify", "1", "-n", "2"]), "b\nc\n");
    assert_eq!(store.text(&["log", "tail", "--verify", "-n", "2"]), "c\nd\n");
}

/// The status shows the memory of certification from the first certified prefix on.
#[test]
fn memory_of_certification_is_in_the_status() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "album/1"], b"one");
    store.run(&["log", "append", "entry"]);
    assert_eq!(store.json(&["status"])["stores"]["certified"], serde_json::Value::Null);
    assert!(!store.text(&["status"]).contains("hash tree"));
    store.run(&["certify", "album/"]);
    let certified = store.json(&["status"])["stores"]["certified"].clone();
    let bucket = 16 << 20;
    assert_eq!(
        (&certified["hash_tree"], &certified["scopes"]),
        (&bucket.into(), &bucket.into()),
        "{certified}"
    );
    assert_eq!(certified["log_range"], 0);
    store.run(&["certify", "--log"]);
    assert_eq!(store.json(&["status"])["stores"]["certified"]["log_range"], bucket);
    let status = store.text(&["status", "-h"]);
    for line in ["  hash tree    16.0 MiB\n", "  log range    16.0 MiB\n", "  pieces       0 B\n"] {
        assert!(status.contains(line), "{status}");
    }
}

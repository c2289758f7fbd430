//! Images of a store's memory.

use std::fs;

use crate::harness::{MAX_PAYLOAD, Store, failed, numbers, output};

/// An image that is exported is sound, and another store that imports it has everything; what a store has is not lost by
/// mistake.
#[test]
fn a_snapshot_is_exported_and_imported() {
    let store = Store::new();
    let content = numbers(MAX_PAYLOAD + 1);
    store.run(&["put", &store.file("large", &content)]);
    store.run(&["log", "append", "line"]);
    store.run(&["snapshot", "export", "image"]);
    assert_eq!(store.names(), ["image", "large", "store"]);
    assert!(store.fail(1, &["snapshot", "export", "image"]).contains("overwrites nothing"));

    let before = fs::read(store.path("image")).unwrap();
    let checked = String::from_utf8(output(store.bare(&["check", "image"]), b"").stdout).unwrap();
    assert!(checked.contains("objects      1 with") && checked.contains("sound        yes"), "{checked}");
    assert!(fs::read(store.path("image")).unwrap() == before, "the check wrote to the image");

    let other = Store::new();
    let image = store.path("image");
    let image = image.to_str().unwrap();
    other.run(&["snapshot", "import", image]);
    assert!(other.run(&["get", "large"]) == content);
    assert_eq!(other.text(&["log", "tail"]), "line\n");
    assert!(other.fail(1, &["snapshot", "import", image]).contains("--replace"));
    other.run(&["log", "append", "another"]);
    other.run(&["snapshot", "import", "--replace", image]);
    assert_eq!(other.text(&["log", "tail"]), "line\n");
    assert!(other.text(&["check"]).contains("sound        yes"));
}

/// What is not an image is refused, and the store is as it was; an image that is damaged is said to be.
#[test]
fn a_bad_image_is_refused() {
    let store = Store::new();
    store.run(&["snapshot", "export", "image"]);
    let mut bytes = fs::read(store.path("image")).unwrap();
    bytes[5] ^= 1;
    store.file("damaged", &bytes);
    store.file("short", b"no memory");
    let foreign = store.file("foreign", &[7; 65_536]);
    for name in ["damaged", "short", "foreign", "missing"] {
        store.fail(1, &["snapshot", "import", name]);
        failed(1, output(store.bare(&["check", name]), b""));
    }
    assert_eq!(fs::read(foreign).unwrap(), [7; 65_536]);
    assert_eq!(store.text(&["ls"]), "");
    store.run(&["put", &store.file("file", b"still works")]);
}

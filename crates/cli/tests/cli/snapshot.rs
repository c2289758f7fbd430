//! Images of a store's memory.

use std::{fs, os::unix::fs::MetadataExt};

use crate::harness::{MAX_PAYLOAD, Store, failed, numbers, output};

/// An exported image is sound, and a store that imports it has everything. A store that is not empty is not replaced by
/// mistake.
#[test]
fn a_snapshot_is_exported_and_imported() {
    let store = Store::new();
    let content = numbers(MAX_PAYLOAD + 1);
    store.run(&["put", &store.file("large", &content)]);
    store.run(&["log", "append", "line"]);
    store.run(&["snapshot", "export", "image"]);
    assert_eq!(store.names(), ["image", "large", "store"]);
    assert!(store.fail(1, &["snapshot", "export", "image"]).contains("already exists"));

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

/// An import that is killed at any time leaves the store either unchanged or as in the image, and the next write fits to
/// it.
#[test]
fn killed_import_is_all_or_nothing() {
    let store = Store::new();
    store.run(&["put", &store.file("in-image", &numbers(24 << 20))]);
    store.run(&["log", "append", "in the image"]);
    store.run(&["snapshot", "export", "image"]);
    store.run(&["rm", "in-image"]);
    store.run(&["put", &store.file("before", &numbers(100_000))]);
    store.run(&["snapshot", "export", "start"]);
    let small = store.file("small", b"small");
    let mut done = 0;
    for part in 0..8_u64 {
        store.run(&["snapshot", "import", "start", "--replace"]);
        let mut import = store.command(&["snapshot", "import", "image", "--replace"]).spawn().unwrap();
        // Killed when each eighth of the image is written, and after the image is complete.
        let blocks = |path: std::path::PathBuf| fs::metadata(path).map_or(0, |file| file.blocks() * 512);
        let arrived = || {
            let names = fs::read_dir(store.path("store")).unwrap().map(|entry| entry.unwrap());
            let files = names.filter(|entry| entry.file_name().to_string_lossy().starts_with("stable-"));
            files.map(|entry| blocks(entry.path())).filter(|&bytes| bytes > 0).min().unwrap_or(0)
        };
        while import.try_wait().unwrap().is_none() && arrived() < part * (3 << 20) {
            std::thread::yield_now();
        }
        let _ = import.kill();
        import.wait().unwrap();
        let keys = store.text(&["ls", "-r"]);
        let log = store.text(&["log", "tail", "-n", "1"]);
        let is_done = keys.starts_with("in-image");
        done += u64::from(is_done);
        assert!(is_done || keys.starts_with("before"), "{keys}");
        store.run(&["put", &small]);
        store.run(&["log", "append", "after"]);
        assert!(store.text(&["check"]).contains("sound        yes"));
        assert_eq!(store.json(&["status"])["objects"], 2);
        assert!(!log.is_empty());
        if is_done {
            assert!(store.run(&["get", "in-image"]) == numbers(24 << 20));
        }
    }
    assert!(done < 8, "no import was killed in time");
}

/// A file that is not an image is rejected, and the store is unchanged; a corrupt image is reported.
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
    assert_eq!(store.text(&["ls", "-r"]), "");
    store.run(&["put", &store.file("file", b"still works")]);
}

/// An image can be written to standard output. A pipe is rejected as input without waiting for a writer.
#[test]
fn image_is_written_to_a_pipe() {
    let store = Store::new();
    store.run(&["log", "append", "line"]);
    let image = store.run(&["snapshot", "export", "-"]);
    store.run(&["snapshot", "export", "image"]);
    assert!(std::fs::read(store.path("image")).unwrap() == image);
    assert_eq!(store.names(), ["image", "store"]);
    assert!(std::process::Command::new("mkfifo").arg(store.path("fifo")).status().unwrap().success());
    assert!(store.fail(1, &["check", "fifo"]).contains("fifo is not a regular file"));
    assert!(
        store.fail(1, &["snapshot", "import", "--replace", "fifo"]).contains("fifo is not a regular file")
    );
}

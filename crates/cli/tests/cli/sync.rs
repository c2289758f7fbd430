//! Making the store like a folder.

use std::{fs, time::SystemTime};

use crate::harness::{MAX_PAYLOAD, Store, numbers};

fn folder(store: &Store) {
    store.file("folder/a", b"first");
    store.file("folder/b/c", b"second");
    store.file("folder/b.txt", b"");
    store.file("folder/large", &numbers(2 * MAX_PAYLOAD + 5));
}

/// What is new goes to the store, and a second time nothing does; what has changed goes again, of the same size or not.
#[test]
fn only_what_changed_is_stored() {
    let store = Store::new();
    folder(&store);
    let report = store.json(&["sync", "folder", "to"]);
    assert_eq!(report["stored"], serde_json::json!(["to/a", "to/b.txt", "to/b/c", "to/large"]));
    assert_eq!(store.text(&["ls"]), "to/a\nto/b.txt\nto/b/c\nto/large\n");
    assert!(store.run(&["get", "to/large"]) == numbers(2 * MAX_PAYLOAD + 5));
    assert_eq!(store.run(&["get", "to/b/c"]), b"second");
    let revision = |key: &str| store.json(&["stat", key])["revision"].clone();
    let revisions = ["to/a", "to/b.txt", "to/b/c", "to/large"].map(revision);

    // A file that was only touched is the same.
    let large = fs::File::options().write(true).open(store.path("folder/large")).unwrap();
    large.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(store.text(&["sync", "folder/", "to/"]), "");
    assert_eq!(["to/a", "to/b.txt", "to/b/c", "to/large"].map(revision), revisions);

    let mut content = numbers(2 * MAX_PAYLOAD + 5);
    content[MAX_PAYLOAD] ^= 1;
    store.file("folder/large", &content);
    store.file("folder/a", b"other");
    store.file("folder/b/c", b"another size");
    assert_eq!(store.text(&["sync", "folder", "to"]), "stored   to/a\nstored   to/b/c\nstored   to/large\n");
    assert!(store.run(&["get", "to/large"]) == content);
    assert_eq!(store.run(&["get", "to/a"]), b"other");
}

/// What the folder no longer has is removed when that is asked for, under the prefix only; a dry run changes nothing.
#[test]
fn what_is_gone_is_removed_when_asked() {
    let store = Store::new();
    folder(&store);
    for key in ["to/gone", "to/b", "too/near", "to"] {
        store.run_with_input(&["put", "-", key], b"value");
    }
    let all = store.text(&["ls"]);
    let said = store.text(&["sync", "--delete", "--dry-run", "folder", "to"]);
    assert!(
        said.contains("store    to/large\n") && said.ends_with("remove   to/b\nremove   to/gone\n"),
        "{said}"
    );
    assert_eq!(store.text(&["ls"]), all);
    store.run(&["sync", "folder", "to"]);
    assert!(store.text(&["ls"]).contains("to/gone"));
    assert_eq!(store.text(&["sync", "--delete", "folder", "to"]), "removed  to/b\nremoved  to/gone\n");
    assert_eq!(store.text(&["ls"]), "to\nto/a\nto/b.txt\nto/b/c\nto/large\ntoo/near\n");
    // Without a prefix, keys are paths in the folder, and everything else is what the folder does not have.
    store.run(&["sync", "--delete", "folder", ""]);
    assert_eq!(store.text(&["ls"]), "a\nb.txt\nb/c\nlarge\n");
}

/// Many small files go in few calls, and all of them arrive.
#[test]
fn many_small_files_go_together() {
    let store = Store::new();
    for number in 0..1_100 {
        store.file(&format!("many/{number}"), number.to_string().as_bytes());
    }
    // One that is as large as a call may be, between them.
    store.file("many/500a", &numbers(MAX_PAYLOAD));
    let report = store.json(&["sync", "many", "many"]);
    assert_eq!(report["stored"].as_array().unwrap().len(), 1_101);
    assert_eq!(store.run(&["get", "many/1099"]), b"1099");
    assert!(store.run(&["get", "many/500a"]) == numbers(MAX_PAYLOAD));
    assert_eq!(store.json(&["sync", "many", "many"])["unchanged"], 1_101);
}

/// A link to a file counts as the file, one to a folder is left out, and a name that no key can have is named.
#[cfg(unix)]
#[test]
fn links_and_names_are_as_documented() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, os::unix::fs::symlink};

    let store = Store::new();
    folder(&store);
    symlink("a", store.path("folder/link")).unwrap();
    symlink(store.path("folder"), store.path("folder/round")).unwrap();
    let output = store.output(&["sync", "folder", "to"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("folder/round, a link to a folder"), "{said}");
    assert_eq!(store.run(&["get", "to/link"]), b"first");
    assert_eq!(store.text(&["ls", "to/round"]), "");

    let strange = store.path("folder/b").join(OsStr::from_bytes(b"gr\xfc\xdfe"));
    fs::write(strange, b"latin").unwrap();
    let said = store.fail(1, &["sync", "folder", "to"]);
    assert!(said.contains("b/gr") && said.contains("not UTF-8"), "{said}");
    assert!(store.fail(1, &["sync", "folder/a", "to"]).contains("not a folder"));
    assert!(store.fail(1, &["sync", "folder", "//"]).contains("nothing but slashes"));
}

/// A folder of 1 GiB, large files and small ones; `scripts/test.sh` does not run this, and docs/CLI.md says how to.
#[test]
#[ignore = "stores 1 GiB, which takes a minute; run: cargo test --release -p storage-cli -- --ignored"]
fn a_gibibyte_is_synced() {
    let store = Store::new();
    let piece = numbers(16 << 20);
    for number in 0..63_u8 {
        let mut content = piece.clone();
        content[0] = number;
        store.file(&format!("folder/{}/{number}", number % 7), &content);
    }
    for number in 0..1_024 {
        store.file(&format!("folder/small/{number}"), &piece[number * 16_384..][..16_384]);
    }
    let report = store.json(&["sync", "folder", "to"]);
    assert_eq!(report["stored_bytes"], 1_u64 << 30);
    let report = store.json(&["sync", "folder", "to"]);
    assert_eq!((&report["stored_bytes"], &report["unchanged"]), (&0.into(), &(63 + 1_024).into()));
    store.run(&["get", "to/6/62", "back"]);
    assert_eq!(fs::read(store.path("back")).unwrap()[0], 62);
    assert!(store.text(&["check"]).contains("sound        yes"));
}

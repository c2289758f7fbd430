//! Keys that are awkward as names of files.

use std::{fs, os::unix::fs::FileTypeExt, os::unix::fs::symlink, process::Command};

use crate::harness::{Store, output};

impl Store {
    fn put_keys(&self, keys: &[&str]) {
        for key in keys {
            self.run_with_input(&["put", "-", key], key.as_bytes());
        }
    }

    /// Runs a command of which some items fail, and returns its lines and messages.
    fn fails_in_part(&self, args: &[&str]) -> (String, String) {
        let output = self.output(args, b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    }
}

/// No key leads to a file of a store: of the one that is read, of another one that storage.toml names, or of the default
/// one, directly or through a link. And no sync removes such files.
#[test]
fn keys_do_not_overwrite_stores() {
    let store = Store::new();
    store.file("storage.toml", b"[stores.backup]\nstore = 'second'\n");
    for folder in ["second", ".storage"] {
        assert!(output(store.bare(&["--store", folder, "init"]), b"").status.success());
    }
    symlink("second", store.path("link")).unwrap();
    let harmful =
        ["store/journal.bin", "second/state.bin", ".storage/new", "link/heap.bin", "second/new/file"];
    store.put_keys(&harmful);
    store.put_keys(&["fine", "second.txt"]);
    for args in [
        &["cp", "-r", "store:", "."][..],
        &["get", "-r", "", "."],
        &["sync", "--delete", "--force", "store:", "."],
    ] {
        let (lines, said) = store.fails_in_part(args);
        for key in harmful {
            assert!(
                said.contains(&format!("cannot write ./{key}: it is in the folder of the store")),
                "{args:?}: {said}"
            );
            assert!(!lines.contains(key), "{lines}");
        }
        assert!(said.contains("5 objects failed"), "{said}");
        fs::remove_file(store.path("fine")).unwrap();
        fs::remove_file(store.path("second.txt")).unwrap();
    }
    store.run(&[
        "rm",
        "store/journal.bin",
        ".storage/new",
        "second/state.bin",
        "link/heap.bin",
        "second/new/file",
    ]);
    let removed = store.text(&["sync", "--delete", "--force", "store:", "."]);
    assert!(removed.ends_with("removed  ./storage.toml\n") || removed.contains("storage.toml"), "{removed}");
    assert!(store.fail(1, &["get", "fine", "store/journal.bin"]).contains("in the folder of the store"));
    for folder in ["store", "second", ".storage"] {
        let checked = output(store.bare(&["--store", folder, "check"]), b"");
        assert!(checked.status.success(), "{folder}: {}", String::from_utf8_lossy(&checked.stderr));
    }
    assert!(!store.path("second/new").exists());
}

/// A key that is also a folder of others cannot be a file: it is reported, and the others are written, whatever the order.
#[test]
fn an_object_that_is_also_a_folder_is_reported() {
    let store = Store::new();
    store.put_keys(&["a", "a/b", "a/b/c", "a b", "ab"]);
    for (folder, args) in [
        ("cp", &["cp", "-r", "store:", "cp"][..]),
        ("get", &["-j", "1", "get", "-r", "", "get"]),
        ("sync", &["sync", "--down", "", "sync"]),
        // Again, with the folders in place.
        ("sync", &["sync", "--down", "--checksum", "", "sync"]),
    ] {
        let (_, said) = store.fails_in_part(args);
        for key in ["a", "a/b"] {
            assert!(said.contains(&format!("{key:?} would be both a file and a folder")), "{args:?}: {said}");
        }
        assert!(said.contains("2 objects failed"), "{args:?}: {said}");
        for key in ["a/b/c", "a b", "ab"] {
            assert_eq!(fs::read(store.path(folder).join(key)).unwrap(), key.as_bytes(), "{args:?}");
        }
    }
    // Without what is in it, it is a file.
    store.run(&["cp", "-r", "-x", "a/", "store:", "flat"]);
    assert_eq!(fs::read(store.path("flat/a")).unwrap(), b"a");
    // A file that is in the way of a folder stays.
    let (lines, said) = store.fails_in_part(&["cp", "-r", "-i", "c", "store:", "flat"]);
    assert!(lines.is_empty() && said.contains("cannot create the folder flat/a"), "{said}");
    // And so does a folder that is in the way of a file.
    let (_, said) = store.fails_in_part(&["cp", "-r", "-x", "a/", "store:", "cp"]);
    assert!(said.contains("\"a\": cannot write cp/a: it is a folder"), "{said}");
}

/// A pipe or a device in a folder is not replaced by a file.
#[test]
fn devices_in_a_folder_are_not_replaced() {
    let store = Store::new();
    store.put_keys(&["pipe", "fine"]);
    fs::create_dir(store.path("down")).unwrap();
    assert!(Command::new("mkfifo").arg(store.path("down/pipe")).status().unwrap().success());
    let (lines, said) = store.fails_in_part(&["cp", "-r", "store:", "down"]);
    assert!(said.contains("cannot write down/pipe: it is a device or a pipe"), "{said}");
    assert_eq!(lines, "fetched  fine\n");
    assert!(fs::metadata(store.path("down/pipe")).unwrap().file_type().is_fifo());
}

/// A key of the greatest length fails alone where no file can have its name, and can be read to another name.
#[test]
fn long_keys_are_reported_alone() {
    let store = Store::new();
    let (long, deep) = ("k".repeat(1_024), ["d"; 512].join("/") + "/");
    let deep = &deep[..1_023];
    store.put_keys(&[&long, deep, "fine"]);
    let (lines, said) = store.fails_in_part(&["cp", "-r", "store:", "down"]);
    assert_eq!(lines, format!("fetched  {deep}\nfetched  fine\n"));
    assert!(said.contains("File name too long") && said.contains("1 object failed"), "{said}");
    store.run(&["get", &long, "short"]);
    assert_eq!(fs::read(store.path("short")).unwrap(), long.as_bytes());
}

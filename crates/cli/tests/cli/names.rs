//! Keys that are awkward as names of files.

use std::{fs, os::unix::fs::FileTypeExt, os::unix::fs::symlink, process::Command};

use crate::harness::{Store, output};

impl Store {
    pub(crate) fn put_keys(&self, keys: &[&str]) {
        for key in keys {
            self.run_with_input(&["put", "-", key], key.as_bytes());
        }
    }

    /// Runs a command of which some items fail, and returns its lines and messages.
    pub(crate) fn fail_in_part(&self, args: &[&str]) -> (String, String) {
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
        let (lines, said) = store.fail_in_part(args);
        for key in harmful {
            let refused = match key {
                "link/heap.bin" => "cannot write through the link ./link: it is a link to a folder".into(),
                key => format!("cannot write ./{key}: it is in the folder of the store"),
            };
            assert!(said.contains(&refused), "{args:?}: {said}");
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
        let (_, said) = store.fail_in_part(args);
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
    let (lines, said) = store.fail_in_part(&["cp", "-r", "-i", "c", "store:", "flat"]);
    assert!(lines.is_empty() && said.contains("cannot create the folder flat/a"), "{said}");
    // And so does a folder that is in the way of a file.
    let (_, said) = store.fail_in_part(&["cp", "-r", "-x", "a/", "store:", "cp"]);
    assert!(said.contains("\"a\": cannot write cp/a: it is a folder"), "{said}");
}

/// A pipe or a device in a folder is not replaced by a file.
#[test]
fn devices_in_a_folder_are_not_replaced() {
    let store = Store::new();
    store.put_keys(&["pipe", "fine"]);
    fs::create_dir(store.path("down")).unwrap();
    assert!(Command::new("mkfifo").arg(store.path("down/pipe")).status().unwrap().success());
    let (lines, said) = store.fail_in_part(&["cp", "-r", "store:", "down"]);
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
    let (lines, said) = store.fail_in_part(&["cp", "-r", "store:", "down"]);
    assert_eq!(lines, format!("fetched  {deep}\nfetched  fine\n"));
    assert!(said.contains("File name too long") && said.contains("1 object failed"), "{said}");
    store.run(&["get", &long, "short"]);
    assert_eq!(fs::read(store.path("short")).unwrap(), long.as_bytes());
}

/// What is a folder and no object is named as one by all commands, with what to do.
#[test]
fn folders_are_named_where_an_object_is_missing() {
    let store = Store::new();
    store.put_keys(&["f/a", "f/b"]);
    for (args, help) in [
        (&["cat", "f"][..], "fetch the folder with -r of get or cp"),
        (&["get", "f/"], "fetch the folder with -r of get or cp"),
        (&["stat", "f"], "show what is in it with storage ls or storage du"),
        (&["rm", "f"], "remove the folder with -r"),
        (&["rm", "-n", "f/"], "remove the folder with -r"),
        (&["mv", "f", "g"], "copy the folder with cp -r, then remove it with rm -r"),
        (&["cp", "store:f", "store:g"], "copy the folder with -r"),
    ] {
        let said = store.fail(3, args);
        let name = if args.contains(&"f/") { "f/" } else { "f" };
        assert_eq!(
            said,
            format!("error: there is no object under {name:?}, but a folder\nhelp: {help}\n"),
            "{args:?}"
        );
    }
    assert_eq!(store.text(&["ls", "-r"]), "f/a\nf/b\n");
}

/// A location of cp, where a key is expected, is explained. A key may have a colon.
#[test]
fn locations_are_not_keys() {
    let store = Store::new();
    store.put_keys(&["a", "x:y"]);
    for args in [
        &["cat", "store:a"][..],
        &["get", "store:a"],
        &["rm", "store:a"],
        &["du", "store:a"],
        &["tree", "store:a"],
    ] {
        let said = store.fail(3, args);
        assert!(
            said.contains("help: here, a key is written without store: before it, as a\n"),
            "{args:?}: {said}"
        );
    }
    let output = store.output(&["ls", "store:a"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.starts_with("no key starts with \"store:a\"; here, "), "{said}");
    assert!(store.fail(3, &["cat", "other:a"]).contains("read it with: storage cp other:a -\n"));
    assert_eq!(
        (store.run(&["cat", "x:y"]), store.text(&["ls", "x:"])),
        (b"x:y".to_vec(), "x:y\n".to_owned())
    );
}

/// A new key does not start as a location does: most likely, it is meant as one. Another colon is part of a key, and `cp` stores
/// any key.
#[test]
fn locations_are_not_new_keys() {
    let store = Store::new();
    store.file("storage.toml", b"[stores.two]\nstore = 'second'\n");
    store.put_keys(&["p/a"]);
    let (a, dir) = (store.file("a", b"a"), store.file("dir/a", b"a"));
    let dir = dir.trim_end_matches("/a");
    for args in [
        &["put", &a, "store:album/a"][..],
        &["put", &a, "store:"],
        &["put", &a, &a, "store:album/"],
        &["put", "-r", dir, "store:album"],
        &["put", &a, "two:x"],
        &["mv", "p/a", "two:x"],
        &["mv", "p/a", "store:x"],
        &["publish", dir, "two:www"],
        &["certify", "store:x"],
    ] {
        let said = store.fail(1, args);
        let (key, help) = match args.last().unwrap().split_once(':').unwrap() {
            ("store", key) => (key, "help: here, a key is written without store: before it, as "),
            (_, key) => (key, "help: copy it to that store with: storage cp SOURCE two:"),
        };
        assert!(said.contains("is a location of cp and sync, and not a key"), "{args:?}: {said}");
        assert!(said.contains(&format!("{help}{key}")) || key.is_empty(), "{args:?}: {said}");
    }
    store.run(&["put", &a, "other:x"]);
    store.run(&["mv", "p/a", "other:y"]);
    store.run(&["cp", &a, "store:two:x"]);
    assert_eq!(store.text(&["ls", "-r"]), "other:x\nother:y\ntwo:x\n");
    // What is there is found, and what is not is explained.
    assert_eq!(store.text(&["ls", "two:"]), "two:x\n");
    store.run(&["rm", "two:x"]);
    let said = String::from_utf8(store.output(&["ls", "two:"], b"").stderr).unwrap();
    assert!(
        said.contains("select that store with --store, or copy the folder with: storage cp -r two: DIR"),
        "{said}"
    );
    for command in ["du", "find", "tree"] {
        assert!(store.fail(3, &[command, "two:"]).contains("storage cp -r two: DIR\n"));
    }
}

/// A folder of a store is written with any number of slashes at its end, by all commands, but not as slashes alone.
#[test]
fn slashes_at_the_end_of_a_folder_count_once() {
    let store = Store::new();
    store.file("a", b"a");
    store.run(&["put", "a", "one//"]);
    store.run(&["cp", "a", "store:two//"]);
    store.run(&["cp", "store:one/a", "store:three///"]);
    store.run(&["cp", "store:one/a", "store:moved"]);
    store.run(&["mv", "moved", "four//"]);
    assert_eq!(store.text(&["ls", "-r"]), "four/moved\none/a\nthree/a\ntwo/a\n");
    for args in [
        &["put", "a", "/"][..],
        &["cp", "a", "store://"],
        &["cp", "store:one/a", "store:/"],
        &["mv", "one/a", "/"],
    ] {
        assert!(store.fail(1, args).contains("consists of slashes"), "{args:?}");
    }
    // A key can start with a slash, if that is meant.
    store.run(&["put", "a", "/a"]);
    assert_eq!(store.text(&["ls", "/"]), "/a\n");
    assert!(store.text(&["cp", "-n", "-", "store:b"]) == "store    b\n");
    assert!(store.fail(2, &["-j", "0", "ls"]).contains("expected a number from 1"));
    assert!(store.fail(1, &["get", "/a", "gone/a"]).ends_with("cannot write to gone: it is not a folder\nhelp: create the folder first; get -r and cp -r create their target\n"));
}

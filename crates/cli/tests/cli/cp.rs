//! Copies into and out of the store.

use std::fs;

use serde_json::json;

use crate::harness::{MAX_PAYLOAD, Store, numbers};

/// A file is copied to a key, to a folder under its name, and to the top of the store; standard input is copied to a key.
#[test]
fn cp_stores_files_as_put_does() {
    let store = Store::new();
    let large = numbers(MAX_PAYLOAD + 5);
    store.file("a.txt", b"a");
    store.file("large", &large);
    store.file("store:odd", b"odd");
    store.run(&["cp", "a.txt", "store:notes/1"]);
    store.run(&["cp", "a.txt", "large", "store:folder/"]);
    store.run(&["cp", "a.txt", "large", "store:"]);
    store.run(&["cp", "./store:odd", "store:odd"]);
    store.run_with_input(&["cp", "-", "store:stdin"], b"piped");
    assert_eq!(store.text(&["ls", "-r"]), "a.txt\nfolder/a.txt\nfolder/large\nlarge\nnotes/1\nodd\nstdin\n");
    assert!(store.run(&["get", "folder/large"]) == large);
    assert_eq!(store.run(&["get", "stdin"]), b"piped");
    let stored = store.json(&["cp", "a.txt", "store:typed.html"]);
    assert_eq!((&stored["key"], &stored["content_type"]), (&"typed.html".into(), &"text/plain".into()));
    // -r on a file copies the file.
    store.run(&["cp", "-r", "a.txt", "store:notes/2"]);
    assert_eq!(store.run(&["get", "notes/2"]), b"a");
}

/// A file that fails is reported, and the others are stored.
#[test]
fn cp_reports_each_file_that_fails() {
    let store = Store::new();
    store.file("a", b"a");
    let output = store.output(&["--json", "cp", "nothing", "a", "store:f/"], b"");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        (&report["stored"][0]["key"], &report["failed"][0]["item"]),
        (&"f/a".into(), &"nothing".into())
    );
    let said = store.fail(1, &["cp", "a", "a", "store:f"]);
    assert!(said.contains("add a slash to the target: f/"), "{said}");
}

/// An object is copied to a file, to a folder under the last part of its key, and to standard output; several need a folder.
#[test]
fn cp_fetches_objects_as_get_does() {
    let store = Store::new();
    let large = numbers(MAX_PAYLOAD + 5);
    store.run(&["put", &store.file("large", &large), "f/large"]);
    store.run_with_input(&["put", "-", "f/a"], b"a");
    fs::create_dir(store.path("dir")).unwrap();
    store.run(&["cp", "store:f/large", "copy"]);
    store.run(&["cp", "store:f/a", "dir"]);
    store.run(&["cp", "store:f/a", "."]);
    store.run(&["cp", "-r", "store:f/a", "dir/again"]);
    assert!(fs::read(store.path("copy")).unwrap() == large);
    for name in ["dir/a", "a", "dir/again"] {
        assert_eq!(fs::read(store.path(name)).unwrap(), b"a", "{name}");
    }
    assert_eq!(store.run(&["cp", "store:f/a", "-"]), b"a");
    assert!(
        store.fail(1, &["cp", "store:f/a", "gone/"]).contains("cannot write to gone: it is not a folder")
    );
    store.fail(3, &["cp", "store:nothing", "dir"]);

    fs::create_dir(store.path("two")).unwrap();
    let args = ["--json", "cp", "store:f/a", "store:nothing", "store:f/large", "two/"];
    let output = store.output(&args, b"");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["fetched"]), (Some(1), &json!(["f/a", "f/large"])));
    assert_eq!(report["failed"][0]["item"], "\"nothing\"");
    assert!(fs::read(store.path("two/large")).unwrap() == large);
    let said = store.fail(1, &["cp", "store:f/a", "store:f/large", "copy"]);
    assert!(said.contains("must be an existing folder: copy"), "{said}");
}

/// An object whose last name is not a valid file name is not written.
#[test]
fn cp_writes_nothing_outside_the_target() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "f/.."], b"up");
    fs::create_dir(store.path("dir")).unwrap();
    assert!(store.fail(1, &["cp", "store:f/..", "dir"]).contains("\"f/..\": the key is not a path"));
    assert!(store.fail(1, &["cp", "store:f/..", "store:f/..", "dir"]).contains("2 objects failed"));
    assert!(store.fail(1, &["cp", "-r", "store:f", "dir"]).contains("the key is not a path"));
    assert_eq!(store.names(), ["dir", "store"]);
    store.run(&["cp", "store:f/..", "dir/named"]);
}

/// A folder copied in and out is equal byte for byte; equal files are skipped, and nothing is removed.
#[test]
fn a_folder_copied_into_the_store_and_back_is_the_same() {
    let store = Store::new();
    let files = [
        ("a", b"first".to_vec()),
        ("b.txt", Vec::new()),
        ("b/c", b"second".to_vec()),
        ("b/large", numbers(2 * MAX_PAYLOAD + 5)),
    ];
    for (name, content) in &files {
        store.file(&format!("folder/{name}"), content);
    }
    store.run_with_input(&["put", "-", "to/kept"], b"kept");
    let report = store.json(&["cp", "-r", "folder", "store:to"]);
    assert_eq!(report["stored"], json!(["to/a", "to/b.txt", "to/b/c", "to/b/large"]));
    assert_eq!(store.json(&["cp", "-r", "folder/", "store:to/"])["unchanged"], 4);
    assert_eq!(store.run(&["cp", "store:to/kept", "-"]), b"kept");

    store.file("back/mine", b"mine");
    let report = store.json(&["cp", "-r", "store:to", "back"]);
    assert_eq!(report["fetched"], json!(["to/a", "to/b.txt", "to/b/c", "to/b/large", "to/kept"]));
    for (name, content) in &files {
        assert!(fs::read(store.path("back").join(name)).unwrap() == *content, "{name}");
    }
    assert_eq!(fs::read(store.path("back/mine")).unwrap(), b"mine");
    assert_eq!(store.text(&["cp", "-r", "store:to/", "back"]), "");

    // The whole store.
    store.run(&["cp", "-r", "store:", "all"]);
    assert_eq!(fs::read(store.path("all/to/b/c")).unwrap(), b"second");
    store.run(&["cp", "-r", "folder/b", "store:"]);
    assert_eq!(store.run(&["get", "c"]), b"second");
}

/// With -q, no messages are printed.
#[test]
fn cp_is_quiet_when_asked() {
    let store = Store::new();
    store.file("folder/a", b"a");
    for args in [
        ["-q", "cp", "-r", "folder", "store:to"],
        ["-q", "cp", "-r", "folder/a", "store:a"],
        ["-q", "cp", "-r", "store:to", "back"],
        ["-q", "cp", "-r", "store:a", "copy"],
    ] {
        let output = store.output(&args, b"");
        assert!(output.status.success() && output.stdout.is_empty(), "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A copy on this machine is an error that names the right command, and a folder needs -r.
#[test]
fn mistakes_of_cp_are_explained() {
    let store = Store::new();
    store.file("folder/a", b"a");
    store.run(&["sync", "folder", "to"]);
    let all = store.text(&["ls", "-r"]);
    for (code, args, expected) in [
        (1, &["folder/a", "-"][..], "standard input is copied to a store, and standard output from one"),
        (1, &["-", "copy"], "write a path in the store as store:KEY"),
        (1, &["store:to/a", "folder/a", "copy"], "some of the sources are on this machine"),
        (1, &["folder/a", "store:to/a", "store:b/"], "some of the sources are on this machine"),
        (1, &["store:to/a", "store:to/a", "store:b"], "must be a folder, with a slash at its end: store:b"),
        (1, &["a:b", "store:b"], "no store is named \"a\"\nhelp: for a file, write ./a:..."),
        (1, &["-x", "a", "folder/a", "store:b"], "copy a folder with -r"),
        (1, &["folder/a", "folder", "store:to/"], "error: folder is a folder\nhelp: copy a folder with -r"),
        (1, &["store:to/", "copy"], "error: store:to/ is a folder\nhelp: copy a folder with -r"),
        (1, &["store:", "copy"], "store: is a folder"),
        (3, &["store:to", "copy"], "no object under \"to\", but a folder\nhelp: fetch the folder with -r"),
        (3, &["-r", "store:nothing", "copy"], "there is no object"),
        (3, &["-r", "store:nothing/", "copy"], "there is no object"),
        (1, &["-r", "folder", "folder", "store:x"], "-r copies one folder, and there are 2 sources"),
        (2, &["folder/a"], "<TARGET>"),
    ] {
        let said = store.fail(code, &[&["cp"], args].concat());
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    assert_eq!(store.text(&["ls", "-r"]), all);
    assert_eq!(store.names(), ["folder", "store"]);
    assert!(store.fail(3, &["get", "to"]).contains("with -r"));
}

/// A key must be UTF-8; a file name need not be.
#[cfg(unix)]
#[test]
fn cp_accepts_file_names_that_are_not_utf_8() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let store = Store::new();
    store.file("a", b"a");
    let name = OsStr::from_bytes(b"gr\xfc\xdfe");
    store.run(&["cp", "a", "store:a"]);
    assert!(store.command(&["cp", "store:a"]).arg(name).output().unwrap().status.success());
    assert_eq!(fs::read(store.path("x").with_file_name(name)).unwrap(), b"a");
    let output = store.command(&["cp", "a"]).arg(OsStr::from_bytes(b"store:gr\xfc\xdfe")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("not UTF-8"), "{said}");
}

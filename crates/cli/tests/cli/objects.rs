//! Storing, reading, listing, moving and removing objects.

use std::process::Stdio;

use crate::harness::{MAX_PAYLOAD, Store, numbers};

/// A file is stored and read back byte for byte, to standard output and to a file.
#[test]
fn a_file_is_put_and_got() {
    let store = Store::new();
    let content = numbers(400_000);
    let file = store.file("numbers.bin", &content);
    store.run(&["put", &file]);
    store.run(&["put", &file, "copy"]);
    assert_eq!(store.text(&["ls", "-r"]), "copy\nnumbers.bin\n");
    assert!(store.run(&["get", "numbers.bin"]) == content);
    assert!(store.run(&["get", "copy", "-"]) == content);
    assert!(store.run(&["get", "copy", "back.bin"]).is_empty());
    assert!(std::fs::read(store.path("back.bin")).unwrap() == content);
}

/// Standard input is stored under the given key, and rejected without one.
#[test]
fn standard_input_needs_a_key() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "stdin"], b"from a pipe\0");
    assert_eq!(store.run(&["get", "stdin"]), b"from a pipe\0");
    assert!(store.fail(1, &["put", "-"]).contains("storage put - KEY"));
}

/// Objects are listed by prefix, shown, moved and removed.
#[test]
fn objects_are_listed_shown_moved_and_removed() {
    let store = Store::new();
    for key in ["a/1", "a/2", "b"] {
        store.run_with_input(&["put", "-", key], key.as_bytes());
    }
    assert_eq!(store.text(&["ls", "a/"]), "a/1\na/2\n");
    store.run(&["mv", "a/1", "c"]);
    store.run(&["rm", "a/2"]);
    assert_eq!(store.text(&["ls", "-r"]), "b\nc\n");
    let shown = store.text(&["stat", "c"]);
    assert!(shown.contains("size          3 bytes") && shown.contains("key           c"), "{shown}");
    // The clock of the store is that of this machine.
    assert!(shown.contains("created       20") && !shown.contains("1970"), "{shown}");
}

/// A missing object is an error that names the key, and how to list keys.
#[test]
fn missing_object_is_an_error() {
    let store = Store::new();
    for args in [&["get", "nothing"][..], &["stat", "nothing"], &["rm", "nothing"], &["mv", "nothing", "to"]]
    {
        let said = store.fail(3, args);
        assert!(said.contains("no object under \"nothing\"") && said.contains("storage ls"), "{said}");
    }
    assert!(store.fail(1, &["put", "no-such-file"]).contains("cannot open no-such-file"));
}

/// With `--json`, data is one line of JSON.
#[test]
fn json_is_one_line() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "key"], b"value");
    store.file("folder/file", b"content");
    for args in [
        &["ls"][..],
        &["stat", "key"],
        &["uploads", "ls"],
        &["verify", "key"],
        &["status"],
        &["upgrade"],
        &["check"],
        &["sync", "folder", "to", "--dry-run"],
        &["rm", "--dry-run", "key"],
        &["whoami"],
    ] {
        let text = store.text(&[&["--json"], args].concat());
        assert_eq!(text.lines().count(), 1, "{args:?}: {text}");
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }
    let stat: serde_json::Value = serde_json::from_slice(&store.run(&["stat", "key", "--json"])).unwrap();
    assert_eq!((&stat["key"], &stat["size"]), (&"key".into(), &5.into()));
}

/// A closed pipe is not an error.
#[test]
fn a_closed_pipe_is_quiet() {
    let store = Store::new();
    store.run(&["put", &store.file("large", &vec![b'x'; MAX_PAYLOAD])]);
    let mut command = store.command(&["get", "large"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What has failed is the exit code, also if nothing reads the report.
#[test]
fn failures_are_the_exit_code_without_a_reader() {
    let store = Store::new();
    store.file("folder/a", b"a");
    store.file("other/b", b"b");
    std::os::unix::fs::symlink("nowhere", store.path("folder/dangling")).unwrap();
    for args in [
        &["sync", "folder", "to"][..],
        &["--json", "sync", "folder", "to"],
        &["--json", "put", "folder/a", "folder/dangling", "to/"],
        &["--json", "rm", "to/a", "nothing"],
        &["diff", "folder", "other"],
        &["--json", "cp", "-r", "folder", "copy"],
    ] {
        let mut command = store.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(1), "{args:?}");
    }
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = store.command(&["ls"]).stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(0) && said.is_empty(), "nothing is written: {said}");
    store.run_with_input(&["put", "-", "key"], b"value");
    for args in [&["ls"][..], &["get", "key"], &["status"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = store.command(args).stdout(full).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(said.contains("cannot write to standard output"), "{args:?}: {said}");
    }
    // A file that cannot be written is named.
    let said = store.fail(1, &["get", "key", "/dev/full"]);
    assert!(said.contains("cannot write /dev/full"), "{said}");
}

/// A listing has columns. Keys are not escaped in a pipe.
#[test]
fn a_listing_is_in_columns() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "a", "--type", "text/plain"], b"value");
    store.run(&["put", &store.file("large", &numbers(MAX_PAYLOAD + 1)), "b/large"]);
    store.run_with_input(&["put", "-", "two\nlines"], &[0; 1_234]);
    store.run(&["verify", "a"]);
    insta::assert_snapshot!(
        [&["ls"][..], &["ls", "-r"], &["ls", "-l"], &["ls", "-lr"], &["ls", "-l", "b/"], &["stat", "a"]]
            .map(|args| store.session(args))
            .join("\n")
    );
    assert_eq!(store.json(&["ls", "two"])[0]["key"], "two\nlines");
}

/// A listing shows one level, with each folder once; with -r it shows all keys.
#[test]
fn folders_are_listed_as_folders() {
    let store = Store::new();
    for key in ["a", "b/1", "b/2/3", "b/2/4", "b0", "c//5"] {
        store.run_with_input(&["put", "-", key], b"value");
    }
    assert_eq!(store.text(&["ls"]), "a\nb/\nb0\nc/\n");
    assert_eq!(store.text(&["ls", "b"]), "b/\nb0\n");
    assert_eq!(store.text(&["ls", "b/"]), "b/1\nb/2/\n");
    assert_eq!(store.text(&["ls", "c/"]), "c//\n");
    assert_eq!(store.text(&["ls", "-r", "b"]), "b/1\nb/2/3\nb/2/4\nb0\n");
    let listed = store.json(&["ls", "b/"]);
    assert_eq!((&listed[0]["key"], &listed[1]), (&"b/1".into(), &serde_json::json!({ "prefix": "b/2/" })));
    assert_eq!(store.json(&["ls", "--recursive", "b/"]).as_array().unwrap().len(), 3);
}

/// Several objects are removed by key or by prefix, but not everything by mistake.
#[test]
fn objects_are_removed_by_prefix() {
    let store = Store::new();
    for key in ["a/1", "a/2", "b/1", "b/2", "c"] {
        store.run_with_input(&["put", "-", key], b"value");
    }
    store.run(&["rm", "c", "b/1"]);
    assert_eq!(store.text(&["ls", "-r"]), "a/1\na/2\nb/2\n");
    store.run(&["rm", "-r", "a/"]);
    assert_eq!(store.text(&["ls", "-r"]), "b/2\n");
    assert!(store.fail(1, &["rm", "-r", ""]).contains("every object"));
    assert_eq!(store.text(&["ls", "-r"]), "b/2\n");
}

/// A folder, and a file whose name is not a valid key, are rejected with the reason.
#[cfg(unix)]
#[test]
fn folders_and_invalid_names_are_rejected() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let store = Store::new();
    assert!(store.fail(1, &["put", "store", "key"]).contains("storage sync store PREFIX"));
    let name = OsStr::from_bytes(b"gr\xfc\xdfe");
    std::fs::write(store.path("x").with_file_name(name), b"latin").unwrap();
    let mut put = store.command(&["put"]);
    let output = put.arg(name).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("not UTF-8"), "{said}");
    assert!(store.command(&["put"]).arg(name).arg("key").output().unwrap().status.success());
    assert_eq!(store.run(&["get", "key"]), b"latin");
}

/// The error for an invalid argument states the limit.
#[test]
fn invalid_arguments_are_rejected_with_the_limit() {
    let store = Store::new();
    let (long, kind) = ("k".repeat(1_025), "t".repeat(300));
    let file = store.file("file", b"value");
    for (args, expected) in [
        (vec!["put", &file, &long], "the key has 1025 bytes; a key has 1 to 1024 bytes"),
        (vec!["put", &file, ""], "the key is empty"),
        (vec!["put", &file, "k", "--type", &kind], "the content type has 300 bytes; at most 255"),
        (vec!["get", &long], "the key has 1025 bytes"),
        (vec!["rm", ""], "the key is empty"),
        (vec!["mv", "k", &long], "the key has 1025 bytes"),
    ] {
        let said = store.fail(1, &args);
        assert!(said.contains("invalid argument") && said.contains(expected), "{said}");
        assert!(!said.contains("ic0.trap") && !said.contains("report"), "{said}");
    }
}

/// A put can require that there is no object, or an object with a given revision or SHA-256.
#[test]
fn a_put_has_conditions() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "key", "--if-absent"], b"first");
    for content in [b"second".to_vec(), numbers(MAX_PAYLOAD + 1)] {
        let file = store.file("file", &content);
        assert!(store.fail(1, &["put", &file, "key", "--if-absent"]).contains("already exists"));
        let said = store.fail(1, &["put", &file, "key", "--if-revision", "7"]);
        assert!(said.contains("the object is at revision 1"), "{said}");
    }
    assert_eq!(store.run(&["get", "key"]), b"first");
    store.run_with_input(&["put", "-", "key", "--if-revision", "1"], b"second");
    assert_eq!(store.run(&["get", "key"]), b"second");

    store.run(&["verify", "key"]);
    let digest = store.json(&["stat", "key"])["sha256"].as_str().unwrap().to_owned();
    for content in [b"third".to_vec(), numbers(MAX_PAYLOAD + 1)] {
        let file = store.file("file", &content);
        let other = digest.replace(char::is_alphabetic, "0");
        let said = store.fail(1, &["put", &file, "key", "--if-sha256", &other]);
        assert!(said.contains("the object is at revision 2"), "{said}");
    }
    let said = store.fail(2, &["put", "file", "key", "--if-sha256", &digest[1..]]);
    assert!(said.contains("expected 64 hexadecimal digits"), "{said}");
    store.run_with_input(&["put", "-", "key", "--if-sha256", &digest.to_uppercase()], b"third");
    assert_eq!(store.run(&["get", "key"]), b"third");
}

/// Common options of ls are accepted: `-lh`, `-la`.
#[test]
fn ls_accepts_common_options() {
    let store = Store::new();
    store.run(&["put", &store.file("large", &numbers(MAX_PAYLOAD + 1))]);
    for flags in ["-lh", "-la", "-l"] {
        assert!(store.text(&["ls", flags]).starts_with("1.9 MiB  20"), "{flags}");
    }
    assert!(store.text(&["ls", "-l", "--bytes"]).starts_with("2031617  20"));
}

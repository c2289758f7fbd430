//! Making the store like a folder.

use std::{fs, time::SystemTime};

use crate::harness::{MAX_PAYLOAD, Store, numbers};

fn folder(store: &Store) {
    store.file("folder/a", b"first");
    store.file("folder/b/c", b"second");
    store.file("folder/b.txt", b"");
    store.file("folder/large", &numbers(2 * MAX_PAYLOAD + 5));
}

/// New files are stored, and a second sync stores nothing; changed files are stored again, of the same size or not.
#[test]
fn only_changed_files_are_stored() {
    let store = Store::new();
    folder(&store);
    let report = store.json(&["sync", "folder", "to"]);
    assert_eq!(report["stored"], serde_json::json!(["to/a", "to/b.txt", "to/b/c", "to/large"]));
    assert_eq!(store.text(&["ls", "-r"]), "to/a\nto/b.txt\nto/b/c\nto/large\n");
    assert!(store.run(&["get", "to/large"]) == numbers(2 * MAX_PAYLOAD + 5));
    assert_eq!(store.run(&["get", "to/b/c"]), b"second");
    let revision = |key: &str| store.json(&["stat", key])["revision"].clone();
    let revisions = ["to/a", "to/b.txt", "to/b/c", "to/large"].map(revision);

    // A new modification time alone is not a change.
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

/// With --delete, objects without a file are removed, only under the prefix; a dry run changes nothing.
#[test]
fn objects_without_a_file_are_removed_with_delete() {
    let store = Store::new();
    folder(&store);
    for key in ["to/gone", "to/b", "too/near", "to"] {
        store.run_with_input(&["put", "-", key], b"value");
    }
    let all = store.text(&["ls", "-r"]);
    let said = store.text(&["sync", "--delete", "--force", "--dry-run", "folder", "to"]);
    assert!(
        said.contains("store    to/large\n") && said.ends_with("remove   to/b\nremove   to/gone\n"),
        "{said}"
    );
    assert_eq!(store.text(&["ls", "-r"]), all);
    store.run(&["sync", "folder", "to"]);
    assert!(store.text(&["ls", "-r"]).contains("to/gone"));
    assert_eq!(store.text(&["sync", "--delete", "folder", "to"]), "removed  to/b\nremoved  to/gone\n");
    assert_eq!(store.text(&["ls", "-r"]), "to\nto/a\nto/b.txt\nto/b/c\nto/large\ntoo/near\n");
    // Without a prefix, keys are paths in the folder, and all other objects have no file.
    // This would remove everything, which is most likely a mistake: nothing is removed without --force.
    let all = store.text(&["ls", "-r"]);
    let said = store.fail(1, &["sync", "--delete", "folder", ""]);
    assert!(said.contains("6 objects") && said.contains("--force"), "{said}");
    assert_eq!(store.text(&["ls", "-r"]), all);
    store.run(&["sync", "--delete", "--force", "folder", ""]);
    assert_eq!(store.text(&["ls", "-r"]), "a\nb.txt\nb/c\nlarge\n");
}

/// Many small files are stored in few calls.
#[test]
fn small_files_are_stored_in_batches() {
    let store = Store::new();
    for number in 0..1_100 {
        store.file(&format!("many/{number}"), number.to_string().as_bytes());
    }
    // A file of the maximum size of a call, between them.
    store.file("many/500a", &numbers(MAX_PAYLOAD));
    let report = store.json(&["sync", "many", "many"]);
    assert_eq!(report["stored"].as_array().unwrap().len(), 1_101);
    assert_eq!(store.run(&["get", "many/1099"]), b"1099");
    assert!(store.run(&["get", "many/500a"]) == numbers(MAX_PAYLOAD));
    assert_eq!(store.json(&["sync", "many", "many"])["unchanged"], 1_101);
}

/// A link to a file is followed, one to a folder is skipped, and a name that is not a valid key is reported.
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
    assert_eq!(store.text(&["ls", "-r", "to/round"]), "");

    let strange = store.path("folder/b").join(OsStr::from_bytes(b"gr\xfc\xdfe"));
    fs::write(strange, b"latin").unwrap();
    let said = store.fail(1, &["sync", "folder", "to"]);
    assert!(said.contains("b/gr") && said.contains("not UTF-8"), "{said}");
    assert!(store.fail(1, &["sync", "folder/a", "to"]).contains("not a folder"));
    assert!(store.fail(1, &["sync", "folder", "//"]).contains("consists of slashes"));
}

/// An empty folder would empty the store, which needs a confirmation.
#[test]
fn an_empty_folder_does_not_empty_the_store() {
    let store = Store::new();
    folder(&store);
    store.run(&["sync", "folder", "p"]);
    fs::create_dir(store.path("empty")).unwrap();
    let said = store.fail(1, &["sync", "--delete", "empty", "p"]);
    assert!(said.contains("4 objects") && said.contains("--force") && said.contains("--dry-run"), "{said}");
    assert_eq!(store.text(&["ls", "-r"]).lines().count(), 4);
    let dry = store.output(&["sync", "--delete", "-n", "empty", "p"], b"");
    assert_eq!((dry.status.code(), String::from_utf8(dry.stdout).unwrap().lines().count()), (Some(1), 4));
    store.run(&["sync", "--delete", "--force", "empty", "p"]);
    assert_eq!(store.text(&["ls", "-r"]), "");
    assert_eq!(store.text(&["-q", "sync", "folder", "p"]), "");
    assert_eq!(store.text(&["ls", "-r"]).lines().count(), 4);
    store.run(&["rm", "-r", "p"]);
    // Nothing is removed if there was nothing.
    store.run(&["sync", "--delete", "empty", "p"]);
}

/// The store's own folder is skipped, and excluded files are neither stored nor removed.
#[test]
fn the_store_and_excluded_files_are_skipped() {
    let store = Store::new();
    store.file("a.txt", b"a");
    store.file("b.tmp", b"b");
    store.file("build/c", b"c");
    store.run_with_input(&["put", "-", "site/build/old"], b"old");
    store.run_with_input(&["put", "-", "site/gone"], b"gone");
    let args = ["sync", "--delete", "--force", "--exclude", "*.tmp", "--exclude", "build/", ".", "site"];
    let output = store.output(&args, b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("skipped ./store: the store itself"), "{said}");
    assert_eq!(store.text(&["ls", "-r"]), "site/a.txt\nsite/build/old\n");
    assert!(store.fail(1, &["sync", "store", "site"]).contains("the store itself"));
    assert!(store.fail(1, &["sync", "-x", "[", ".", "site"]).contains("not a valid pattern"));
}

/// The type of a file is guessed from its name; a stored type stays, and the user's choice takes precedence.
#[test]
fn content_types_are_guessed_and_kept() {
    let store = Store::new();
    store.file("t/a.html", b"<p>");
    store.file("t/b", b"?");
    store.file("t/c.txt", b"[]");
    store.run(&["put", "t/c.txt", "p/c.txt", "--type", "application/json"]);
    let types = || {
        let listed = store.json(&["ls", "p/"]);
        listed.as_array().unwrap().iter().map(|view| view["content_type"].clone()).collect::<Vec<_>>()
    };
    store.run(&["sync", "t", "p"]);
    assert_eq!(types(), ["text/html".into(), serde_json::Value::Null, "application/json".into()]);
    store.file("t/c.txt", b"[1]");
    assert_eq!(store.json(&["sync", "t", "p"])["unchanged"], 2);
    assert_eq!(types()[2], "application/json");
    store.run(&["sync", "--type", "text/plain", "t", "p"]);
    assert_eq!(types(), ["text/plain"; 3]);
    assert_eq!(store.json(&["sync", "--type", "text/plain", "t", "p"])["unchanged"], 3);
    store.run(&["put", "t/a.html", "p/a.html", "--type", ""]);
    assert_eq!(types()[0], serde_json::Value::Null);
    store.run(&["put", "t/a.html", "p/"]);
    assert_eq!(types()[0], "text/html");
}

/// Returns the number of calls of each update method, by name.
fn calls(store: &Store) -> Vec<serde_json::Value> {
    let status = store.json(&["status"]);
    let counts = status["operations"].as_array().unwrap().clone();
    assert!(counts.iter().any(|count| count["count"] != 0), "{status}");
    counts
}

/// A second sync stores nothing and verifies nothing, because digests are stored with the files. An object without a
/// digest is stored again, once, with its digest.
#[test]
fn second_sync_neither_stores_nor_reads() {
    let store = Store::new();
    folder(&store);
    store.put_without_digest("to/a", b"first");
    let report = store.json(&["sync", "folder", "to"]);
    assert_eq!(report["stored"], serde_json::json!(["to/a", "to/b.txt", "to/b/c", "to/large"]));
    let before = calls(&store);
    let report = store.json(&["sync", "folder", "to"]);
    assert_eq!((&report["stored"], &report["unchanged"]), (&serde_json::json!([]), &4.into()));
    assert_eq!(calls(&store), before);
    for view in store.json(&["ls", "-r"]).as_array().unwrap() {
        assert_eq!(view["sha256_state"], "declared", "{view}");
    }
    // An object stored by `put` has its digest as well.
    store.run(&["put", &store.file("folder/new", b"new"), "to/new"]);
    assert_eq!(store.json(&["sync", "folder", "to"])["unchanged"], 5);
}

/// User metadata stays when a sync stores an object again, small or large; what the S3 gateway has recorded of the bytes does not.
#[test]
fn metadata_is_kept() {
    let store = Store::new();
    folder(&store);
    for name in ["a", "large"] {
        let (file, key) = (format!("folder/{name}"), format!("to/{name}"));
        store.run(&[
            "put",
            &file,
            &key,
            "--content-encoding",
            "gzip",
            "--meta",
            "by=me",
            "--meta",
            ":etag=0cc175b9c0f1b6a831c399e269772661",
        ]);
    }
    store.file("folder/a", b"other");
    store.file("folder/large", &numbers(2 * MAX_PAYLOAD + 6));
    assert_eq!(store.json(&["sync", "folder", "to"])["stored"].as_array().unwrap().len(), 4);
    for key in ["to/a", "to/large"] {
        let stat = store.json(&["stat", key]);
        let by = serde_json::json!({ "by": "me" });
        assert_eq!((&stat["content_encoding"], &stat["metadata"]), (&"gzip".into(), &by), "{stat}");
    }
}

/// With --size-only, other bytes of the same size are not a change; another size or type is.
#[test]
fn size_only_ignores_content() {
    let store = Store::new();
    folder(&store);
    store.put_without_digest("to/a", b"FIRST");
    store.run(&["sync", "folder", "to", "--size-only"]);
    assert_eq!(store.run(&["get", "to/a"]), b"FIRST");
    store.file("folder/b/c", b"SECOND");
    assert_eq!(store.json(&["sync", "--size-only", "folder", "to"])["unchanged"], 4);
    assert_eq!(store.run(&["get", "to/b/c"]), b"second");
    store.file("folder/b/c", b"longer than that");
    assert_eq!(store.text(&["sync", "--size-only", "folder", "to"]), "stored   to/b/c\n");
    let stored = store.json(&["sync", "--size-only", "--type", "text/plain", "folder", "to"]);
    assert_eq!(stored["unchanged"], 1, "only b.txt had that type");
    assert_eq!(store.run(&["get", "to/a"]), b"first");
}

/// A link in the target that leads elsewhere is not written through: the object is reported, and the rest is fetched.
#[cfg(unix)]
#[test]
fn what_is_outside_the_target_is_not_written_through_a_link() {
    use std::os::unix::fs::symlink;

    let store = Store::new();
    for key in ["to/a", "to/file", "to/folder/a", "to/inner/a", "to/same"] {
        store.run_with_input(&["put", "-", key], b"new");
    }
    for elsewhere in ["elsewhere/a", "elsewhere/file", "back/real/a", "back/here"] {
        store.file(elsewhere, b"old");
    }
    symlink(store.path("elsewhere"), store.path("back/folder")).unwrap();
    symlink("real", store.path("back/inner")).unwrap();
    symlink(store.path("elsewhere/file"), store.path("back/file")).unwrap();
    symlink("here", store.path("back/same")).unwrap();
    for command in [
        &["sync", "store:to/", "back"][..],
        &["cp", "-r", "store:to/", "back"],
        &["get", "-r", "to/", "back"],
    ] {
        let (_, said) = store.fail_in_part(command);
        for link in [
            "back/folder: it is a link to a folder",
            "back/inner: it is a link to a folder",
            "back/file: it leads out of",
        ] {
            assert!(said.contains(link), "{command:?}: {said}");
        }
        assert!(said.contains("3 objects failed"), "{command:?}: {said}");
        for (file, content) in [
            ("back/a", "new"),
            ("back/here", "new"),
            ("back/real/a", "old"),
            ("elsewhere/a", "old"),
            ("elsewhere/file", "old"),
        ] {
            assert_eq!(fs::read_to_string(store.path(file)).unwrap(), content, "{command:?}: {file}");
        }
    }
}

/// A folder is fetched back, and a key that leads out of it is reported and not written.
#[test]
fn a_folder_is_fetched_back() {
    let store = Store::new();
    folder(&store);
    store.run(&["sync", "folder", "to"]);
    store.run_with_input(&["put", "-", "too/near"], b"not in the folder");
    let report = store.json(&["get", "-r", "to", "back"]);
    assert_eq!(report["fetched"], serde_json::json!(["to/a", "to/b.txt", "to/b/c", "to/large"]));
    for name in ["a", "b.txt", "b/c", "large"] {
        let (there, back) = (store.path("folder").join(name), store.path("back").join(name));
        assert!(fs::read(there).unwrap() == fs::read(back).unwrap(), "{name}");
    }
    store.run_with_input(&["put", "-", "to/../../escaped"], b"out");
    store.run_with_input(&["put", "-", "to/a/below"], b"a is a file");
    let said = store.fail(1, &["get", "-r", "to/", "back"]);
    assert!(
        said.contains("\"to/../../escaped\": the key is not a path") && said.contains("2 objects failed"),
        "{said}"
    );
    assert!(said.contains("\"to/a/below\": "), "{said}");
    assert_eq!(store.names(), ["back", "folder", "store"]);
    store.fail(3, &["get", "-r", "nothing", "back"]);
}

/// A folder of 1 GiB with large and small files. Ignored by default; docs/CLI.md has the command.
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

/// With --down, a folder is made like the store: new and changed objects are fetched once, and with --delete, other files
/// are removed.
#[test]
fn a_folder_is_made_like_the_store() {
    let store = Store::new();
    folder(&store);
    store.run(&["sync", "folder", "p"]);
    store.run_with_input(&["put", "-", "pother"], b"no part of it");
    let report = store.json(&["sync", "--down", "p", "copy"]);
    assert_eq!(report["fetched"], serde_json::json!(["p/a", "p/b.txt", "p/b/c", "p/large"]));
    for name in ["a", "b/c", "b.txt", "large"] {
        let (one, other) = (store.path("folder").join(name), store.path("copy").join(name));
        assert!(fs::read(one).unwrap() == fs::read(other).unwrap(), "{name}");
    }
    let report = store.json(&["sync", "--down", "p/", "copy"]);
    assert_eq!((&report["fetched"], &report["unchanged"]), (&serde_json::json!([]), &4.into()));

    // Of the same size with other bytes, missing, new, and excluded.
    store.file("copy/a", b"FIRST");
    fs::remove_file(store.path("copy/b/c")).unwrap();
    store.file("copy/new/deep/file", b"new");
    store.file("copy/mine.tmp", b"mine");
    let flags = ["sync", "--down", "--delete", "-x", "*.tmp", "p", "copy"];
    let dry = store.text(&[&flags[..], &["--dry-run"]].concat());
    assert_eq!(dry, "fetch    p/a\nfetch    p/b/c\nremove   copy/new/deep/file\n");
    assert_eq!(fs::read(store.path("copy/a")).unwrap(), b"FIRST");
    assert_eq!(store.text(&flags), "fetched  p/a\nfetched  p/b/c\nremoved  copy/new/deep/file\n");
    assert_eq!(fs::read(store.path("copy/a")).unwrap(), b"first");
    assert!(!store.path("copy/new").exists() && store.path("copy/mine.tmp").exists());
    // With --size-only, the content is not compared.
    store.file("copy/a", b"FIRST");
    assert_eq!(store.text(&["sync", "--down", "--size-only", "p", "copy"]), "");
}

/// Emptying a folder needs a confirmation, a prefix without objects is not found, and a key that is not a path fails alone
/// and prevents removals.
#[test]
fn a_folder_is_not_emptied_by_mistake() {
    let store = Store::new();
    store.file("mine/file", b"mine");
    assert!(store.fail(3, &["sync", "--down", "nothing", "mine"]).contains("nothing"));
    let said = store.fail(1, &["sync", "--down", "--delete", "nothing", "mine"]);
    assert!(
        said.contains("the only file in mine would be removed: it is not in \"nothing\"")
            && said.contains("--force"),
        "{said}"
    );
    assert!(store.path("mine/file").exists());
    for key in ["p/../out", "p/in"] {
        store.run_with_input(&["put", "-", key], b"value");
    }
    let output = store.output(&["sync", "--down", "--delete", "p", "mine"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b"fetched  p/in\n"[..]));
    assert!(said.contains("p/../out") && said.contains("nothing will be removed"), "{said}");
    assert!(
        store.path("mine/file").exists() && store.path("mine/in").exists() && !store.path("out").exists()
    );
    store.run(&["rm", "p/../out"]);
    store.run(&["sync", "--down", "--delete", "p", "mine"]);
    assert_eq!(fs::read_dir(store.path("mine")).unwrap().count(), 1);
    // The store itself is never removed.
    store.run(&["sync", "--down", "--delete", "--force", "p", "."]);
    assert_eq!(store.text(&["ls", "-r"]), "p/in\n");
}

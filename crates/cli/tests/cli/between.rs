//! Copies and syncs within a store and between stores.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::{
    harness::{MAX_PAYLOAD, Store, numbers, output},
    serve::Served,
};

/// Creates a store with another one, which storage.toml names `backup`.
fn two_stores() -> Store {
    let store = Store::new();
    store.file("storage.toml", b"[stores.backup]\nstore = 'second'\n");
    assert!(output(store.bare(&["--store", "second", "init"]), b"").status.success());
    store
}

/// Runs a command on the second store.
fn in_second(store: &Store, args: &[&str]) -> String {
    let output = output(store.bare(&[&["--store", "second"], args].concat()), b"");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A folder is copied to another store and within one, small and large objects, with their metadata.
#[test]
fn folder_is_copied_between_stores_with_metadata() {
    let store = two_stores();
    let large = numbers(2 * MAX_PAYLOAD + 5);
    store.run(&["put", &store.file("large", &large), "album/large", "--type", "x/y", "--meta", "by=me"]);
    store.run_with_input(&["put", "-", "album/a/b", "--content-encoding", "gzip"], b"small");
    store.put_without_digest("album/empty", b"");
    let report = store.json(&["cp", "-r", "store:album", "backup:photos"]);
    let keys = ["backup:photos/a/b", "backup:photos/empty", "backup:photos/large"];
    assert_eq!((&report["copied"], &report["copied_bytes"]), (&json!(keys), &(large.len() + 5).into()));
    assert!(in_second(&store, &["get", "photos/large", "back"]).is_empty());
    assert!(fs::read(store.path("back")).unwrap() == large);
    let stat: serde_json::Value =
        serde_json::from_str(&in_second(&store, &["--json", "stat", "photos/large"])).unwrap();
    assert_eq!((&stat["content_type"], &stat["metadata"]), (&"x/y".into(), &json!({ "by": "me" })));
    assert_eq!(stat["sha256"], store.json(&["stat", "album/large"])["sha256"]);
    assert!(in_second(&store, &["stat", "photos/a/b"]).contains("encoding      gzip"));

    let report = store.json(&["cp", "-r", "store:album", "store:copy"]);
    assert_eq!(report["copied"], json!(["copy/a/b", "copy/empty", "copy/large"]));
    assert!(store.run(&["get", "copy/large"]) == large);
    assert_eq!(store.text(&["uploads", "ls"]), "");
    assert!(store.text(&["stat", "copy/large"]).contains("metadata      by=me"));
}

/// Within a store, the canister copies: no byte is read or sent. With another type, the copy gets it.
#[test]
fn copies_within_a_store_are_made_by_the_canister() {
    let store = Store::new();
    let large = numbers(65 << 20);
    store.run(&["put", &store.file("large", &large), "a/large"]);
    store.run_with_input(&["put", "-", "a/small"], b"small");
    let count = |method: &str| {
        let status = store.json(&["status"]);
        let counts = status["operations"].as_array().unwrap().iter();
        counts
            .filter(|count| count["name"] == method)
            .map(|count| count["count"].as_u64().unwrap())
            .sum::<u64>()
    };
    let (sent, put) = (count("write_chunk"), count("put_with"));
    let report = store.json(&["sync", "--type", "x/y", "store:a", "store:b"]);
    assert_eq!(report["copied"], json!(["b/large", "b/small"]));
    assert_eq!(
        (count("write_chunk"), count("put_with"), count("copy"), count("copy_chunks")),
        (sent, put, 1, 2)
    );
    assert!(store.run(&["get", "b/large"]) == large);
    assert_eq!(store.json(&["stat", "b/small"])["content_type"], "x/y");
    assert_eq!(store.text(&["sync", "--type", "x/y", "store:a", "store:b"]), "");
}

/// A second sync between stores copies nothing; changes and removals follow, in both directions.
#[test]
fn stores_are_synchronized() {
    let store = two_stores();
    for key in ["a/1", "a/2", "b"] {
        store.run_with_input(&["put", "-", key], key.as_bytes());
    }
    let sync = |args: &[&str]| store.text(&[&["sync"], args].concat());
    assert_eq!(sync(&["store:", "backup:"]), "copied   backup:a/1\ncopied   backup:a/2\ncopied   backup:b\n");
    assert_eq!(sync(&["store:", "backup:"]), "");
    store.run_with_input(&["put", "-", "b"], b"B");
    store.run(&["rm", "a/1"]);
    let dry = sync(&["-n", "--delete", "store:", "backup:"]);
    assert_eq!(dry, "copy     backup:b\nremove   backup:a/1\n");
    assert_eq!(in_second(&store, &["ls", "-r"]), "a/1\na/2\nb\n");
    assert_eq!(sync(&["--delete", "store:", "backup:"]), "copied   backup:b\nremoved  backup:a/1\n");
    assert_eq!(
        (in_second(&store, &["ls", "-r"]), in_second(&store, &["get", "b"])),
        ("a/2\nb\n".into(), "B".into())
    );
    // Back, under a prefix.
    assert_eq!(sync(&["backup:a", "store:old"]), "copied   old/2\n");
    // From the other store to a folder of this machine, and the reverse.
    assert_eq!(sync(&["backup:", "folder"]), "fetched  backup:a/2\nfetched  backup:b\n");
    store.file("folder/new", b"new");
    assert_eq!(sync(&["folder", "backup:"]), "stored   backup:new\n");
    assert_eq!(in_second(&store, &["get", "new"]), "new");
}

/// One object is copied to a key, several to a folder; a missing one is reported.
#[test]
fn objects_are_copied_to_keys_and_folders() {
    let store = two_stores();
    store.run_with_input(&["put", "-", "a/1"], b"one");
    store.run_with_input(&["put", "-", "a/2"], b"two");
    store.run(&["cp", "store:a/1", "store:copy"]);
    store.run(&["cp", "store:a/1", "store:a/2", "store:b/"]);
    store.run(&["cp", "store:a/1", "backup:"]);
    store.run(&["cp", "backup:1", "store:a/2", "store:mixed/"]);
    assert_eq!(store.text(&["ls", "-r"]), "a/1\na/2\nb/1\nb/2\ncopy\nmixed/1\nmixed/2\n");
    assert_eq!(store.run(&["cp", "backup:1", "-"]), b"one");
    store.run(&["cp", "backup:1", "file"]);
    assert_eq!(fs::read(store.path("file")).unwrap(), b"one");
    assert_eq!(store.run(&["get", "mixed/1"]), b"one");

    store.fail(3, &["cp", "store:none", "backup:x"]);
    let said = store.fail(1, &["cp", "store:none", "store:a/1", "backup:c/"]);
    assert!(said.contains("no object under \"none\"") && said.contains("1 object failed"), "{said}");
    assert!(in_second(&store, &["ls", "-r"]).contains("c/1\n"));
}

/// Nothing is changed by a dry run, also of single files and objects.
#[test]
fn dry_runs_change_nothing() {
    let store = two_stores();
    store.file("folder/a", b"a");
    store.run_with_input(&["put", "-", "k"], b"k");
    for (args, expected) in [
        (&["-r", "folder", "store:f"][..], "store    f/a\n"),
        (&["folder/a", "store:f/"], "store    f/a\n"),
        (&["store:k", "copy"], "fetch    k\n"),
        (&["store:k", "-"], "fetch    k\n"),
        (&["store:k", "backup:j"], "copy     backup:j\n"),
        (&["-r", "store:", "backup:"], "copy     backup:k\n"),
        (&["-r", "store:", "down"], "fetch    k\n"),
    ] {
        assert_eq!(store.text(&[&["cp", "--dry-run"], args].concat()), expected, "{args:?}");
    }
    assert_eq!((store.text(&["ls", "-r"]), in_second(&store, &["ls", "-r"])), ("k\n".into(), String::new()));
    assert_eq!(store.names(), ["folder", "second", "storage.toml", "store"]);
}

/// With --if-absent, nothing is replaced: a single copy fails, and a folder is copied without what exists.
#[test]
fn if_absent_replaces_nothing() {
    let store = two_stores();
    store.file("folder/a", b"new");
    store.file("folder/b", b"new");
    store.file("down/a", b"old");
    store.run_with_input(&["put", "-", "a"], b"old");
    store.run(&["cp", "store:a", "store:old"]);
    for args in [&["folder/a", "store:a"][..], &["store:a", "down/a"], &["store:old", "store:a"]] {
        let said = store.fail(1, &[&["cp", "--if-absent"], args].concat());
        assert!(said.contains("exists"), "{args:?}: {said}");
    }
    store.run(&["rm", "old"]);
    assert_eq!(store.text(&["cp", "-r", "--if-absent", "folder", "store:"]), "stored   b\n");
    store.run(&["put", "-r", "--if-absent", "folder", "put"]);
    store.file("folder/a", b"newest");
    assert_eq!(store.json(&["put", "-r", "--if-absent", "folder", "put"])["unchanged"], 2);
    assert_eq!(store.run(&["get", "put/a"]), b"new");
    assert_eq!(store.text(&["cp", "-r", "--if-absent", "store:", "down"]).lines().count(), 3);
    store.run(&["sync", "folder", "backup:"]);
    assert_eq!(store.text(&["sync", "--if-absent", "store:", "backup:"]).lines().count(), 2);
    assert_eq!(store.run(&["get", "a"]), b"old");
    assert_eq!(fs::read(store.path("down/a")).unwrap(), b"old");
    assert_eq!(in_second(&store, &["get", "a"]), "newest");
}

/// Files and objects are selected by name, age and size. What is not selected is not removed either.
#[test]
fn folders_are_copied_selectively() {
    let store = two_stores();
    for (name, size) in [("a.png", 10), ("b.png", 2_000), ("c.txt", 10), ("d/e.png", 10), ("d/f.txt", 10)] {
        store.file(&format!("t/{name}"), &vec![0; size]);
    }
    let old = fs::File::options().write(true).open(store.path("t/d/e.png")).unwrap();
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let list = |args: &[&str]| -> Vec<String> {
        let listed = store.text(&[&["sync", "-n"], args, &["t", "store:"]].concat());
        listed.lines().map(|line| line["store    ".len()..].to_owned()).collect()
    };
    assert_eq!(list(&["-i", "*.png"]), ["a.png", "b.png", "d/e.png"]);
    assert_eq!(list(&["--include", "d/"]), ["d/e.png", "d/f.txt"]);
    assert_eq!(list(&["-i", "*.png", "-x", "d"]), ["a.png", "b.png"]);
    assert_eq!(list(&["--older", "1d"]), ["d/e.png"]);
    assert_eq!(list(&["--newer", "1d"]), ["a.png", "b.png", "c.txt", "d/f.txt"]);
    assert_eq!(list(&["--larger", "1KiB"]), ["b.png"]);
    assert_eq!(list(&["--smaller", "1KiB", "-x", "d/"]), ["a.png", "c.txt"]);

    for key in ["c.txt", "d/e.png", "gone.png", "gone.txt"] {
        store.run_with_input(&["put", "-", key], b"");
    }
    let flags = ["sync", "--delete", "-i", "*.png", "--newer", "1d", "t", "store:"];
    assert_eq!(store.text(&flags), "stored   a.png\nstored   b.png\nremoved  gone.png\n");
    assert_eq!(store.text(&["ls", "-r"]), "a.png\nb.png\nc.txt\nd/e.png\ngone.txt\n");
    // Between stores and to a folder as well.
    assert_eq!(store.text(&["cp", "-r", "-i", "*.txt", "store:", "backup:"]).lines().count(), 2);
    assert_eq!(
        store.text(&["cp", "-r", "--larger", "1", "store:", "back"]),
        "fetched  a.png\nfetched  b.png\n"
    );
}

/// Objects without a SHA-256 are copied again by default, because comparing would read them. With --checksum the canister
/// computes it, once.
#[test]
fn checksum_compares_objects_without_a_digest() {
    let store = two_stores();
    store.put_without_digest("p/a", b"first");
    store.put_without_digest("p/b", b"other");
    store.file("t/a", b"first");
    store.file("t/b", b"OTHER");
    assert_eq!(store.text(&["sync", "-n", "t", "p"]), "store    p/a\nstore    p/b\n");
    assert_eq!(store.json(&["stat", "p/a"])["sha256"], serde_json::Value::Null);
    assert_eq!(store.text(&["sync", "-n", "--checksum", "t", "p"]), "store    p/b\n");
    assert_eq!(store.json(&["stat", "p/a"])["sha256_state"], "verified");
    assert_eq!(store.text(&["sync", "-n", "t", "p"]), "store    p/b\n");

    store.put_without_digest("q/a", b"first");
    store.put_without_digest("q/b", b"OTHER");
    assert_eq!(store.text(&["sync", "--checksum", "-n", "store:p", "store:q"]), "copy     q/b\n");
    // Of unknown digests, the time decides: the copy is newer.
    store.put_without_digest("r/a", b"first");
    // The store's clock is set by a command.
    store.run_with_input(&["put", "-", "later"], b"");
    store.put_without_digest("s/a", b"FIRST");
    assert_eq!(store.text(&["sync", "store:r", "store:s"]), "");
    assert_eq!(store.text(&["sync", "store:s", "store:r"]), "copied   r/a\n");
    assert!(store.fail(2, &["sync", "--checksum", "--size-only", "t", "p"]).contains("cannot be used with"));
}

/// A store in a folder and a canister on a network are synchronized in both directions, small and large objects.
#[test]
fn a_folder_and_a_network_are_synchronized() {
    let (near, far) = (Store::new(), Store::new());
    let served = Served::to_controller(&far);
    let (url, canister, pem) = (&served.url, &served.canister, far.path("identity.pem"));
    let settings =
        format!("[stores.far]\nnetwork = '{url}'\ncanister = '{canister}'\nidentity = '{}'\n", pem.display());
    near.file("storage.toml", settings.as_bytes());
    let large = numbers(2 * MAX_PAYLOAD + 5);
    near.run(&["put", &near.file("large", &large), "a/large", "--type", "x/y"]);
    near.run_with_input(&["put", "-", "a/small"], b"small");
    let output = near.output(&["sync", "store:a", "far:b"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "copied   far:b/large\ncopied   far:b/small\n",
        "{said}"
    );
    assert!(said.contains(&format!("far is canister {canister} on {url}")), "{said}");
    assert!(served.run(&["get", "b/large"], b"") == large);
    assert_eq!(near.text(&["sync", "store:a", "far:b"]), "");
    served.run(&["put", "-", "b/small"], b"other");
    assert_eq!(near.text(&["sync", "far:b", "store:c"]), "copied   c/large\ncopied   c/small\n");
    assert!(near.run(&["get", "c/large"]) == large);
    assert_eq!(near.run(&["cat", "c/small"]), b"other");
    let output = near.output(&["diff", "store:a", "far:b"], b"");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "! small  another SHA-256\n");
    assert_eq!(near.text(&["uploads", "ls"]), "");
}

/// Two names of one folder are one store, which is opened once.
#[test]
fn a_store_with_two_names_is_opened_once() {
    let store = Store::new();
    store.file("storage.toml", b"[stores.same]\nstore = './store/../store'\n");
    store.run_with_input(&["put", "-", "a"], b"value");
    store.run(&["cp", "store:a", "same:b"]);
    assert_eq!(store.run(&["get", "b"]), b"value");
}

/// A name that no file defines, one without a location, and a name that is reserved are errors that say what to write.
#[test]
fn names_of_stores_are_checked() {
    let store = two_stores();
    let said = store.fail(1, &["sync", "bakup:", "store:"]);
    assert!(said.contains("no store is named \"bakup\"; the known ones are backup"), "{said}");
    assert!(said.contains("[stores.bakup] in storage.toml"), "{said}");
    assert!(store.fail(1, &["sync", "--down", "folder", "store:"]).contains("--down contradicts folder"));
    for (text, expected) in [
        ("[stores.a]\nidentity = 'me'\n", "stores.a in storage.toml has no location"),
        ("[stores.a]\nnetwork = 'ic'\nidentity = 'me'\n", "no canister is given"),
        ("[stores.a]\nstroe = 'b'\n", "stroe"),
        ("[stores.store]\nstore = 'b'\n", "cannot be named \"store\""),
        ("[stores.\"a:b\"]\nstore = 'b'\n", "cannot be named \"a:b\""),
    ] {
        store.file("storage.toml", text.as_bytes());
        let said = store.fail(1, &["cp", "a:x", "y"]);
        assert!(said.contains(expected), "{text}: {said}");
    }
}

/// The stores themselves are never copied, also not the current one if another one is the target.
#[test]
fn stores_in_the_folder_are_left_out() {
    let store = two_stores();
    store.file("a", b"a");
    let mut command = store.bare(&["sync", ".", "backup:"]);
    command.env("STORAGE_STORE", store.path("store"));
    let done = output(command, b"");
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{said}");
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "stored   backup:a\nstored   backup:storage.toml\n");
    assert!(said.contains("skipped ./second: the store itself") && said.contains("./store: "), "{said}");
}

/// A dry run reports what the run would refuse, with the same exit code, and changes nothing.
#[test]
fn dry_runs_report_what_would_be_refused() {
    let store = Store::new();
    let init = store.bare(&["-q", "--store", "b/st", "init"]).status().unwrap();
    assert!(init.success());
    store.run_with_input(&["put", "-", "there"], b"there");
    for name in ["st/file", "sub/file", "good"] {
        store.run_with_input(&["put", "-", &format!("f/{name}")], b"new");
    }
    for name in ["a/st/file", "a/sub/file", "a/good", "b/sub", "b/old"] {
        store.file(name, name.as_bytes());
    }
    let long = "x".repeat(1_020);
    let listed = |args: &[&str]| {
        let output = store.output(args, b"");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let done = ["stored", "fetched", "copied"]
            .into_iter()
            .find_map(|verb| report[verb].as_array())
            .unwrap()
            .clone();
        let failed = report["failed"].as_array().unwrap().iter();
        let mut failed: Vec<_> = failed.map(|failed| failed["item"].to_string()).collect();
        // A run reports failures in the order of completion.
        failed.sort();
        (output.status.code(), done, failed, report["removed"].clone())
    };
    let of_long = format!("store:{long}");
    for (args, failures) in [
        // A folder of a store, and a file where a folder is needed.
        (&["cp", "-r", "a", "b"][..], 2),
        (&["sync", "--delete", "--force", "a", "./b"], 2),
        (&["sync", "--down", "f", "b"], 2),
        (&["cp", "-r", "store:f", "b"], 2),
        (&["cp", "a/good", "b/st/"], 1),
        // A key that is too long.
        (&["sync", "a", &long], 3),
        (&["cp", "-r", "store:f", &of_long], 3),
        // What exists.
        (&["cp", "--if-absent", "a/good", "b/old"], 1),
        (&["cp", "--if-absent", "store:f/good", "b/old"], 1),
    ] {
        let (dry_args, before) = ([&["--json"], args, &["--dry-run"]].concat(), tree(&store.path("b")));
        let dry = listed(&dry_args);
        assert_eq!((dry.0, dry.2.len()), (Some(1), failures), "{args:?}: {dry:?}");
        assert_eq!(tree(&store.path("b")), before);
        let done = listed(&[&["--json"], args].concat());
        assert_eq!(dry, done, "{args:?}");
        // What was copied is there in the next round.
        fs::remove_file(store.path("b/good")).ok();
        store.output(&["rm", "-r", &long], b"");
    }
    let said = store.fail_in_part(&["cp", "--dry-run", "--if-absent", "a/good", "store:there"]).1;
    assert!(said.contains("already exists") && said.contains("1 file failed"), "{said}");
    store.fail(1, &["cp", "--if-absent", "a/good", "store:there"]);
    for args in [&["cp", "store:f/good", "b/st/"][..], &["cp", "--dry-run", "store:f/good", "b/st/"]] {
        assert!(store.fail_in_part(args).1.contains("it is in the folder of the store"));
    }
    store.run(&["cp", "--dry-run", "store:there", "/dev/null"]);
}

/// Returns the files below a folder, with their contents.
fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(tree(&path)),
            false => files.push((path.clone(), fs::read(path).unwrap())),
        }
    }
    files.sort();
    files
}

/// Objects of several stores are copied with one report, also if an error occurs.
#[test]
fn objects_of_several_stores_have_one_report() {
    let store = two_stores();
    store.run_with_input(&["put", "-", "a"], b"a");
    assert!(output(store.bare(&["--store", "second", "put", "-", "b"]), b"b").status.success());
    fs::create_dir(store.path("dir")).unwrap();
    let args = ["--json", "cp", "store:a", "backup:b", "backup:nothing", "dir"];
    for (dry, is_there) in [(true, false), (false, true)] {
        let output = store.output(&[&args[..], if dry { &["-n"] } else { &[] }].concat(), b"");
        // More than one document would be an error.
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &report["fetched"]), (Some(1), &json!(["a", "backup:b"])));
        assert_eq!(
            (&report["failed"][0]["item"], &report["dry_run"]),
            (&json!("\"backup:nothing\""), &json!(dry))
        );
        assert_eq!(store.path("dir/b").exists(), is_there);
    }
}

/// What was copied from one store is reported also if another one refuses to be read.
#[test]
fn a_store_that_cannot_be_read_ends_a_copy_with_a_report() {
    let (store, far) = (Store::new(), Store::new());
    let served = Served::to_controller(&far);
    let (url, canister) = (&served.url, &served.canister);
    let settings =
        format!("[stores.far]\nnetwork = '{url}'\ncanister = '{canister}'\nidentity = 'anonymous'\n");
    store.file("storage.toml", settings.as_bytes());
    store.run_with_input(&["put", "-", "a"], b"a");
    fs::create_dir(store.path("dir")).unwrap();
    let output = store.output(&["--json", "cp", "store:a", "far:b", "far:c", "dir"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect(&said);
    assert_eq!(report["fetched"], json!(["a"]), "{report}");
    let items: Vec<_> = report["failed"].as_array().unwrap().iter().map(|failed| &failed["item"]).collect();
    assert_eq!(items, ["\"far:b\"", "\"far:c\""], "{report}");
    assert_eq!(fs::read(store.path("dir/a")).unwrap(), b"a");
}

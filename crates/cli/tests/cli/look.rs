//! Commands that show what is in a store: `cat`, `find`, `tree`, `du`, `diff`, and sizes in units.

use std::fs;

use serde_json::json;

use crate::harness::{MAX_PAYLOAD, Store, numbers};

/// Creates a store with objects of known sizes.
fn album() -> Store {
    let store = Store::new();
    for (key, size) in [
        ("album/1.png", 10),
        ("album/2026/1.png", 2_048),
        ("album/2026/2.txt", 1),
        ("album", 5),
        ("notes", 100),
    ] {
        store.run(&["put", &store.file("value", &vec![b'x'; size]), key]);
    }
    store
}

/// Objects are printed in the order of their keys in the command, bytes unchanged; a missing one is reported, and the others
/// are printed.
#[test]
fn cat_prints_objects_one_after_the_other() {
    let store = Store::new();
    let large = numbers(MAX_PAYLOAD + 5);
    store.run(&["put", &store.file("large", &large), "large"]);
    store.run_with_input(&["put", "-", "a"], b"\x00\xff");
    assert!(store.run(&["cat", "a", "large", "a"]) == [b"\x00\xff", &large[..], b"\x00\xff"].concat());
    let output = store.output(&["cat", "a", "none", "a"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(1), b"\x00\xff\x00\xff".to_vec()));
    assert!(said.contains("no object under \"none\"") && said.contains("1 object failed"), "{said}");
    store.fail(3, &["cat", "none"]);
}

/// Objects are found by name, path, age and size, in the whole store or in a folder.
#[test]
fn find_selects_by_name_age_and_size() {
    let store = album();
    let find = |args: &[&str]| store.text(&[&["find"], args].concat());
    assert_eq!(find(&[]), "album\nalbum/1.png\nalbum/2026/1.png\nalbum/2026/2.txt\nnotes\n");
    assert_eq!(find(&["-i", "*.png"]), "album/1.png\nalbum/2026/1.png\n");
    assert_eq!(find(&["album", "-i", "/*.png"]), "album/1.png\n");
    assert_eq!(find(&["album/", "-x", "2026"]), "album/1.png\n");
    assert_eq!(find(&["--larger", "99", "--smaller", "1KiB"]), "notes\n");
    assert_eq!(find(&["--older", "1h"]), "");
    assert_eq!(find(&["--newer", "1h", "-i", "notes"]), "notes\n");
    assert!(find(&["-l", "--larger", "1KiB"]).starts_with("2.0 KiB  20"));
    assert!(find(&["-l", "--bytes", "--larger", "1KiB"]).starts_with("2048  20"));
    assert_eq!(store.json(&["find", "-i", "notes"])[0]["size"], 100);
    assert!(store.fail(3, &["find", "none"]).contains("no folder under \"none\""));
    assert!(store.fail(1, &["find", "-i", "["]).contains("--include \"[\" is not a valid pattern"));
}

/// Folders are drawn with their objects; -l adds sizes and times, and -d limits the levels.
#[test]
fn tree_draws_folders() {
    let store = album();
    let drawn = "\
store:
├── album
├── album/
│   ├── 1.png
│   └── 2026/
│       ├── 1.png
│       └── 2.txt
└── notes
";
    assert_eq!(store.text(&["tree"]), drawn);
    assert_eq!(store.text(&["tree", "album", "-d", "1"]), "album/\n├── 1.png\n└── 2026/\n");
    assert_eq!(store.text(&["tree", "-x", "album"]), "store:\n└── notes\n");
    let long = store.text(&["tree", "-l", "-d", "1"]);
    let lines: Vec<_> = long.lines().collect();
    assert!(lines[1].starts_with("├── [    5 B  20") && lines[1].ends_with("Z]  album"), "{long}");
    assert!(lines[2].starts_with("├── [2.0 KiB   ") && lines[2].ends_with("]  album/"), "{long}");
    let said = String::from_utf8(store.output(&["tree"], b"").stderr).unwrap();
    assert!(said.contains("2 folders, 5 objects, 2.1 KiB (2,164 bytes)"), "{said}");
    let json = store.json(&["tree", "album"]);
    assert_eq!(
        (&json["prefix"], &json["objects"], &json["size"]),
        (&"album/".into(), &3.into(), &2_059.into())
    );
    assert_eq!(json["children"][1]["children"][0]["key"], "album/2026/1.png");
    store.fail(3, &["tree", "none"]);
    assert_eq!(Store::new().text(&["tree"]), "store:\n");
}

/// A key with empty names has folders with empty names, and keys that are neither lost nor shown twice.
#[test]
fn tree_and_du_accept_every_key() {
    let store = Store::new();
    for key in ["/", "//a", "a/", "a//b", "a/b"] {
        store.put_without_digest(key, b"x");
    }
    let drawn = "store:\n├── /\n│   ├── \n│   └── /\n│       └── a\n└── a/\n    ├── \n    ├── /\n    │   └── b\n    └── b\n";
    assert_eq!(store.text(&["tree"]), drawn);
    assert_eq!(
        store.text(&["--bytes", "du", "-d", "9"]),
        "\
2  2 objects  /
1   1 object  //
3  3 objects  a/
1   1 object  a//
5  5 objects  store:
"
    );
}

/// Sizes are summed up by folder, and at last in all.
#[test]
fn du_sums_up_folders() {
    let store = album();
    let du = |args: &[&str]| store.text(&[&["du"], args].concat());
    assert_eq!(du(&[]), "2.0 KiB  3 objects  album/\n2.1 KiB  5 objects  store:\n");
    assert_eq!(
        du(&["--bytes", "-d", "2"]),
        "\
2059  3 objects  album/
2049  2 objects  album/2026/
2164  5 objects  store:
"
    );
    assert_eq!(du(&["-s", "-i", "*.png", "--bytes"]), "2058  2 objects  store:\n");
    assert_eq!(du(&["-s", "album/2026"]), "2.0 KiB  2 objects  album/2026/\n");
    let expected = json!([{ "prefix": "album/2026/", "objects": 2, "size": 2_049 },
        { "prefix": "album/", "objects": 3, "size": 2_059 }]);
    assert_eq!(store.json(&["du", "album"]), expected);
    store.fail(3, &["du", "none"]);
    assert_eq!(Store::new().text(&["du"]), "0 B  0 objects  store:\n");
}

/// -h shows sizes only with units, where the default has the bytes as well. JSON is exact.
#[test]
fn sizes_are_human_when_asked() {
    let store = album();
    store.begin_upload("open", 5_000_000, [0xab; 32]);
    store.run(&["region", "new", "2"]);
    let status = store.text(&["status"]);
    assert!(status.contains("objects        5 with 2.1 KiB (2,164 bytes)\n"), "{status}");
    let status = store.text(&["status", "-h"]);
    assert!(status.contains("objects        5 with 2.1 KiB\n") && !status.contains(" bytes"), "{status}");
    assert!(store.text(&["--bytes", "status"]).contains("5 with 2164 bytes\n"));
    assert_eq!(store.json(&["status", "-h"])["object_bytes"], 2_164);
    assert!(store.text(&["uploads", "ls"]).contains("of 4.8 MiB (5,000,000 bytes)"));
    assert!(store.text(&["uploads", "ls", "-h"]).contains("0 B of 4.8 MiB  expires"));
    assert!(store.text(&["region", "ls"]).contains("  2 pages  "));
    assert!(store.text(&["region", "ls", "-h"]).contains("  128.0 KiB  "));
    for args in [&["ls", "-lrh"][..], &["find", "-lh"], &["du", "-h"], &["tree", "-lh"]] {
        assert!(store.text(args).contains("2.0 KiB"), "{args:?}");
        assert!(store.fail(2, &[args, &["--bytes"]].concat()).contains("cannot be used with"), "{args:?}");
    }
    assert!(store.text(&["status", "--help"]).contains("-h, --human-readable"));
}

/// Two folders are compared by names, sizes and SHA-256, and the exit code says whether they differ.
#[test]
fn diff_compares_folders() {
    let store = Store::new();
    for (name, content) in
        [("same", "1"), ("size", "22"), ("digest", "left"), ("first", "1"), ("d/same", "1")]
    {
        store.file(&format!("t/{name}"), content.as_bytes());
    }
    store.run(&["sync", "t", "p"]);
    assert_eq!(store.text(&["diff", "t", "store:p"]), "");
    for (key, value) in [("p/size", "4444"), ("p/digest", "LEFT"), ("p/second", "2")] {
        store.run_with_input(&["put", "-", key], value.as_bytes());
    }
    store.run(&["rm", "p/first"]);
    store.put_without_digest("p/unknown", b"LEFT");
    store.file("t/unknown", b"left");
    let differ = |args: &[&str]| {
        let output = store.output(&[&["diff"], args].concat(), b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(!said.contains("error"), "{said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    };
    let (lines, said) = differ(&["t", "store:p"]);
    assert_eq!(lines, "! digest  another SHA-256\n< first\n> second\n! size  2 B and 4 B\n? unknown\n");
    assert!(
        said.contains("2 equal, 2 different, 1 only in the first, 1 only in the second, 1 of the same"),
        "{said}"
    );
    assert!(differ(&["store:p", "t"]).0.contains("> first\n< second\n! size  4 B and 2 B\n"));
    assert_eq!(differ(&["--size-only", "t", "store:p"]).0, "< first\n> second\n! size  2 B and 4 B\n");
    assert_eq!(differ(&["-i", "s*", "t", "store:p"]).0, "> second\n! size  2 B and 4 B\n");
    // What is not known to be equal is a difference.
    assert_eq!(differ(&["-i", "unknown", "t", "store:p"]).0, "? unknown\n");
    assert!(differ(&["--checksum", "t", "store:p"]).0.contains("! unknown  another SHA-256\n"));
    let output = store.output(&["--json", "diff", "t", "store:p"], b"");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["equal"]), (Some(1), &2.into()));
    assert_eq!((&report["only_first"], &report["only_second"]), (&json!(["first"]), &json!(["second"])));
    assert_eq!(report["different"][0], json!({ "name": "digest", "by": "sha256" }));
    // Two folders of this machine, and two of a store.
    fs::create_dir(store.path("u")).unwrap();
    assert_eq!(differ(&["-i", "same", "t", "u"]).0, "< d/same\n< same\n");
    assert_eq!(differ(&["store:p", "store:"]).0.lines().count(), 12);
}

/// A file is compared with an object; a folder is not compared with a file; what does not exist, or cannot be read, is an
/// error.
#[test]
fn diff_compares_files_and_explains_mistakes() {
    let store = Store::new();
    store.file("t/a", b"1");
    store.file("b", b"2");
    store.run(&["sync", "t", "p"]);
    assert_eq!(store.text(&["diff", "t/a", "store:p/a"]), "");
    let output = store.output(&["diff", "b", "store:p/a"], b"");
    assert_eq!((output.status.code(), output.stdout), (Some(1), b"! another SHA-256\n".to_vec()));
    assert!(store.fail(1, &["diff", "t", "store:p/a"]).contains("t is a folder, and store:p/a is not"));
    assert!(store.fail(1, &["diff", "b", "store:p"]).contains("store:p is a folder, and b is not"));
    store.fail(3, &["diff", "t", "store:none"]);
    assert!(store.fail(1, &["diff", "none", "store:p"]).contains("cannot read none"));
    std::os::unix::fs::symlink("/proc/self/mem", store.path("t/mem")).unwrap();
    store.run_with_input(&["put", "-", "p/mem"], b"");
    let output = store.output(&["diff", "t", "store:p"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(1) && said.contains("t/mem: ") && said.contains("1 item failed"),
        "{said}"
    );
}

/// For these commands, an object is a tree of one entry. What is neither an object nor a folder is not found.
#[test]
fn an_object_is_a_tree_of_one_entry() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "d/a:b"], b"12345");
    store.run_with_input(&["put", "-", "top"], b"1");
    assert_eq!(store.text(&["find", "d/a:b"]), "d/a:b\n");
    assert_eq!(store.text(&["find", "d/a:b", "--larger", "5"]), "");
    assert_eq!(store.text(&["find", "d/a:b", "-x", "a*"]), "");
    assert_eq!(store.text(&["du", "d/a:b"]), "5 B  1 object  d/a:b\n");
    assert_eq!(store.json(&["du", "top"]), serde_json::json!([{ "prefix": "top", "objects": 1, "size": 1 }]));
    assert_eq!(store.text(&["tree", "d/a:b"]), "d/\n└── a:b\n");
    assert_eq!(store.text(&["tree", "top"]), "store:\n└── top\n");
    for command in ["find", "du", "tree"] {
        store.fail(3, &[command, "d/a:b/"]);
        assert!(store.fail(3, &[command, "d/a"]).contains("there is no object and no folder under \"d/a\""));
    }
}

/// A month is not taken for a minute, and the error has examples.
#[test]
fn units_of_time_are_case_sensitive() {
    let store = Store::new();
    for age in ["1M", "1H", "1D", "1y"] {
        let said = store.fail(2, &["find", "--older", age]);
        assert!(said.contains("is not a duration; examples: 90s, 15m, 12h, 7d"), "{age}: {said}");
    }
    assert_eq!(store.text(&["find", "--older", "1m"]), "");
}

/// A pipe or a device has no size to compare, and reading it may not end.
#[test]
fn only_regular_files_are_compared() {
    let store = Store::new();
    let file = store.file("file", b"12345");
    let pipe = store.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for special in [pipe.to_str().unwrap(), "/dev/zero", "/dev/null"] {
        for args in [["diff", special, &file], ["diff", &file, special]] {
            let said = store.fail(1, &args);
            assert!(said.contains("is a device or a pipe, which cannot be compared"), "{args:?}: {said}");
        }
    }
}

/// A summary has no rate if nothing was copied.
#[test]
fn nothing_has_no_rate() {
    let store = Store::new();
    store.file("t/a", b"a");
    for (rate, expected) in
        [(true, "copied 1 file (1 B) at "), (false, "copied 0 files (0 B), left 1 unchanged")]
    {
        let said = String::from_utf8(store.output(&["sync", "t", "./u"], b"").stderr).unwrap();
        assert_eq!((said.starts_with(expected), said.contains("/s")), (true, rate), "{said}");
    }
    let said = String::from_utf8(store.output(&["put", "none", "nor", "f/"], b"").stderr).unwrap();
    assert!(said.contains("stored 0 files (0 B), 2 failed"), "{said}");
}

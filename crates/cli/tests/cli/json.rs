//! With --json, every command prints JSON in the same format.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::harness::{MAX_PAYLOAD, Store, numbers};

/// Each line is a value; digests are in hexadecimal, times in RFC 3339, sizes exact numbers, and bytes are never lists.
fn check(command: &str, stdout: &[u8]) {
    let text = std::str::from_utf8(stdout).unwrap();
    assert!(!text.is_empty(), "{command} prints nothing");
    for line in text.lines() {
        let value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{command}: {error}: {line}"));
        check_value(command, "", &value);
    }
}

fn check_value(command: &str, name: &str, value: &Value) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| check_value(command, name, value)),
        Value::Array(values) => {
            let is_of_bytes = values.len() > 8 && values.iter().all(Value::is_u64);
            assert!(!is_of_bytes, "{command}: {name} is a list of bytes");
            values.iter().for_each(|value| check_value(command, name, value));
        }
        Value::Null => {}
        value => check_member(command, name, value),
    }
}

fn check_member(command: &str, name: &str, value: &Value) {
    let text = value.as_str().unwrap_or_default();
    let is_good = match name {
        "sha256" => text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "created" | "modified" | "expires" => text.len() == 20 && text.ends_with('Z') && &text[10..11] == "T",
        "role" => ["reader", "writer", "admin"].contains(&text),
        "size" | "received" | "stored_bytes" | "fetched_bytes" | "copied_bytes" | "bytes_per_second" => {
            value.is_u64()
        }
        // A duration, not a time.
        "upload_idle_ns" => value.is_u64(),
        name => !name.ends_with("_ns"),
    };
    assert!(is_good, "{command}: {name} is {value}");
}

/// All commands except those whose data has its own format: bytes of objects and of a region, scripts and manual pages. The tests of `serve`
/// parse its JSON.
#[test]
fn every_command_prints_json_in_one_format() {
    let store = Store::none();
    store.file("small", b"small");
    store.file("large", &numbers(MAX_PAYLOAD + 1));
    store.file("folder/one", b"1");
    let mut seen = BTreeSet::new();
    let mut run = |args: &[&str]| {
        let output = store.output(&[&["--json"], args].concat(), b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        check(&args.join(" "), &output.stdout);
        seen.insert(args[0].to_owned());
        seen.insert(args[..args.len().min(2)].join(" "));
    };
    run(&["init"]);
    store.begin_upload("given up", 5_000_000, [0xab; 32]);
    let digest = Sha256::digest(numbers(MAX_PAYLOAD + 1)).into();
    store.begin_upload("resumed", MAX_PAYLOAD as u64 + 1, digest);
    for args in [
        &["put", "small", "--meta", "author=Ada"][..],
        &["put", "large", "folder/large"],
        &["put", "small", "large", "two/"],
        &["put", "-r", "folder", "put"],
        &["get", "small", "copy"],
        &["get", "-r", "two", "fetched"],
        &["ls"],
        &["ls", "-lr"],
        &["find", "--larger", "1"],
        &["tree"],
        &["du", "-d", "2"],
        &["stat", "folder/large"],
        &["cp", "small", "large", "store:two/"],
        &["cp", "store:two/small", "store:two/large", "fetched"],
        &["cp", "-r", "store:two", "copied"],
        &["cp", "store:two/small", "store:again"],
        &["cp", "-r", "store:two", "store:three"],
        &["cp", "-n", "small", "store:dry"],
        &["mv", "small", "moved"],
        &["rm", "moved"],
        &["rm", "-r", "two"],
        &["rm", "-n", "folder/large"],
        &["sync", "folder", "synced"],
        &["sync", "--down", "synced", "down"],
        &["sync", "-n", "store:synced", "store:elsewhere"],
        &["diff", "folder/one", "store:synced/one"],
        &["verify", "folder/large"],
        &["publish", "--compress", "gzip", "folder"],
        &["certify", "synced/"],
        &["certify", "--log"],
        &["certify"],
        &["uploads", "ls"],
        &["uploads", "abort", "1"],
        &["uploads", "resume", "2", "large"],
        &["log", "append", "one", "two"],
        &["log", "tail"],
        &["log", "read"],
        &["region", "new", "1"],
        &["region", "ls"],
        &["region", "info", "16"],
        &["region", "grow", "16", "1"],
        &["region", "store", "16", "0", "small"],
        &["region", "set", "16", "8", "nat32", "7"],
        &["region", "get", "16", "8", "nat32"],
        &["region", "give", "16", "aaaaa-aa"],
        &["whoami"],
        &["roles", "set", "aaaaa-aa", "writer"],
        &["roles", "ls"],
        &["roles", "rm", "aaaaa-aa"],
        &["config", "show"],
        &["config", "set", "--capacity", "1GiB", "--upload-idle", "7d"],
        &["status"],
        &["check"],
        &["repair"],
        &["snapshot", "export", "image"],
        &["snapshot", "import", "--replace", "image"],
        &["upgrade"],
    ] {
        run(args);
    }
    let other = ["cat", "region load", "completions", "man", "serve"];
    let known: BTreeSet<_> =
        super::help::leaves().into_iter().filter(|name| !other.contains(&name.as_str())).collect();
    assert_eq!(known.difference(&seen).collect::<Vec<_>>(), Vec::<&String>::new(), "commands without a test");
}

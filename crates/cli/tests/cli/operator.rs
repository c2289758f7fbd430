//! Commands for operators.

use std::{fs, process::Command};

use crate::harness::{Store, failed, output};

/// Both kinds of upgrade keep everything and report their cost, and the check finds no corruption.
#[test]
fn upgrades_keep_everything() {
    let store = Store::new();
    assert!(store.text(&["check"]).contains("sound        yes"));
    let content = vec![5; 300_000];
    store.run(&["put", &store.file("file", &content)]);
    store.run(&["log", "append", "line"]);
    for args in [&["upgrade"][..], &["upgrade", "--skip-pre-upgrade"]] {
        let said = store.text(args);
        assert!(said.starts_with("instructions  "), "{said}");
        assert!(store.run(&["get", "file"]) == content);
        assert_eq!(store.text(&["log", "tail"]), "line\n");
    }
    assert!(store.text(&["status"]).contains("upgrades       2, the last without pre_upgrade"));
    let check = store.text(&["check"]);
    assert!(
        check.contains("objects      1 with 293.0 KiB (300,000 bytes)") && check.contains("sound        yes"),
        "{check}"
    );
}

/// Using a folder without a store is an error that names `init`, and `init` does not overwrite a store.
#[test]
fn store_is_created_once() {
    let store = Store::none();
    let said = store.fail(1, &["ls"]);
    assert!(said.contains("there is no store") && said.contains(" init"), "{said}");
    store.run(&["init"]);
    assert!(store.fail(1, &["init"]).contains("already is a store"));
    fs::create_dir(store.path("full")).unwrap();
    store.file("full/file", b"mine");
    let output = store.command(&["--store", "full", "init"]).output();
    // `--store` twice is an invalid command line.
    assert_eq!(output.unwrap().status.code(), Some(2));
    let mut command = Command::new(env!("CARGO_BIN_EXE_storage"));
    let output = command.arg("--store").arg(store.path("full")).arg("init").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read(store.path("full/file")).unwrap(), b"mine");
}

/// An invalid command line has exit code 2, and help 0.
#[test]
fn exit_codes_are_as_documented() {
    let store = Store::new();
    store.fail(2, &["no-such-command"]);
    store.fail(2, &["log", "append"]);
    store.fail(2, &["get"]);
    assert!(store.text(&["--help"]).contains("Exit codes:"));
}

/// A compiled canister is cached for the next command, which counts the same instructions. An unusable cache folder is not
/// an error.
#[test]
fn compiled_canisters_are_cached() {
    let store = Store::new();
    let upgrade = |cache: &str| {
        let mut command = store.command(&["--json", "upgrade"]);
        let output = command.env("STORAGE_CACHE_DIR", store.path(cache)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let compiled = upgrade("cache");
    assert!(fs::read_dir(store.path("cache")).unwrap().next().is_some(), "nothing is cached");
    store.file("file", b"no folder");
    assert_eq!([upgrade("cache"), upgrade("file/cache")], [compiled.clone(), compiled]);
}

/// The version names the commit, and the canister that the command installs.
#[test]
fn version_names_commit_and_canister() {
    let store = Store::new();
    let version = store.text(&["--version"]);
    let installed = store.with_host(|host, _| host.module_hash().map(hex::encode)).unwrap();
    assert!(version.starts_with("storage 0.1.0 (") && version.contains(&installed), "{version}");
    assert_eq!(store.text(&["-V"]).lines().count(), 1);
}

/// Paths in suggested commands can be copied into a shell.
#[test]
fn suggested_commands_are_quoted() {
    let store = Store::none();
    let said = failed(1, output(store.bare(&["--store", "my store; rm", "ls"]), b""));
    assert!(said.contains("storage --store 'my store; rm' init"), "{said}");
    std::fs::create_dir(store.path("it's")).unwrap();
    store.run(&["init"]);
    assert!(store.fail(1, &["put", "it's"]).contains(r"storage sync 'it'\''s' PREFIX"));
}

//! Roles and settings.

use crate::harness::{Store, output};

const WHO: &str = "rrkah-fqaaa-aaaaa-aaaaq-cai";

/// A role is set, changed and removed.
#[test]
fn role_is_set_and_removed() {
    let store = Store::new();
    assert_eq!(store.text(&["roles", "ls"]), "");
    store.run(&["roles", "set", WHO, "reader"]);
    store.run(&["roles", "set", WHO, "writer"]);
    assert_eq!(store.text(&["roles", "ls"]), format!("writer  {WHO}\n"));
    assert_eq!(store.json(&["roles", "ls"])[0]["who"], WHO);
    store.run(&["roles", "rm", WHO]);
    assert_eq!(store.text(&["roles", "ls"]), "");
    store.fail(2, &["roles", "set", WHO, "owner"]);
    store.fail(2, &["roles", "set", "invalid", "reader"]);
}

/// Settings are changed and shown, others stay, and values out of range are rejected.
#[test]
fn settings_are_shown_and_changed() {
    let store = Store::new();
    insta::assert_snapshot!(
        [
            &["config", "show"][..],
            &["config", "set", "--public-read", "true", "--max-uploads", "5"],
            &["config", "set", "--upload-idle", "3600"],
            &["config", "set", "--capacity", "1"],
            &["--json", "config", "show"],
        ]
        .map(|args| store.session(args))
        .join("\n")
    );
    store.fail(2, &["config", "set"]);
}

/// `whoami` prints the caller.
#[test]
fn whoami_prints_the_caller() {
    let store = Store::new();
    let owner = store.with_host(|_, owner| owner.to_text());
    assert_eq!(store.text(&["whoami"]), format!("{owner}\n"));
    assert_eq!(store.json(&["whoami"])["principal"], owner);
    let flags = ["--network", "http://127.0.0.1:1", "--canister", "aaaaa-aa", "--identity", "anonymous"];
    let said = output(store.bare(&[&flags[..], &["whoami"]].concat()), b"");
    assert_eq!(said.status.code(), Some(1), "the root key of a local network has to be fetched");
}

/// Sizes and durations can be given with units, and invalid ones are rejected before any call.
#[test]
fn settings_accept_units() {
    let store = Store::new();
    let shown = store.text(&["config", "set", "--capacity", "1GiB", "--upload-idle", "2h"]);
    assert!(shown.contains("capacity     1.0 GiB (1,073,741,824 bytes)\n"), "{shown}");
    assert!(shown.contains("upload idle  2 hours\n"), "{shown}");
    assert!(store.text(&["--bytes", "config", "show"]).contains("capacity     1073741824 bytes\n"));
    store.fail(2, &["config", "set", "--capacity", "much"]);
    store.fail(2, &["config", "set", "--upload-idle", "long"]);
}

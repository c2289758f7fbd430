//! Roles and settings.

use crate::harness::{Store, output};

const WHO: &str = "rrkah-fqaaa-aaaaa-aaaaq-cai";

/// A role is given, changed and taken away.
#[test]
fn a_role_is_given_and_taken_away() {
    let store = Store::new();
    assert_eq!(store.text(&["roles", "ls"]), "");
    store.run(&["roles", "set", WHO, "reader"]);
    store.run(&["roles", "set", WHO, "writer"]);
    assert_eq!(store.text(&["roles", "ls"]), format!("writer  {WHO}\n"));
    assert_eq!(store.json(&["roles", "ls"])[0]["who"], WHO);
    store.run(&["roles", "rm", WHO]);
    assert_eq!(store.text(&["roles", "ls"]), "");
    store.fail(2, &["roles", "set", WHO, "owner"]);
    store.fail(2, &["roles", "set", "nobody", "reader"]);
}

/// What is set is shown, what is not given stays, and what no canister takes is refused.
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

/// The caller is told who he is.
#[test]
fn the_caller_is_told_who_he_is() {
    let store = Store::new();
    let owner = store.with_host(|_, owner| owner.to_text());
    assert_eq!(store.text(&["whoami"]), format!("{owner}\n"));
    assert_eq!(store.json(&["whoami"])["principal"], owner);
    let flags = ["--network", "http://127.0.0.1:1", "--canister", "aaaaa-aa", "--identity", "anonymous"];
    let told = output(store.bare(&[&flags[..], &["whoami"]].concat()), b"");
    assert_eq!(told.status.code(), Some(1), "the root key of a local network has to be fetched");
}

/// Sizes and times are typed with units, and nonsense is refused before anything is asked.
#[test]
fn settings_are_typed_with_units() {
    let store = Store::new();
    let shown = store.text(&["config", "set", "--capacity", "1GiB", "--upload-idle", "2h"]);
    assert!(shown.contains("capacity     1.0 GiB (1,073,741,824 bytes)\n"), "{shown}");
    assert!(shown.contains("upload idle  2 hours\n"), "{shown}");
    assert!(store.text(&["--bytes", "config", "show"]).contains("capacity     1073741824 bytes\n"));
    store.fail(2, &["config", "set", "--capacity", "much"]);
    store.fail(2, &["config", "set", "--upload-idle", "long"]);
}

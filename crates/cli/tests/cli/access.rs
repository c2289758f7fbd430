//! Roles and settings.

use crate::harness::Store;

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

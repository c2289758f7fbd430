//! Uploads that were begun and not finished.

use crate::harness::Store;

/// An upload that was begun is listed and can be aborted, once.
#[test]
fn an_upload_is_listed_and_aborted() {
    let store = Store::new();
    let id = store.begin_upload("key", 3, [0xab; 32]).to_string();
    let listed = store.text(&["uploads", "ls"]);
    assert!(
        listed.starts_with(&format!("{id}  0 of 3 bytes  expires 20")) && listed.ends_with("  key\n"),
        "{listed}"
    );
    assert!(store.text(&["status"]).contains("uploads        1\n"));
    store.run(&["uploads", "abort", &id]);
    assert_eq!(store.text(&["uploads", "ls"]), "");
    let said = store.fail(3, &["uploads", "abort", &id]);
    assert!(
        said.contains(&format!("there is no upload {id}")) && said.contains("storage uploads ls"),
        "{said}"
    );
}

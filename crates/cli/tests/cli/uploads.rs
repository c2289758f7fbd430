//! Incomplete uploads.

use sha2::{Digest, Sha256};

use crate::harness::{MAX_PAYLOAD, Store, numbers};

/// An open upload is listed and can be aborted, once.
#[test]
fn an_upload_is_listed_and_aborted() {
    let store = Store::new();
    let id = store.begin_upload("key", 3, [0xab; 32]).to_string();
    let listed = store.text(&["uploads", "ls"]);
    assert!(
        listed.starts_with(&format!("{id}  0 B of 3 bytes  expires 20")) && listed.ends_with("  key\n"),
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

/// Resuming an upload by its identifier requires its file: for another size or content, nothing is sent.
#[test]
fn an_upload_is_resumed_with_its_file() {
    let store = Store::new();
    let content = numbers(MAX_PAYLOAD + 1);
    let file = store.file("file", &content);
    let id = store.begin_upload("key", content.len() as u64, Sha256::digest(&content).into()).to_string();
    let short = store.file("short", b"short");
    assert!(store.fail(1, &["uploads", "resume", &id, &short]).contains("is not the file of upload"));
    store.run(&["uploads", "resume", &id, &file]);
    assert!(store.run(&["get", "key"]) == content);
    assert!(store.fail(3, &["uploads", "resume", &id, &file]).contains("storage uploads ls"));

    let id = store.begin_upload("key", content.len() as u64, [0xab; 32]).to_string();
    assert!(store.fail(1, &["uploads", "resume", &id, &file]).contains("the SHA-256 differs"));
    assert_eq!(store.json(&["uploads", "ls"])[0]["received"], 0);
}

/// A small upload is resumed as well.
#[test]
fn a_small_upload_is_resumed() {
    let store = Store::new();
    let id = store.begin_upload("key", 3, Sha256::digest(b"abc").into()).to_string();
    store.run(&["uploads", "resume", &id, &store.file("file", b"abc")]);
    assert_eq!(store.run(&["get", "key"]), b"abc");
}

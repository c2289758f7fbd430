//! Cache of compiled modules in a folder. A process has one engine, so this is a separate file with a single test.

#![expect(clippy::unwrap_used, reason = "a test may panic where it fails")]

mod common;

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use embedded_ic::{Config, EmbeddedIc};

/// The first host of a process decides where compiled modules are kept: a later one cannot move them.
#[test]
fn compiled_modules_are_kept_in_the_folder_of_the_first_host() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let wasm = common::module(r#"(func (export "canister_update run") (call $msg_reply))"#);
    static COMPILED: AtomicU32 = AtomicU32::new(0);
    for cache in [&first, &second] {
        let config = Config::default().with_compilation_cache(cache);
        let config = config.with_compilation_notice(|| {
            COMPILED.fetch_add(1, Ordering::Relaxed);
        });
        let mut ic = EmbeddedIc::new(config).unwrap();
        ic.install(&wasm, b"").unwrap();
        let sender = ic.controllers()[0];
        assert!(ic.update(sender, "run", b"").unwrap().bytes.is_empty());
    }
    assert!(fs::read_dir(first).unwrap().next().is_some(), "nothing was kept");
    assert!(!second.exists());
    assert_eq!(COMPILED.load(Ordering::Relaxed), 1, "a module is compiled once, with a notice");
}

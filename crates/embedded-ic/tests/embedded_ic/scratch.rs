//! The part of the heap that a module declares to be scratch: a folder does not keep it, and everything else is kept.

use std::fs;
use std::path::Path;

use crate::common::{Harness, module, user};
use embedded_ic::{Config, EmbeddedIc, UpgradeOptions};

/// Scratch begins and ends within pages: what shares a page with it is kept.
const DECLARATION: &str = r#"
    (func (export "embedded_ic_scratch_start") (result i32) (i32.const 70000))
    (func (export "embedded_ic_scratch_end") (result i32) (i32.const 150000))"#;
/// The whole pages of it.
const PAGES: std::ops::Range<usize> = 73_728..147_456;
/// Bytes of the argument that is copied into scratch.
const ARGUMENT: usize = 60_000;

/// A canister that counts, and that copies its argument into scratch. It has other data around the range.
fn canister(declaration: &str) -> Vec<u8> {
    module(&format!(
        r#"(memory (export "memory") 4)
        (data (i32.const 100000) "initial")
        (func $take
            (call $msg_arg_data_copy (i32.const 80000) (i32.const 0) (call $msg_arg_data_size))
            (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))
            (i64.store (i32.const 69992) (i64.load (i32.const 0)))
            (i64.store (i32.const 73720) (i64.load (i32.const 0)))
            (i64.store (i32.const 147456) (i64.load (i32.const 0)))
            (i64.store (i32.const 150000) (i64.load (i32.const 0))))
        (func (export "canister_update take") (call $take) (call $reply64 (i64.load (i32.const 0))))
        (func (export "canister_update trap") (call $take) (unreachable))
        (func (export "canister_query ask") (call $take) (call $reply (i32.const 80000) (i32.const 8)))
        (func (export "canister_query heap") (call $reply (i32.const 0) (i32.const 262144))) {declaration}"#
    ))
}

fn create(path: &Path, declaration: &str) -> EmbeddedIc {
    let mut ic = EmbeddedIc::create_dir(path, Config::default()).unwrap();
    ic.install(&canister(declaration), b"").unwrap();
    ic
}

/// The heap, without the whole pages of scratch, and these.
fn heap(ic: &mut EmbeddedIc) -> (Vec<u8>, Vec<u8>) {
    let mut heap = ic.ask("heap", b"").unwrap().bytes;
    let scratch = heap.splice(PAGES, []).collect();
    (heap, scratch)
}

/// The number that is written around scratch.
fn numbers(heap: &[u8]) -> [u64; 5] {
    // Those after scratch have moved to the front.
    let moved = |at: usize| if at < PAGES.end { at } else { at - PAGES.len() };
    [0, 69_992, 73_720, 147_456, 150_000]
        .map(|at| u64::from_le_bytes(heap[moved(at)..][..8].try_into().unwrap()))
}

fn journal_bytes(folder: &Path) -> u64 {
    fs::metadata(folder.join("journal.bin")).unwrap().len()
}

#[test]
fn scratch_is_not_written_to_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    for (declaration, least, most) in [(DECLARATION, 0, 40_000), ("", 60_000, 120_000)] {
        let path = dir.path().join(format!("at least {least}"));
        let mut ic = create(&path, declaration);
        let before = journal_bytes(&path);
        ic.call("take", &[7; ARGUMENT]).unwrap();
        let written = journal_bytes(&path) - before;
        assert!((least..most).contains(&written), "{written} bytes");
    }
}

#[test]
fn a_killed_process_loses_only_scratch() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let mut ic = create(&path, DECLARATION);
    for n in 1..=3 {
        ic.call("take", &[n; ARGUMENT]).unwrap();
    }
    let (before, scratch) = heap(&mut ic);
    assert_eq!(numbers(&before), [3; 5]);
    assert_eq!(scratch[80_000 - PAGES.start..][..ARGUMENT], [3; ARGUMENT]);
    // From the journal, and then from the checkpoint.
    drop(ic);
    for _ in 0..2 {
        let mut ic = EmbeddedIc::open_dir(&path, Config::default()).unwrap();
        let (after, scratch) = heap(&mut ic);
        assert_eq!(after, before);
        // What the module started with.
        assert_eq!(scratch[100_000 - PAGES.start..][..7], *b"initial");
        assert_eq!(scratch.iter().filter(|&&byte| byte != 0).count(), 7);
        ic.close().unwrap();
    }
    let mut ic = EmbeddedIc::open_dir(&path, Config::default()).unwrap();
    assert_eq!(ic.call64("take"), 4);
}

#[test]
fn traps_and_queries_change_only_scratch() {
    let dir = tempfile::tempdir().unwrap();
    let mut ic = create(&dir.path().join("state"), DECLARATION);
    ic.call("take", &[1; ARGUMENT]).unwrap();
    let (before, _) = heap(&mut ic);
    for n in 2..5 {
        assert_eq!(ic.ask("ask", &[n; ARGUMENT]).unwrap().bytes, [n; 8]);
        ic.update(user(), "trap", &[n; ARGUMENT]).unwrap_err();
        assert_eq!(ic.query(user(), "ask", &[n + 1; 8]).unwrap().bytes, [n + 1; 8]);
        assert_eq!(heap(&mut ic).0, before);
    }
    assert_eq!(ic.call64("take"), 2);
}

#[test]
fn an_upgrade_starts_with_the_scratch_of_the_new_module() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let mut ic = create(&path, DECLARATION);
    ic.call("take", &[1; ARGUMENT]).unwrap();
    ic.upgrade(&canister(""), b"", UpgradeOptions::default()).unwrap();
    let (_, scratch) = heap(&mut ic);
    assert_eq!(scratch[100_000 - PAGES.start..][..7], *b"initial");
    assert_eq!(scratch.iter().filter(|&&byte| byte != 0).count(), 7);
    // This one declares none.
    ic.call("take", &[2; ARGUMENT]).unwrap();
    let before = heap(&mut ic);
    drop(ic);
    assert_eq!(heap(&mut EmbeddedIc::open_dir(&path, Config::default()).unwrap()), before);
}

#[test]
fn a_host_in_memory_counts_and_rolls_back_the_pages_of_scratch() {
    let pages = [DECLARATION, ""].map(|declaration| {
        let mut ic = EmbeddedIc::new(Config::default()).unwrap();
        ic.install(&canister(declaration), b"").unwrap();
        let asked = ic.ask("ask", &[1; ARGUMENT]).unwrap().heap_pages_written;
        assert_eq!(heap(&mut ic).1[80_000 - PAGES.start..][..8], [0; 8]);
        [asked, ic.call("take", &[1; ARGUMENT]).unwrap().heap_pages_written]
    });
    assert_eq!(pages[0], pages[1]);
    assert!(pages[0][0] >= (ARGUMENT / 4_096) as u64);
}

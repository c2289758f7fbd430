//! State in a folder: what survives, and what is refused.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::SeekFrom;

use crate::common::{Harness, module, rejected, user};
use embedded_ic::{Config, EmbeddedIc, HostError, SyncPolicy, UpgradeOptions};

/// Counts in the heap, in a global that is not exported, and on three distant pages of stable memory.
fn counting(extra: &str) -> Vec<u8> {
    module(
        &format!(
            r#"(global $g (mut i64) (i64.const 0))
        (func $put (param i64) (call $stable64_write (local.get 0) (i32.const 0) (i64.const 8)))
        (func (export "canister_init") (drop (call $stable64_grow (i64.const 100000))))
        (func (export "canister_update count")
            (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))
            (global.set $g (i64.add (global.get $g) (i64.const 1)))
            (call $put (i64.const 0)) (call $put (i64.const 4092)) (call $put (i64.const 6000000000))
            (call $reply64 (i64.load (i32.const 0))))
        (func (export "canister_update grow")
            (drop (memory.grow (i32.const 3)))
            (i64.store (i32.const 200000) (i64.const 77))
            (call $reply64 (i64.extend_i32_u (memory.size))))
        (func (export "canister_update print_and_trap")
            (call $debug_print (i32.const 100) (i32.const 4)) (unreachable))
        (func (export "canister_query far") (call $reply64 (i64.load (i32.const 200000))))
        (func (export "canister_query heap") (call $reply64 (i64.load (i32.const 0))))
        (func (export "canister_query global") (call $reply64 (global.get $g)))
        (func (export "canister_query stable")
            (call $stable64_read (i64.const 8) (i64.const 6000000000) (i64.const 8))
            (call $reply64 (i64.load (i32.const 8))))
        (data (i32.const 100) "line") {extra}"#
        )
        .replace("(local.get 0) (i32.const 0) (i64.const 8)", "(local.get 0) (i64.const 0) (i64.const 8)"),
    )
}

fn config() -> Config {
    // What is on the disk after a power cut is not what these tests are about.
    Config::default().with_sync(SyncPolicy::Checkpoint)
}

fn create(path: &Path) -> EmbeddedIc {
    let mut ic = EmbeddedIc::create_dir(path, config()).unwrap();
    ic.install(&counting(""), b"").unwrap();
    ic
}

fn open(path: &Path) -> EmbeddedIc {
    EmbeddedIc::open_dir(path, config()).unwrap()
}

fn counts(ic: &mut EmbeddedIc) -> [u64; 3] {
    [ic.ask64("heap"), ic.ask64("global"), ic.ask64("stable")]
}

/// Copies a folder; holes in its files stay holes.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (input, output) =
            (File::open(entry.path()).unwrap(), File::create(to.join(entry.file_name())).unwrap());
        let len = input.metadata().unwrap().len();
        output.set_len(len).unwrap();
        let mut at = 0;
        while at < len {
            let Ok(start) = rustix::fs::seek(&input, SeekFrom::Data(at)) else { break };
            let end = rustix::fs::seek(&input, SeekFrom::Hole(start)).unwrap();
            let mut bytes = vec![0; (end - start) as usize];
            input.read_exact_at(&mut bytes, start).unwrap();
            output.write_all_at(&bytes, start).unwrap();
            at = end;
        }
    }
}

/// A copy of a folder with one file changed.
fn changed(dir: &tempfile::TempDir, from: &Path, file: &str, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let to = dir.path().join("changed");
    let _ = fs::remove_dir_all(&to);
    copy(from, &to);
    let mut bytes = fs::read(to.join(file)).unwrap();
    change(&mut bytes);
    fs::write(to.join(file), bytes).unwrap();
    to
}

#[test]
fn everything_survives_a_close() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let mut ic =
        EmbeddedIc::create_dir(&path, config().with_controllers(vec![user()]).with_cycles(7)).unwrap();
    ic.install(&counting(""), b"").unwrap();
    ic.set_time_ns(123);
    for _ in 0..3 {
        ic.call("count", b"").unwrap();
    }
    ic.call_rejected("print_and_trap");
    let (version, hash, logs) = (ic.canister_version(), ic.module_hash(), ic.logs());
    assert_eq!(logs.len(), 2);
    ic.close().unwrap();

    let mut ic = open(&path);
    assert_eq!(counts(&mut ic), [3; 3]);
    assert_eq!((ic.time_ns(), ic.cycles(), ic.controllers()), (123, 7, &[user()][..]));
    assert_eq!((ic.canister_version(), ic.module_hash(), ic.logs()), (version, hash, logs));
    assert_eq!((ic.stable_pages(), ic.heap_pages()), (100_000, 1));
    assert!(ic.resident_stable_bytes() < 1 << 20, "{} bytes of stable memory", ic.resident_stable_bytes());
    ic.call("count", b"").unwrap();
    assert_eq!(counts(&mut ic), [4; 3]);
}

#[test]
fn everything_survives_without_a_close() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let mut ic = create(&path);
    ic.call("count", b"").unwrap();
    ic.call("grow", b"").unwrap();
    drop(ic);
    let mut ic = open(&path);
    assert_eq!(counts(&mut ic), [1; 3]);
    assert_eq!((ic.heap_pages(), ic.ask64("far")), (4, 77));
    ic.upgrade(&counting("(func)"), b"", UpgradeOptions::default()).unwrap();
    drop(ic);
    let mut ic = open(&path);
    assert_eq!(counts(&mut ic), [0, 0, 1]);
    assert_eq!(ic.heap_pages(), 1);
    ic.reinstall(&counting(""), b"").unwrap();
    ic.call_rejected("print_and_trap");
    drop(ic);
    let mut ic = open(&path);
    assert_eq!(counts(&mut ic), [0; 3]);
    assert_eq!(ic.logs().len(), 2);
}

#[test]
fn a_failed_upgrade_leaves_the_folder_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let mut ic = create(&path);
    ic.call("count", b"").unwrap();
    rejected(ic.upgrade(&counting("(func $t unreachable) (start $t)"), b"", UpgradeOptions::default()));
    assert_eq!(counts(&mut ic), [1; 3]);
    drop(ic);
    assert_eq!(counts(&mut open(&path)), [1; 3]);
    let modules = fs::read_dir(&path)
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with("module-"));
    assert_eq!(modules.count(), 1, "the module that was refused is not kept");
}

#[test]
fn a_folder_in_use_cannot_be_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let ic = create(&path);
    let error = EmbeddedIc::open_dir(&path, config()).unwrap_err();
    assert!(matches!(error, HostError::FolderInUse { .. }), "{error}");
    assert!(error.to_string().contains("is in use by another process"), "{error}");
    drop(ic);
    open(&path);
}

#[test]
fn create_and_open_check_the_folder_first() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let error = EmbeddedIc::open_dir(&path, config()).unwrap_err();
    assert!(matches!(error, HostError::NotAFolder { .. }), "{error}");
    drop(create(&path));
    let error = EmbeddedIc::create_dir(&path, config()).unwrap_err();
    assert!(matches!(error, HostError::FolderExists { .. }), "{error}");
    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("letter.txt"), "dear").unwrap();
    let error = EmbeddedIc::create_dir(&other, config()).unwrap_err();
    assert!(matches!(error, HostError::FolderExists { .. }), "{error}");
    // What an interrupted `create_dir` leaves is no state.
    let half = dir.path().join("half");
    copy(&path, &half);
    fs::remove_file(half.join("state.bin")).unwrap();
    for entry in fs::read_dir(&half).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("module-") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    assert!(EmbeddedIc::open_dir(&half, config()).is_err());
    drop(EmbeddedIc::create_dir(&half, config()).unwrap());
    assert!(!open(&half).is_installed());
}

#[test]
fn truncated_journal_restores_a_committed_state() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let mut ic = create(&path);
    // Pages that have content are in the journal alone until their record is complete.
    ic.call("count", b"").unwrap();
    ic.close().unwrap();
    let before = dir.path().join("before");
    copy(&path, &before);
    let mut ends = Vec::new();
    let length = || fs::metadata(path.join("journal.bin")).unwrap().len();
    ic = open(&path);
    ends.push(length());
    for _ in 0..3 {
        ic.call("count", b"").unwrap();
        ends.push(length());
    }
    drop(ic);
    // The files of heap and stable memory are those of the checkpoint: nothing of the journal had reached them.
    let journal = fs::read(path.join("journal.bin")).unwrap();
    let step = ((ends[3] - ends[0]) / 60) as usize;
    let cuts =
        (ends[0] as usize..=ends[3] as usize).step_by(step).chain(ends.iter().map(|&end| end as usize));
    for cut in cuts {
        let folder = dir.path().join("cut");
        let _ = fs::remove_dir_all(&folder);
        copy(&before, &folder);
        fs::write(folder.join("journal.bin"), &journal[..cut]).unwrap();
        let whole = ends[1..].iter().filter(|&&end| end as usize <= cut).count() as u64;
        let mut ic = open(&folder);
        assert_eq!(counts(&mut ic), [whole + 1; 3], "cut at {cut}");
        ic.call("count", b"").unwrap();
        drop(ic);
        assert_eq!(counts(&mut open(&folder)), [whole + 2; 3], "cut at {cut}");
    }
}

#[test]
fn journal_older_than_the_checkpoint_is_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let mut ic = create(&path);
    ic.call("count", b"").unwrap();
    ic.call("count", b"").unwrap();
    let journal = fs::read(path.join("journal.bin")).unwrap();
    ic.close().unwrap();
    // As if the process had died after it wrote the checkpoint and before it emptied the journal.
    fs::write(path.join("journal.bin"), journal).unwrap();
    let mut ic = open(&path);
    assert_eq!(counts(&mut ic), [2; 3]);
    ic.call("count", b"").unwrap();
    drop(ic);
    assert_eq!(counts(&mut open(&path)), [3; 3]);
}

#[test]
fn corrupt_file_is_named_in_the_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let mut ic = create(&path);
    ic.call("count", b"").unwrap();
    ic.call("count", b"").unwrap();
    drop(ic);
    let journal = fs::metadata(path.join("journal.bin")).unwrap().len() as usize;
    for at in [0, 13, 20, 30, 50, 79, 200, 511, 512, 520, 1_000, 1_023, journal / 2, journal - 1] {
        let bad = changed(&dir, &path, "journal.bin", |bytes| bytes[at] ^= 1);
        let error = EmbeddedIc::open_dir(&bad, config()).unwrap_err();
        assert!(matches!(error, HostError::Damaged { .. }), "byte {at}: {error}");
        assert!(error.to_string().contains("journal.bin is corrupt at byte"), "{error}");
    }
    let bad = changed(&dir, &path, "journal.bin", |bytes| bytes[8] = 9);
    let error = EmbeddedIc::open_dir(&bad, config()).unwrap_err();
    assert!(matches!(error, HostError::UnknownVersion { found: 9, .. }), "{error}");
    let bad = changed(&dir, &path, "journal.bin", |bytes| bytes.truncate(10));
    assert!(matches!(EmbeddedIc::open_dir(&bad, config()), Err(HostError::Damaged { .. })));
    // A record that is missing in the middle.
    let bad = changed(&dir, &path, "journal.bin", |bytes| {
        let first = 512 + record_len(&bytes[512..]);
        bytes.drain(512..first);
    });
    let error = EmbeddedIc::open_dir(&bad, config()).unwrap_err();
    assert!(error.to_string().contains("is out of order"), "{error}");

    let bad = changed(&dir, &path, "state.bin", |bytes| bytes[8] = 3);
    let error = EmbeddedIc::open_dir(&bad, config()).unwrap_err();
    assert!(matches!(error, HostError::UnknownVersion { found: 3, known: 2, .. }), "{error}");
    let bad = changed(&dir, &path, "state.bin", |bytes| *bytes.last_mut().unwrap() ^= 1);
    assert!(matches!(EmbeddedIc::open_dir(&bad, config()), Err(HostError::Damaged { .. })));
    assert_eq!(counts(&mut open(&path)), [2; 3], "the folder itself is sound");
}

/// The length of the record at the beginning of these bytes, by the layout.
fn record_len(bytes: &[u8]) -> usize {
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let pages = number(24) + number(32);
    let description = 64 + number(16) + pages * 40 + number(40) * 16;
    description.div_ceil(508) * 512 + pages * 4_096
}

#[test]
fn a_corrupt_module_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    drop(create(&path));
    let name = fs::read_dir(&path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| name.starts_with("module-"))
        .unwrap();
    let bad = changed(&dir, &path, &name, |bytes| *bytes.last_mut().unwrap() ^= 1);
    let error = EmbeddedIc::open_dir(&bad, config()).unwrap_err();
    assert!(matches!(error, HostError::Damaged { .. }), "{error}");
}

#[test]
fn both_durability_policies_keep_answered_messages() {
    let dir = tempfile::tempdir().unwrap();
    for sync in [SyncPolicy::EveryMessage, SyncPolicy::Checkpoint] {
        let path = dir.path().join(format!("{sync:?}"));
        let mut ic = EmbeddedIc::create_dir(&path, Config::default().with_sync(sync)).unwrap();
        ic.install(&counting(""), b"").unwrap();
        ic.call("count", b"").unwrap();
        drop(ic);
        let mut ic = EmbeddedIc::open_dir(&path, Config::default().with_sync(sync)).unwrap();
        assert_eq!(counts(&mut ic), [1; 3]);
    }
}

//! A store's folder that is corrupt, read-only, or on a full disk.

use std::{
    fs::{self, File, Permissions},
    os::unix::{
        fs::{FileExt, PermissionsExt, chown},
        process::CommandExt,
    },
    process::Command,
};

use crate::harness::{Store, failed, output};

/// User without permissions.
const UNPRIVILEGED: u32 = 65_534;

impl Store {
    /// Returns the command, run as a user without permissions if the tests are run by root.
    fn command_of_another(&self, args: &[&str]) -> Command {
        let mut command = self.command(args);
        if rustix::process::geteuid().is_root() {
            // The cache of the unprivileged user must be separate from root's.
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED).env("STORAGE_CACHE_DIR", self.path("cache"));
        }
        command
    }

    fn set_modes(&self, folder: u32, files: u32) {
        let path = self.path("store");
        for entry in fs::read_dir(&path).unwrap() {
            let file = entry.unwrap().path();
            fs::set_permissions(&file, Permissions::from_mode(files)).unwrap();
        }
        fs::set_permissions(&path, Permissions::from_mode(folder)).unwrap();
    }
}

/// `repair` reports corruption and the repairs; only `--yes` makes them.
#[test]
fn corruption_is_repaired_with_yes() {
    let store = Store::new();
    store.run(&["put", &store.file("a", b"kept")]);
    assert_eq!(store.text(&["repair"]), "nothing to repair\n");
    let heap = File::options().read(true).write(true).open(store.path("store/heap.bin")).unwrap();
    let mut byte = [0];
    heap.read_exact_at(&mut byte, 100_000).unwrap();
    heap.write_all_at(&[byte[0] ^ 1], 100_000).unwrap();
    let said = store.fail(1, &["ls"]);
    assert!(said.contains("heap.bin is corrupt at byte 98304") && said.contains("repair"), "{said}");
    let found = store.text(&["repair"]);
    assert!(found.contains("restarts on its stable memory") && !found.contains("done"), "{found}");
    store.fail(1, &["ls"]);
    assert!(store.text(&["repair", "--yes"]).ends_with("done\n"));
    assert_eq!(store.run(&["get", "a"]), b"kept");
    assert_eq!(store.text(&["repair"]), "nothing to repair\n");
}

/// An image whose arena has lost its sentinel is repaired.
#[test]
fn arena_without_its_sentinel_is_repaired() {
    let store = Store::new();
    store.run(&["put", &store.file("a", &[7; 100_000])]);
    // The sentinel is at the end of the arena's only bucket.
    store.run(&["snapshot", "export", "image"]);
    let image = File::options().read(true).write(true).open(store.path("image")).unwrap();
    let pages = image.metadata().unwrap().len() / 4_096;
    let mut ends = (1..=pages).map(|page| page * 4_096 - 32);
    let is_lost = |at: &u64| {
        let mut tag = [0; 8];
        image.read_exact_at(&mut tag, *at).unwrap();
        if tag == [0; 8] {
            return false;
        }
        image.write_all_at(&[0; 8], *at).unwrap();
        let said = output(store.bare(&["check", "image"]), b"");
        let is_lost = String::from_utf8_lossy(&said.stdout).contains("a repair restores it");
        if !is_lost {
            image.write_all_at(&tag, *at).unwrap();
        }
        is_lost
    };
    ends.find(is_lost).expect("the arena has a sentinel");
    store.run(&["snapshot", "import", "image", "--replace"]);
    assert!(store.text(&["repair"]).contains("the sentinel of the arena was lost"));
    assert!(store.text(&["repair", "--yes"]).ends_with("done\n"));
    assert!(store.text(&["check"]).contains("sound        yes"));
    assert!(store.run(&["get", "a"]) == [7; 100_000]);
}

/// A read-only store can be read, and rejects changes.
#[test]
fn read_only_store_is_read() {
    let store = Store::new();
    store.run(&["put", &store.file("a", b"value")]);
    fs::set_permissions(store.folder.path(), Permissions::from_mode(0o755)).unwrap();
    store.set_modes(0o555, 0o444);
    let read = output(store.command_of_another(&["get", "a"]), b"");
    let said = String::from_utf8(read.stderr).unwrap();
    assert_eq!((read.stdout, read.status.code()), (b"value".to_vec(), Some(0)), "{said}");
    assert!(said.contains("warning") && said.contains("is opened read-only"), "{said}");
    let said =
        failed(1, output(store.command_of_another(&["put", &store.path("a").to_string_lossy(), "b"]), b""));
    assert!(said.contains("is open read-only") && said.contains("write permission"), "{said}");
    store.set_modes(0o700, 0o600);
    assert_eq!(store.text(&["ls", "-r"]), "a\n");
}

/// A folder without read permission is not reported as missing.
#[test]
fn folder_without_permission_is_reported() {
    let store = Store::new();
    fs::set_permissions(store.folder.path(), Permissions::from_mode(0o755)).unwrap();
    if rustix::process::geteuid().is_root() {
        chown(store.path("store"), Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
    }
    store.set_modes(0o000, 0o600);
    let said = failed(1, output(store.command_of_another(&["ls"]), b""));
    assert!(said.contains("Permission denied") && !said.contains("there is no store"), "{said}");
    fs::set_permissions(store.path("store"), Permissions::from_mode(0o700)).unwrap();
}

/// A store's clock that is far ahead is set back, with a warning.
#[test]
fn clock_far_ahead_is_set_back() {
    const YEAR_2099: u64 = 4_070_908_800_000_000_000;
    let store = Store::new();
    let entry = candid::encode_one("from the future").unwrap();
    store.with_host(|host, owner| {
        host.set_time_ns(YEAR_2099);
        host.update(owner, "log", &entry).unwrap();
    });
    let listed = store.output(&["ls"], b"");
    let said = String::from_utf8(listed.stderr).unwrap();
    assert!(said.contains("warning") && said.contains("2099-01-01") && said.contains("set back"), "{said}");
    store.run(&["put", &store.file("b", b"2")]);
    assert!(!store.text(&["stat", "b"]).contains("2099"));
    assert!(!String::from_utf8(store.output(&["ls"], b"").stderr).unwrap().contains("warning"));
}

/// A put that cannot fit on the disk is rejected before any of it is sent, and the disk is named.
#[test]
fn put_that_cannot_fit_is_rejected_before_sending() {
    let store = Store::new();
    let free = rustix::fs::statvfs(store.folder.path()).unwrap();
    // A sparse file, which would take days to read.
    let size = free.f_bavail * free.f_frsize + (1 << 40);
    File::create(store.path("huge")).unwrap().set_len(size).unwrap();
    let said = store.fail(1, &["put", "huge"]);
    assert!(said.contains("the disk at") && said.contains(" bytes) more are needed than the "), "{said}");
    assert_eq!(store.text(&["uploads", "ls"]), "");
}

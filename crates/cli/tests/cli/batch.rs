//! Commands on many items, some of which fail.

use std::{
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, chown, symlink},
        net::UnixListener,
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

use tempfile::TempDir;

use crate::harness::{MAX_PAYLOAD, Store, numbers, output};

impl Store {
    /// Returns the JSON and the messages of a command that fails.
    fn fails(&self, args: &[&str]) -> (serde_json::Value, String) {
        let output = self.output(&[&["--json"], args].concat(), b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        (serde_json::from_slice(&output.stdout).unwrap(), said)
    }
}

/// A pipe, a socket and a device are skipped with a warning.
#[test]
fn special_files_are_skipped_with_a_warning() {
    let store = Store::new();
    store.file("t/a", b"1");
    store.file("t/c", b"3");
    symlink("/dev/null", store.path("t/null")).unwrap();
    assert!(Command::new("mkfifo").arg(store.path("t/f")).status().unwrap().success());
    let _socket = UnixListener::bind(store.path("t/s")).unwrap();
    // An object under the key of a skipped file is not removed.
    store.run_with_input(&["put", "-", "p/f"], b"from better days");
    let output = store.output(&["sync", "--delete", "t", "p"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    for warning in ["skipped t/null, a device", "skipped t/f, a named pipe", "skipped t/s, a socket"] {
        assert!(said.contains(warning), "{warning} is not in {said}");
    }
    assert_eq!(store.text(&["ls", "-r"]), "p/a\np/c\np/f\n");
}

/// Files that cannot be read: a dangling link, a link to itself, a file without permission, a file that fails while it is
/// read, and a name that is not UTF-8. Each of them is reported, the others are stored, nothing is removed, and the exit code
/// is 1. This is the same for all commands that store a folder.
#[test]
fn unreadable_files_are_reported_and_others_are_stored() {
    let store = Store::new();
    store.file("t/a", b"1");
    store.file("t/d/c", b"3");
    store.file("t/locked", b"2");
    symlink("nowhere", store.path("t/b")).unwrap();
    symlink("loop", store.path("t/loop")).unwrap();
    symlink("/proc/self/mem", store.path("t/mem")).unwrap();
    fs::write(store.path("t").join(std::ffi::OsStr::from_bytes(b"x\xff")), b"x").unwrap();
    fs::set_permissions(store.path("t/locked"), fs::Permissions::from_mode(0o0)).unwrap();
    let unprivileged = Unprivileged::new(&store);
    for (args, prefix) in [
        (&["sync", "--delete", "t", "sync"][..], "sync"),
        (&["cp", "-r", "t", "store:cp"], "cp"),
        (&["put", "-r", "t", "put"], "put"),
    ] {
        store.run_with_input(&["put", "-", &format!("{prefix}/b")], b"from better days");
        unprivileged.own(&store);
        let output = output(unprivileged.command(&store, &[&["--json"], args].concat()), b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["stored"], serde_json::json!([format!("{prefix}/a"), format!("{prefix}/d/c")]));
        let failed: Vec<_> = report["failed"].as_array().unwrap().iter().map(|item| &item["item"]).collect();
        for item in ["t/b", "t/loop", "t/locked", "t/mem", r"t/x\xff"] {
            assert!(failed.iter().any(|failed| *failed == item), "{args:?}: {item} is not in {report}");
        }
        assert_eq!(failed.len(), 5, "{report}");
        for text in [
            "t/b: cannot follow the link: No such file",
            "t/loop: cannot follow the link: Too many levels",
            "t/locked: ",
            "Permission denied",
            r"t/x\xff: the name is not UTF-8",
            "5 files failed",
        ] {
            assert!(said.contains(text), "{args:?}: {text} is not in {said}");
        }
        let kept = format!("{prefix}/a\n{prefix}/b\n{prefix}/d/c\n");
        assert_eq!(store.text(&["ls", "-r", &format!("{prefix}/")]), kept);
    }
    // A dry run reports what cannot be opened.
    for args in [&["sync", "-n", "t", "new"][..], &["cp", "-n", "-r", "t", "copy"]] {
        unprivileged.own(&store);
        let output = output(unprivileged.command(&store, args), b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(1) && said.contains("cannot open t/locked: Permission denied"),
            "{said}"
        );
    }
    fs::set_permissions(store.path("t/locked"), fs::Permissions::from_mode(0o700)).unwrap();
}

/// User that permissions apply to, unlike root.
struct Unprivileged {
    is_root: bool,
    cache: TempDir,
}

/// User and group without any rights on Linux.
const UNPRIVILEGED: u32 = 65_534;

impl Unprivileged {
    fn new(store: &Store) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        let this = Self { is_root, cache: TempDir::new().unwrap() };
        // Compiles the canister into the cache.
        let mut init = store.cached_in(this.cache.path(), &["-q", "--store"]);
        init.arg(this.cache.path().join("store")).arg("init");
        assert!(init.status().unwrap().success());
        this
    }

    /// Makes the user the owner of the store's folder and its files, but not of the files to store.
    fn own(&self, store: &Store) {
        if !self.is_root {
            return;
        }
        let give = |path: &Path| chown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
        for folder in [store.path("store"), self.cache.path().to_owned()] {
            walkdir::WalkDir::new(folder).into_iter().for_each(|entry| give(entry.unwrap().path()));
        }
        give(store.folder.path());
    }

    fn command(&self, store: &Store, args: &[&str]) -> Command {
        let mut command = store.cached_in(self.cache.path(), &["--store"]);
        command.arg(store.path("store")).args(args);
        if self.is_root {
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        command
    }
}

/// A file name that is not a valid key fails alone: other files are stored, and nothing is removed.
#[test]
fn invalid_name_does_not_end_a_sync() {
    let store = Store::new();
    for name in ["a", "c", "d/e"] {
        store.file(&format!("t/{name}"), name.as_bytes());
    }
    fs::write(store.path("t").join(std::ffi::OsStr::from_bytes(b"b\xff")), b"x").unwrap();
    let folder = store.path("t/d").join(std::ffi::OsStr::from_bytes(b"\xfe"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("f"), b"x").unwrap();
    store.run_with_input(&["put", "-", "p/old"], b"old");
    let (report, said) = store.fails(&["sync", "--delete", "t", "p"]);
    assert_eq!(report["stored"], serde_json::json!(["p/a", "p/c", "p/d/e"]));
    assert_eq!(report["removed"], serde_json::json!([]));
    let failed: Vec<_> = report["failed"].as_array().unwrap().iter().map(|item| &item["item"]).collect();
    assert_eq!(failed.len(), 2, "{report}");
    assert!(failed.iter().any(|item| *item == r"t/b\xff") && failed.iter().any(|item| *item == r"t/d/\xfe"));
    assert!(said.contains(r"t/b\xff: the name is not UTF-8") && said.contains("2 files failed"), "{said}");
    assert!(said.contains("nothing will be removed"), "{said}");
    assert_eq!(store.text(&["ls", "-r"]), "p/a\np/c\np/d/e\np/old\n");
    // Without the invalid names, the sync is complete.
    let args = ["--json", "sync", "--delete", "-x", "b?", "-x", "d/*", "t", "p"];
    let report: serde_json::Value = serde_json::from_slice(&store.run(&args)).unwrap();
    assert_eq!(report["removed"], serde_json::json!(["p/old"]));
}

/// A rejected file is reported alone, and the other files of the same call are stored.
#[test]
fn rejected_file_does_not_fail_its_batch() {
    let store = Store::new();
    // A key of more than 1,024 bytes, for which the canister rejects the whole batch.
    let deep = vec!["x".repeat(200); 6].join("/");
    for number in 0..40 {
        store.file(&format!("t/{number:02}"), b"small");
    }
    store.file(&format!("t/10{deep}"), b"too deep");
    store.file("t/large", &numbers(MAX_PAYLOAD + 1));
    let (report, said) = store.fails(&["sync", "t", "p"]);
    assert_eq!(report["stored"].as_array().unwrap().len(), 41);
    assert_eq!(report["failed"].as_array().unwrap().len(), 1);
    assert_eq!(report["failed"][0]["item"], format!("t/10{deep}"));
    assert!(said.contains("1025") || said.contains("1,024") || said.contains("1024"), "{said}");
    assert_eq!(store.text(&["ls", "p/"]).lines().count(), 41);
}

/// Files that do not fit are reported, and files that fit are stored, also after them.
#[test]
fn full_store_accepts_what_fits() {
    let store = Store::new();
    store.run(&["config", "set", "--capacity", "134348800"]);
    for number in 0..80 {
        store.file(&format!("t/{number:02}"), &numbers(MAX_PAYLOAD));
    }
    store.file("t/zz", b"fits");
    let (report, said) = store.fails(&["sync", "t", "p"]);
    let (stored, failed) = (report["stored"].as_array().unwrap(), report["failed"].as_array().unwrap());
    assert_eq!(stored.len() + failed.len(), 81);
    assert!(stored.contains(&"p/zz".into()) && !failed.is_empty(), "{report}");
    assert!(said.contains("t/79: ") && said.contains("out of memory"), "{said}");
    assert_eq!(said.matches("raise the canister's capacity").count(), 1, "{said}");
    let listed: Vec<_> = store.text(&["ls", "-r"]).lines().map(serde_json::Value::from).collect();
    let mut stored = stored.clone();
    stored.sort_by_key(|key| key.to_string());
    assert_eq!(listed, stored);
}

/// If a folder cannot be read completely, nothing is removed.
#[test]
fn unreadable_folder_removes_nothing() {
    let store = Store::new();
    store.file("t/a", b"1");
    store.file("t/locked/b", b"2");
    store.run(&["sync", "t", "p"]);
    fs::set_permissions(store.path("t/locked"), fs::Permissions::from_mode(0o0)).unwrap();
    if fs::read_dir(store.path("t/locked")).is_ok() {
        // Root can read everything; a folder that disappears during the walk cannot be read either.
        return fs::set_permissions(store.path("t/locked"), fs::Permissions::from_mode(0o700)).unwrap();
    }
    let (report, said) = store.fails(&["sync", "--delete", "t", "p"]);
    fs::set_permissions(store.path("t/locked"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!((&report["unchanged"], &report["removed"]), (&1.into(), &serde_json::json!([])));
    assert!(said.contains("t/locked: cannot read") && said.contains("nothing will be removed"), "{said}");
    assert_eq!(store.text(&["ls", "-r"]), "p/a\np/locked/b\n");
}

/// `rm` tries every key, reports the missing ones, and their number.
#[test]
fn rm_continues_after_a_missing_key() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "other"], b"x");
    let said = store.fail(1, &["rm", "nope", "other", "neither"]);
    assert!(
        said.contains("no object under \"nope\"") && said.contains("no object under \"neither\""),
        "{said}"
    );
    assert!(said.contains("removed \"other\"") && said.ends_with("2 keys failed\n"), "{said}");
    assert_eq!(store.text(&["ls", "-r"]), "");
    store.fail(3, &["rm", "nope"]);
    store.fail(3, &["rm", "-r", "nope"]);
}

/// Several files are put in a folder under their names; a missing one does not affect the others.
#[test]
fn several_files_are_put_in_a_folder() {
    let store = Store::new();
    store.file("a.txt", b"a");
    store.file("b.bin", b"b");
    let (report, said) = store.fails(&["put", "a.txt", "nothing", "b.bin", "docs/"]);
    let stored: Vec<_> = report["stored"].as_array().unwrap().iter().map(|view| &view["key"]).collect();
    assert_eq!(stored, ["docs/a.txt", "docs/b.bin"]);
    assert_eq!(report["failed"][0]["item"], "nothing");
    assert!(said.contains("cannot open nothing") && said.contains("1 file failed"), "{said}");
    assert!(store.fail(1, &["put", "a.txt", "b.bin", "docs"]).contains("docs/"));
    // A single file can be put in a folder as well, and an object can be moved to one.
    store.run(&["put", "a.txt", "more/"]);
    store.run(&["mv", "docs/b.bin", "more/"]);
    assert_eq!(store.text(&["ls", "-r"]), "docs/a.txt\nmore/a.txt\nmore/b.bin\n");
    store.fail(1, &["put", "-", "more/"]);
    // Two files of the same name would be one object.
    store.file("c/a.txt", b"other");
    let said = store.fail(1, &["put", "a.txt", "b.bin", "c/a.txt", "more/"]);
    assert!(said.contains("a.txt and c/a.txt would have the same name in the target"), "{said}");
    for args in [&["store:docs/a.txt", "store:more/a.txt", "c"][..], &["a.txt", "c/a.txt", "config"]] {
        fs::create_dir_all(store.path("config")).unwrap();
        assert!(store.fail(1, &[&["cp"], args].concat()).contains("would have the same name"), "{args:?}");
    }
    assert_eq!(fs::read(store.path("c/a.txt")).unwrap(), b"other");
}

/// An entry that is too long is reported with its line, and the other lines are appended.
#[test]
fn a_line_that_is_too_long_is_named() {
    let store = Store::new();
    let mut lines = b"first\n".to_vec();
    lines.extend(vec![b'x'; MAX_PAYLOAD + 1]);
    lines.extend(b"\nlast");
    let output = store.output(&["log", "append", "-"], &lines);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("line 2: an entry has at most 2,031,616 bytes"), "{said}");
    assert!(said.contains("appended 2 entries") && said.contains("1 entry failed"), "{said}");
    assert_eq!(store.text(&["log", "tail"]), "first\nlast\n");
}

/// A folder ends at a slash, a prefix does not; a dry run removes nothing.
#[test]
fn rm_removes_folders_and_prefixes() {
    let store = Store::new();
    for key in ["album", "album/1", "album/b/2", "album2/1", "albums"] {
        store.run_with_input(&["put", "-", key], key.as_bytes());
    }
    let all = store.text(&["ls", "-r"]);
    let dry = |args: &[&str]| store.text(&[&["rm", "--dry-run"], args].concat());
    assert_eq!(dry(&["-r", "album"]), "remove   album\nremove   album/1\nremove   album/b/2\n");
    assert_eq!(dry(&["-r", "album/"]), "remove   album/1\nremove   album/b/2\n");
    assert_eq!(dry(&["--prefix", "album2"]), "remove   album2/1\n");
    assert_eq!(dry(&["albums"]), "remove   albums\n");
    assert_eq!(store.text(&["ls", "-r"]), all);
    store.run(&["rm", "-r", "album"]);
    assert_eq!(store.text(&["ls", "-r"]), "album2/1\nalbums\n");
    store.run(&["rm", "--prefix", "album"]);
    assert_eq!(store.text(&["ls", "-r"]), "");
    for empty in ["", "/"] {
        assert!(store.fail(1, &["rm", "-r", empty]).contains("every object"));
    }
}

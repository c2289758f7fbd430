//! `sync --delete`: what is counted, what a dry run refuses, and what stands in the place of a copy.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, chown, symlink},
        process::CommandExt,
    },
    path::Path,
};

use crate::harness::{Store, output};

/// Runs a sync as a dry run, and then for real: both end with this code, and list the same. Returns the list of the second one, and
/// its messages.
fn both(store: &Store, code: i32, args: &[&str]) -> (String, String) {
    let run = |args: &[&str]| {
        let done = store.output(&[&["sync", "--delete"], args].concat(), b"");
        let (lines, said) =
            (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
        assert_eq!(done.status.code(), Some(code), "{args:?}: {said}");
        (lines, said)
    };
    let dry = run(&[args, &["-n"]].concat()).0;
    let (lines, said) = run(args);
    let done = dry.replace("copy   ", "copied ").replace("fetch  ", "fetched").replace("remove ", "removed");
    assert_eq!(done, lines, "{args:?}: {said}");
    (lines, said)
}

/// Returns the paths of what is in a folder, folders with a slash at their ends, and links as such.
fn paths(folder: &Path) -> Vec<String> {
    let entries =
        walkdir::WalkDir::new(folder).min_depth(1).sort_by_file_name().into_iter().map(Result::unwrap);
    let path = |entry: walkdir::DirEntry| {
        let path = entry.path().strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        if entry.file_type().is_dir() { format!("{path}/") } else { path }
    };
    entries.map(path).collect()
}

/// What the patterns select counts, in a store as in a folder: if it would be removed as a whole, this needs `--force`.
#[test]
fn what_the_patterns_select_is_not_removed_as_a_whole() {
    let store = Store::new();
    store.put_keys(&["p/a.png", "p/b.png", "p/c.txt", "q/a.png", "q/c.txt"]);
    store.run(&["cp", "-r", "store:p", "p"]);
    let pngs = ["sync", "--delete", "-i", "*.png"];
    for (to, shown, noun) in [("store:p", "\"p\"", "objects"), ("./p", "./p", "files")] {
        let said = store.fail(1, &[&pngs[..], &["store:typo", to]].concat());
        let expected =
            format!("all 2 {noun} in {shown} that the patterns select would be removed: none of them is in");
        assert!(said.contains(&expected) && said.contains("--force"), "{said}");
    }
    let said = store.fail(1, &[&pngs[..], &["store:typo", "store:q"]].concat());
    assert!(
        said.contains("the only object in \"q\" that the patterns select would be removed: it is not in"),
        "{said}"
    );
    store.run(&[&pngs[..], &["--force", "store:typo", "store:q"]].concat());
    assert_eq!(store.text(&["ls", "-r"]), "p/a.png\np/b.png\np/c.txt\nq/c.txt\n");
    // What is left out does not count as what would remain, nor as what would be removed.
    store.run(&["sync", "--delete", "-x", "*.txt", "store:typo", "store:q"]);
}

/// A dry run that would need a confirmation lists the removals, and fails as the run would.
#[test]
fn dry_runs_need_force_as_well() {
    let store = Store::new();
    fs::create_dir(store.path("empty")).unwrap();
    store.put_keys(&["p/a", "p/b"]);
    store.run(&["cp", "-r", "store:p", "p"]);
    for (to, lines) in
        [("store:p", "remove   p/a\nremove   p/b\n"), ("./p", "remove   ./p/a\nremove   ./p/b\n")]
    {
        let done = store.output(&["sync", "-n", "--delete", "empty", to], b"");
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!((done.status.code(), String::from_utf8(done.stdout).unwrap().as_str()), (Some(1), lines));
        assert!(
            said.contains("would be removed: none of them is in empty\nhelp: confirm it with --force\n"),
            "{said}"
        );
        let said = store.fail(1, &["sync", "--delete", "empty", to]);
        assert!(said.contains("would be removed: none of them is in empty\n"), "{said}");
        both(&store, 0, &["--force", "empty", to]);
    }
}

/// A file that cannot be removed for lack of permission is reported by a dry run as by the run; the others are removed.
#[test]
fn dry_runs_report_removals_without_permission() {
    const UNPRIVILEGED: u32 = 65_534;
    let here = Store::none();
    for name in ["src/a", "dst/a", "dst/locked/extra", "dst/other"] {
        here.file(name, b"1");
    }
    fs::set_permissions(here.path("dst/locked"), fs::Permissions::from_mode(0o555)).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        let all = walkdir::WalkDir::new(here.folder.path());
        all.into_iter().for_each(|entry| {
            chown(entry.unwrap().path(), Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
        });
    }
    for (dry, removed) in [(&["-n"][..], "remove   ./dst/other\n"), (&[], "removed  ./dst/other\n")] {
        let mut command = here.command(&[&["sync", "--delete", "src", "./dst"], dry].concat());
        if is_root {
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        let done = output(command, b"");
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(
            (done.status.code(), String::from_utf8(done.stdout).unwrap().as_str()),
            (Some(1), removed),
            "{said}"
        );
        assert!(
            said.contains("./dst/locked/extra: cannot remove the file") && said.contains("Permission denied"),
            "{said}"
        );
    }
    fs::set_permissions(here.path("dst/locked"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// A folder in the place of a file is removed before the file is copied, and the reverse; also an empty folder, and a link that leads
/// out of the target or nowhere, but not what it leads to. A second run has nothing to do.
#[test]
fn what_is_in_the_place_of_a_copy_is_removed() {
    let store = Store::new();
    for name in ["src/file", "src/empty", "src/folder/x/1", "src/out/2", "src/nowhere/3", "src/same"] {
        store.file(name, name.as_bytes());
    }
    store.run(&["cp", "-r", "src", "store:src"]);
    for from in ["src", "store:src"] {
        let _ = fs::remove_dir_all(store.path("dst"));
        for name in ["dst/file/a/b", "dst/file/c", "dst/folder", "outside"] {
            store.file(name, b"old");
        }
        store.file("dst/same", b"src/same");
        fs::create_dir_all(store.path("dst/empty/in/it")).unwrap();
        symlink("../outside", store.path("dst/out")).unwrap();
        symlink("gone", store.path("dst/nowhere")).unwrap();
        let (lines, said) = both(&store, 0, &[from, "./dst"]);
        let (copies, removals): (Vec<_>, Vec<_>) =
            lines.lines().partition(|line| !line.starts_with("removed"));
        assert_eq!((copies.len(), removals.len()), (5, 5), "{lines}");
        assert!(said.contains("left 1 unchanged, removed 5, 0 failed"), "{said}");
        let expected = [
            "empty",
            "file",
            "folder/",
            "folder/x/",
            "folder/x/1",
            "nowhere/",
            "nowhere/3",
            "out/",
            "out/2",
            "same",
        ];
        assert_eq!(paths(&store.path("dst")), expected);
        assert_eq!(fs::read(store.path("dst/file")).unwrap(), b"src/file");
        assert_eq!(fs::read(store.path("outside")).unwrap(), b"old");
        assert_eq!(store.text(&["sync", "--delete", from, "./dst"]), "");
    }
    // Without --delete, it stays.
    fs::remove_file(store.path("dst/file")).unwrap();
    store.file("dst/file/a", b"old");
    let said = store.fail(1, &["sync", "src", "./dst"]);
    assert!(said.contains("cannot write ./dst/file: it is a folder"), "{said}");
}

/// A folder is not removed if a part of it is not to be removed: one that the patterns do not select, a store, a pipe; then nothing is
/// removed. The same if another copy has failed.
#[test]
fn a_folder_with_something_to_keep_is_not_removed() {
    let here = Store::none();
    for name in ["src/a", "src/b", "dst/a/x", "dst/a/sub/y.keep", "dst/extra", "dst/b"] {
        here.file(name, name.as_bytes());
    }
    let before = |here: &Store| paths(&here.path("dst"));
    let all = before(&here);
    let (lines, said) = both(&here, 1, &["-x", "*.keep", "src", "./dst"]);
    assert_eq!(lines, "copied   ./dst/b\n");
    assert!(
        said.contains("cannot write ./dst/a: it is a folder, and ./dst/a/sub/y.keep is not removed"),
        "{said}"
    );
    assert!(said.contains("nothing will be removed"), "{said}");
    both(&here, 1, &["-x", "sub/", "src", "./dst"]);
    assert_eq!(before(&here), all);
    // A failure of another copy.
    symlink("gone", here.path("src/dangling")).unwrap();
    let (_, said) = both(&here, 1, &["src", "./dst"]);
    assert!(said.contains("src/a: cannot write ./dst/a: what is in its place was not removed"), "{said}");
    fs::remove_file(here.path("src/dangling")).unwrap();
    assert_eq!(before(&here), all);
    // A store, which no setting names.
    let init = here.bare(&["-q", "--store", "dst/a/st", "init"]).status().unwrap();
    assert!(init.success());
    let (_, said) = both(&here, 1, &["src", "./dst"]);
    assert!(said.contains("it is a folder, and ./dst/a/st is not removed"), "{said}");
    assert!(here.bare(&["--store", "dst/a/st", "check"]).output().unwrap().status.success());
    fs::remove_dir_all(here.path("dst/a/st")).unwrap();
    both(&here, 0, &["src", "./dst"]);
    assert_eq!(before(&here), ["a", "b"]);
}

/// In a target, a dangling link, a link to a file and a name that is not UTF-8 are removed as themselves, if the patterns select them.
#[test]
fn links_and_names_in_a_target_are_removed_as_themselves() {
    let here = Store::none();
    for name in ["src/a", "dst/a", "outside"] {
        here.file(name, b"a");
    }
    let strange = |name: &[u8]| here.path("dst").join(OsStr::from_bytes(name));
    fs::write(strange(b"x\xff"), b"1").unwrap();
    fs::create_dir(strange(b"d\xfe")).unwrap();
    fs::write(strange(b"d\xfe/f"), b"1").unwrap();
    // Similar to the first one.
    here.file("dst/x\u{fffd}", b"1");
    for (to, link) in [("gone", "dangling"), ("loop", "loop"), ("../outside", "out"), ("a", "in")] {
        symlink(to, here.path("dst").join(link)).unwrap();
    }
    both(&here, 0, &["-i", "none", "src", "./dst"]);
    both(&here, 0, &["-x", "*", "src", "./dst"]);
    let (lines, _) = both(&here, 0, &["src", "./dst"]);
    let removed = ["dangling", r"d\xfe/f", "in", "loop", "out", "x\u{fffd}", r"x\xff"];
    let mut expected = removed.map(|name| format!("removed  ./dst/{name}\n"));
    expected.sort();
    assert_eq!(lines, expected.concat());
    assert_eq!(paths(&here.path("dst")), ["a"]);
    assert_eq!(
        (fs::read(here.path("outside")).unwrap(), fs::read(here.path("dst/a")).unwrap()),
        (b"a".into(), b"a".into())
    );
}

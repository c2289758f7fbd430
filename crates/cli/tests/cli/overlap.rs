//! A source and a target that overlap: nothing is copied over what is still to be copied.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink, path::Path};

use crate::{
    harness::{MAX_PAYLOAD, Store, output},
    serve::Served,
};

/// Returns the contents of all objects.
fn objects(store: &Store) -> BTreeMap<String, Vec<u8>> {
    let keys = store.text(&["ls", "-r"]);
    keys.lines().map(|key| (key.to_owned(), store.run(&["get", key]))).collect()
}

/// Returns the files of a folder with their contents. Links are followed.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        match entry.path().is_dir() {
            true => files.extend(
                self::files(&entry.path()).into_iter().map(|(path, file)| (format!("{name}/{path}"), file)),
            ),
            false => drop(files.insert(name, fs::read(entry.path()).unwrap())),
        }
    }
    files
}

/// Runs each command, also as a dry run: it fails with this message, and help that names the pattern.
fn refused(store: &Store, cases: &[(&[&str], &str)]) {
    for (args, expected) in cases {
        for dry in [&["-n"][..], &[]] {
            let said = store.fail(1, &[args, dry].concat());
            assert!(said.contains(expected), "{args:?}: {said}");
            assert!(said.contains("are the same ") || said.contains("with: --exclude "), "{said}");
        }
    }
}

/// A folder is not copied to one that it is in, whatever the sizes of the files and the number of jobs.
#[test]
fn folders_that_overlap_are_refused() {
    let here = Store::none();
    for size in [1, MAX_PAYLOAD + 1] {
        here.file("a/b/f", &vec![b'o'; size]);
        here.file("a/b/b/f", &vec![b'i'; size]);
        symlink("a/b", here.path(&format!("link{size}"))).unwrap();
        let before = files(&here.path("a"));
        let expected = "the source is in the target";
        refused(
            &here,
            &[
                (&["cp", "-j1", "-r", "a/b", "a"], expected),
                (&["cp", "-r", "a/b", "a"], expected),
                (&["sync", "a/b", "./a"], expected),
                (&["sync", &format!("link{size}"), "./a"], expected),
                (&["sync", "--delete", "--force", "a/b/b", "./a"], expected),
                (&["sync", "a", "./a/b"], "into itself"),
                (&["sync", "a/b", "./a/b"], "are the same folder"),
            ],
        );
        assert!(files(&here.path("a")) == before);
    }
}

/// As above within a store, also if it is named in two ways; by names and not by characters.
#[test]
fn prefixes_of_a_store_that_overlap_are_refused() {
    let store = Store::new();
    store.file("storage.toml", b"[stores.again]\nstore = './store/../store'\n");
    for (key, value) in [("x/f", "outer"), ("x/x/f", "inner"), ("f", "f"), ("a", "a")] {
        store.run_with_input(&["put", "-", key], value.as_bytes());
    }
    let before = objects(&store);
    refused(
        &store,
        &[
            (
                &["cp", "-r", "store:x", "store:"],
                "cannot copy \"x\" to the store: the source is in the target",
            ),
            (&["sync", "store:x", "again:"], "the source is in the target"),
            (&["sync", "store:", "store:bak"], "cannot copy the store into itself"),
            (&["sync", "--delete", "store:x", "store:"], "the source is in the target"),
            (&["sync", "again:x", "store:x/y/z"], "into itself"),
            (&["cp", "-r", "store:x", "again:x/"], "\"x\" and \"again:x\" are the same folder"),
            (&["cp", "store:a", "store:a"], "store:a and store:a are the same object"),
            (&["cp", "store:x/f", "again:x/"], "store:x/f and again:x/f are the same object"),
        ],
    );
    assert!(store.fail(1, &["sync", "store:", "store:b[k"]).contains("--exclude '/b[[]k/'"));
    assert_eq!(objects(&store), before);
    store.run(&["cp", "-r", "store:x", "store:xy"]);
    store.run(&["sync", "--delete", "--force", "-x", "/bak/", "store:", "store:bak"]);
    store.run(&["sync", "--delete", "--force", "-x", "/bak/", "store:", "store:bak"]);
    let copied = objects(&store);
    assert_eq!(copied.len(), 2 * (before.len() + 2));
    assert!(
        copied
            .iter()
            .all(|(key, value)| copied[&format!("bak/{}", key.trim_start_matches("bak/"))] == *value)
    );
}

/// As above for a canister that is called as two callers, by two names of its network.
#[test]
fn a_canister_with_two_names_is_one_store() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "x/f"], b"f");
    let served = Served::to_controller(&store);
    let url = served.url.replace("127.0.0.1", "localhost");
    let settings = format!(
        "[stores.again]\nnetwork = '{url}'\ncanister = '{}'\nidentity = 'anonymous'\n",
        served.canister
    );
    store.file("storage.toml", settings.as_bytes());
    for (from, to) in [("store:x", "again:"), ("again:", "store:x"), ("again:x", "store:x")] {
        let said = output(served.command(&["sync", from, to]), b"");
        let said = String::from_utf8(said.stderr).unwrap();
        assert!(
            said.contains("in the target") || said.contains("itself") || said.contains("the same"),
            "{said}"
        );
    }
}

/// A copy does not replace the source of another copy, to which a link in the source leads. The rest is copied. Nor is it
/// removed.
#[test]
fn sources_that_a_link_leads_to_are_kept() {
    for size in [1, MAX_PAYLOAD + 1] {
        let here = Store::none();
        here.file("dst/b", &vec![b'o'; size]);
        here.file("src/b", &vec![b'n'; size]);
        here.file("src/c", b"c");
        symlink("../dst/b", here.path("src/z")).unwrap();
        for (dry, copies) in [(&["-n"][..], "copy   "), (&[], "copied ")] {
            let done = here.output(&[&["sync", "-j1", "src", "./dst"], dry].concat(), b"");
            let (lines, said) =
                (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
            assert_eq!(
                (done.status.code(), lines),
                (Some(1), format!("{copies}  ./dst/c\n{copies}  ./dst/z\n"))
            );
            assert!(said.contains("src/b: cannot write ./dst/b: src/z leads to it\n"), "{said}");
        }
        assert!(fs::read(here.path("dst/z")).unwrap() == vec![b'o'; size]);
        here.run(&["sync", "src", "./dst"]);
        assert!(fs::read(here.path("dst/b")).unwrap() == vec![b'n'; size]);
        // The same for files that are named one by one.
        here.file("src/y/b", &vec![b'p'; size]);
        let said = output(here.command(&["cp", "-q", "src/z", "src/y/b", "dst"]), b"");
        let said = String::from_utf8(said.stderr).unwrap();
        assert!(said.contains("src/y/b: cannot write dst/b: src/z leads to it\n"), "{said}");
        fs::remove_file(here.path("src/b")).unwrap();
        here.run(&["sync", "-x", "y", "--delete", "src", "./dst"]);
        assert_eq!(fs::read(here.path("src/z")).unwrap(), vec![b'n'; size]);
    }
}

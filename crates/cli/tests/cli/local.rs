//! Copies on this machine, which need no store.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use serde_json::json;

use crate::harness::{MAX_PAYLOAD, Store, numbers};

/// Files are copied to a file, to a folder under their names, and several to a folder; a missing one is reported.
#[test]
fn files_are_copied_to_files_and_folders() {
    let here = Store::none();
    let large = numbers(2 * MAX_PAYLOAD + 5);
    here.file("a", b"a");
    here.file("large", &large);
    here.file("dir/a", b"old");
    here.run(&["cp", "a", "copy"]);
    here.run(&["cp", "large", "dir"]);
    here.run(&["cp", "a", "large", "dir/"]);
    assert_eq!(
        (fs::read(here.path("copy")).unwrap(), fs::read(here.path("dir/a")).unwrap()),
        (b"a".into(), b"a".into())
    );
    assert!(fs::read(here.path("dir/large")).unwrap() == large);
    assert_eq!(here.names(), ["a", "copy", "dir", "large"]);

    let output = here.output(&["--json", "cp", "a", "nothing", "large", "dir"], b"");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["copied"]), (Some(1), &json!(["dir/a", "dir/large"])));
    assert_eq!(
        (&report["copied_bytes"], &report["failed"][0]["item"]),
        (&(large.len() + 1).into(), &"nothing".into())
    );
    let said = String::from_utf8(here.output(&["cp", "a", "copy"], b"").stderr).unwrap();
    assert!(said.starts_with("copied 1 file (1 B) at ") && said.ends_with("0 failed\n"), "{said}");
}

/// A folder is copied as to a store: what is equal is skipped, by size and SHA-256; filters select; nothing is removed; what
/// cannot be read is reported, and the rest is copied.
#[test]
fn folder_is_copied_to_a_folder() {
    let here = Store::none();
    for (name, content) in [("a.txt", "1"), ("b/c.txt", "2"), ("b/d.png", "3"), ("e", "4")] {
        here.file(&format!("from/{name}"), content.as_bytes());
    }
    here.file("to/kept", b"kept");
    here.file("to/e", b"5");
    let dry = here.text(&["cp", "-r", "-n", "-x", "*.png", "from", "to"]);
    assert_eq!(dry, "copy     to/a.txt\ncopy     to/b/c.txt\ncopy     to/e\n");
    assert_eq!(here.text(&["cp", "-r", "--size-only", "-i", "e", "from", "to"]), "");
    assert_eq!(
        here.text(&["cp", "-r", "--if-absent", "-i", "*.txt", "-i", "e", "from", "to"]).lines().count(),
        2
    );
    assert_eq!(fs::read(here.path("to/e")).unwrap(), b"5");
    assert_eq!(
        here.text(&["cp", "-r", "--checksum", "from/", "to/"]),
        "copied   to/b/d.png\ncopied   to/e\n"
    );
    assert_eq!(fs::read(here.path("to/e")).unwrap(), b"4");
    assert_eq!(here.json(&["cp", "-r", "-j", "1", "from", "to"])["unchanged"], 4);
    assert_eq!(fs::read(here.path("to/kept")).unwrap(), b"kept");

    symlink("nowhere", here.path("from/link")).unwrap();
    here.file("from/f", b"6");
    let output = here.output(&["cp", "-r", "from", "new/to"], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), fs::read(here.path("new/to/f")).unwrap()), (Some(1), b"6".into()));
    assert!(said.contains("from/link: cannot follow the link") && said.contains("1 file failed"), "{said}");
    assert!(here.fail(1, &["cp", "-r", "from", "to/e"]).contains("cannot write to to/e: it is not a folder"));
}

/// A copy is a new file, or replaces a file in one step and keeps its permissions, as a download does.
#[test]
fn copies_are_written_as_downloads_are() {
    let here = Store::none();
    let secret = here.file("secret", b"new");
    let old = here.file("old", b"old");
    for (file, mode) in [(&secret, 0o600), (&old, 0o640)] {
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink("old", here.path("link")).unwrap();
    here.run(&["cp", "secret", "link"]);
    assert_eq!(fs::read(&old).unwrap(), b"new");
    assert_eq!(fs::metadata(&old).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(here.path("link")).unwrap().is_symlink());
    assert_eq!(here.names(), ["link", "old", "secret"]);
}

/// A new copy has the permissions of its source, as far as the umask allows; an existing file keeps its own.
#[test]
fn copies_keep_the_permissions_of_their_sources() {
    let here = Store::none();
    let mode = |name: &str| fs::metadata(here.path(name)).unwrap().permissions().mode() & 0o7777;
    fs::create_dir(here.path("folder")).unwrap();
    let mask = 0o777 & !mode("folder");
    let modes = [("run", 0o755), ("all", 0o777), ("secret", 0o600), ("fixed", 0o444), ("set", 0o4755)];
    for (name, mode) in modes {
        let file = here.file(&format!("from/{name}"), name.as_bytes());
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }
    here.file("from/large", &numbers(MAX_PAYLOAD + 1));
    fs::set_permissions(here.path("from/large"), fs::Permissions::from_mode(0o700)).unwrap();
    here.run(&["cp", "-r", "from", "copied"]);
    here.run(&["sync", "from", "./synced"]);
    here.run(&["cp", "from/run", "single"]);
    for folder in ["copied", "synced"] {
        for (name, source) in modes {
            assert_eq!(mode(&format!("{folder}/{name}")), source & 0o777 & !mask, "{folder}/{name}");
        }
        assert_eq!(mode(&format!("{folder}/large")), 0o700);
    }
    assert_eq!(mode("single"), 0o755 & !mask);
    here.file("from/secret", b"other");
    fs::set_permissions(here.path("from/secret"), fs::Permissions::from_mode(0o755)).unwrap();
    here.run(&["sync", "from", "./synced"]);
    assert_eq!(
        (fs::read(here.path("synced/secret")).unwrap(), mode("synced/secret")),
        (b"other".into(), 0o600)
    );
}

/// Two files that a link in the target makes one are not copied over each other, also by later runs and from a store.
#[test]
fn links_in_the_target_do_not_merge_files() {
    let store = Store::new();
    for (name, content) in [("from/a", "1"), ("from/b", "2"), ("from/d/x", "3"), ("from/e/x", "4")] {
        store.file(name, content.as_bytes());
    }
    store.run(&["put", "-r", "from", "k"]);
    for args in [
        &["cp", "-r", "from", "to"][..],
        &["sync", "from", "./to"],
        &["get", "-r", "k", "to"],
        &["sync", "--down", "k", "to"],
    ] {
        fs::create_dir_all(store.path("to/d")).unwrap();
        symlink("a", store.path("to/b")).unwrap();
        symlink("d", store.path("to/e")).unwrap();
        for _ in 0..2 {
            let said = store.fail_in_part(args).1;
            assert!(
                said.contains("leads to the same file as \"a\"") && said.contains("2 "),
                "{args:?}: {said}"
            );
            assert_eq!(
                (fs::read(store.path("to/a")).unwrap(), fs::read(store.path("to/d/x")).unwrap()),
                (b"1".into(), b"3".into())
            );
        }
        fs::remove_dir_all(store.path("to")).unwrap();
    }
}

/// `sync --delete` keeps a file that a link in the target leads to: it is the copy.
#[test]
fn what_a_link_in_the_target_leads_to_is_not_removed() {
    let store = Store::new();
    for content in ["new", "other"] {
        store.file("from/b", content.as_bytes());
        store.file("to/a", b"other");
        store.file("to/c", b"not in the source");
        if !store.path("to/b").is_symlink() {
            symlink("a", store.path("to/b")).unwrap();
        }
        let said = store.text(&["sync", "--delete", "./from", "./to"]);
        assert!(said.contains("removed  ./to/c\n") && !said.contains("to/a"), "{said}");
        assert_eq!(fs::read_to_string(store.path("to/b")).unwrap(), content);
    }
}

/// Several files, or objects, are copied into a folder through no link, and one file through none that leads elsewhere.
#[test]
fn copies_into_a_folder_do_not_write_elsewhere() {
    let store = Store::new();
    for (file, content) in [("from/a", "1"), ("from/b", "2"), ("to/x", "old"), ("elsewhere", "old")] {
        store.file(file, content.as_bytes());
    }
    store.run(&["put", "-r", "from", "k"]);
    symlink("b", store.path("to/a")).unwrap();
    for args in [&["cp", "from/a", "from/b", "to"][..], &["cp", "store:k/a", "store:k/b", "to/"]] {
        let said = store.fail_in_part(args).1;
        assert!(said.contains("cannot write through the link to/a"), "{args:?}: {said}");
        assert_eq!(fs::read_to_string(store.path("to/b")).unwrap(), "2");
    }
    fs::remove_file(store.path("to/a")).unwrap();
    symlink("../elsewhere", store.path("to/a")).unwrap();
    for args in [&["cp", "from/a", "to"][..], &["cp", "store:k/a", "to/"]] {
        let said = store.fail(1, args);
        assert!(said.contains("cannot write through the link to/a: it leads out of to"), "{args:?}: {said}");
    }
    assert_eq!(fs::read_to_string(store.path("elsewhere")).unwrap(), "old");
    fs::remove_file(store.path("to/a")).unwrap();
    symlink("x", store.path("to/a")).unwrap();
    store.run(&["cp", "from/a", "to"]);
    assert_eq!(fs::read_to_string(store.path("to/x")).unwrap(), "1");
}

/// No command writes any file into the folder of a store: an image, manual pages, another store.
#[test]
fn commands_write_nothing_into_the_folder_of_a_store() {
    let store = Store::new();
    let init = store.bare(&["-q", "--store", "b/st", "init"]).status().unwrap();
    assert!(init.success());
    let names = |folder: &str| {
        let mut names: Vec<_> =
            fs::read_dir(store.path(folder)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = (names("store"), names("b/st"), fs::read(store.path("b/st/state.bin")).unwrap());
    symlink("b/st", store.path("link")).unwrap();
    fs::create_dir(store.path("man")).unwrap();
    symlink("../b/st/state.bin", store.path("man/storage-put.1")).unwrap();
    for args in [
        &["snapshot", "export", "store/image"][..],
        &["snapshot", "export", "b/st/image"],
        &["snapshot", "export", "link/image"],
        &["man", "b/st"],
        &["man", "b/st/man"],
        &["man", "link/man"],
        &["man", "man"],
    ] {
        let said = store.fail(1, args);
        assert!(said.contains("it is in the folder of the store"), "{args:?}: {said}");
    }
    for folder in ["b/st/inner", "link/inner", "b/st/new/inner"] {
        let output = store.bare(&["--store", folder, "init"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains("it is in the folder of the store"), "{said}");
    }
    assert_eq!(fs::read_dir(store.path("man")).unwrap().count(), 1);
    assert!((names("store"), names("b/st"), fs::read(store.path("b/st/state.bin")).unwrap()) == before);
    let mut cached = store.bare(&["--store", "b/st", "ls"]);
    let output = cached.env("STORAGE_CACHE_DIR", store.path("b/st/cache")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("nothing is cached"), "{said}");
    assert!(!store.path("b/st/cache").exists());
    store.run(&["snapshot", "export", "b/image"]);
    store.run(&["man", "new/man"]);
    assert!(store.path("new/man/storage-put.1").exists());
}

/// A file is not copied onto itself, nor a folder into itself; the error has both names, and nothing has changed.
#[test]
fn nothing_is_copied_onto_itself() {
    let here = Store::none();
    here.file("dir/a", b"a");
    symlink("dir", here.path("link")).unwrap();
    for (args, expected) in [
        (&["dir/a", "dir/a"][..], "dir/a and dir/a are the same file"),
        (&["dir/a", "link"], "dir/a and link/a are the same file"),
        (&["dir/a", "dir/a", "dir"], "dir/a and dir/a are the same file"),
        (&["-r", "dir", "link"], "dir and link are the same folder"),
        (&["-r", "dir", "dir/sub/folder"], "cannot copy the folder dir into itself: dir/sub/folder is in it"),
        (&["-r", "-n", "dir", "link/sub"], "cannot copy the folder dir into itself: link/sub is in it"),
        (&["dir", "copy"], "error: dir is a folder\nhelp: copy a folder with -r"),
        (&["dir/a", "gone/copy"], "cannot write to gone: it is not a folder"),
        (&["dir/a", "dir/a", "copy"], "must be an existing folder: copy"),
        (&["nothing", "copy"], "cannot read nothing"),
        (&["--if-absent", "dir/a", "link/a"], "the same file"),
    ] {
        let said = here.fail(1, &[&["cp", "-q"], args].concat());
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    assert_eq!(
        (here.names(), fs::read_dir(here.path("dir")).unwrap().count()),
        (vec!["dir".into(), "link".into()], 1)
    );
    // The other way round is possible if no copy can replace what is still to be copied.
    here.file("dir/sub/b", b"b");
    here.run(&["cp", "-r", "-x", "/sub/", "dir/sub", "dir"]);
    assert_eq!(fs::read(here.path("dir/b")).unwrap(), b"b");
}

/// A sync to a path is one on this machine, with the removals that were asked for; the source itself is not removed.
#[test]
fn folder_is_synchronized_with_a_folder() {
    let here = Store::none();
    for name in ["from/a", "from/b/c", "to/old", "to/d/old", "to/kept.txt"] {
        here.file(name, name.as_bytes());
    }
    let absolute = here.path("to").to_str().unwrap().to_owned();
    let dry = here.text(&["sync", "-n", "--delete", "--force", "-x", "*.txt", "from", "./to"]);
    assert_eq!(dry, "copy     ./to/a\ncopy     ./to/b/c\nremove   ./to/d/old\nremove   ./to/old\n");
    let said = here.fail(1, &["sync", "--delete", "from", "./to"]);
    assert!(said.contains("all 3 files in ./to would be removed: none of them is in from"), "{said}");
    let lines = here.text(&["sync", "--delete", "--force", "-x", "*.txt", "from", &absolute]);
    assert_eq!(lines.lines().count(), 4);
    assert!(!here.path("to/d").exists() && here.path("to/kept.txt").exists());
    assert_eq!(fs::read(here.path("to/b/c")).unwrap(), b"from/b/c");
    assert_eq!(here.text(&["sync", "from", "./to/../to"]), "");
    let said = here.fail(1, &["sync", "--delete", "--force", "from/b", "./from"]);
    assert!(said.contains("cannot copy from/b to ./from: the source is in the target"), "{said}");
    assert!(here.fail(1, &["sync", "from", "./from/x"]).contains("cannot copy the folder from into itself"));
    assert!(here.fail(1, &["sync", "--type", "x/y", "from", "./to"]).contains("files have no content type"));
    assert_eq!(fs::read(here.path("from/b/c")).unwrap(), b"from/b/c");
}

/// Nothing is written into the folder of a store that no setting names, and nothing is removed from it. Everything else is
/// copied or removed. A file with the name of a state makes no store.
#[test]
fn stores_that_no_setting_names_are_left_alone() {
    let here = Store::none();
    let init = here.bare(&["-q", "--store", "b/st", "init"]).status().unwrap();
    assert!(init.success());
    let content = || {
        let files = fs::read_dir(here.path("b/st")).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.map(|file| (file.clone(), fs::read(file).unwrap())).collect();
        files.sort();
        files
    };
    let before = content();
    for name in ["a/new", "a/st/state.bin", "a/st/sub/file", "b/old", "b/d/old", "state.bin"] {
        here.file(name, name.as_bytes());
    }
    symlink("b/st", here.path("link")).unwrap();
    for (from, to) in
        [("state.bin", "b/st/"), ("state.bin", "b/st/state.bin"), ("a/new", "b/st/new"), ("a/new", "link")]
    {
        let said = here.fail_in_part(&["cp", from, to]).1;
        assert!(
            said.contains("it is in the folder of the store") && said.contains("1 file failed"),
            "{said}"
        );
    }
    for (args, expected) in [
        (&["cp", "-r", "a", "b"][..], "copied   b/new\n"),
        (&["sync", "a", "./b"], ""),
        (&["sync", "--delete", "--force", "a", "./b"], ""),
        (&["cp", "-r", "--checksum", "a/st", "b/st/sub"], ""),
    ] {
        let (lines, said) = here.fail_in_part(args);
        assert_eq!(lines, expected, "{args:?}: {said}");
        assert!(
            said.contains("it is in the folder of the store") && said.contains("2 files failed"),
            "{said}"
        );
    }
    fs::remove_dir_all(here.path("a/st")).unwrap();
    let done = here.output(&["sync", "--delete", "--force", "a", "./b"], b"");
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "removed  ./b/d/old\nremoved  ./b/old\n");
    assert!(done.status.success() && said.contains("skipped ./b/st: the folder of a store"), "{said}");
    for to in ["./b/st", "./link"] {
        let said = here.fail(1, &["sync", "--delete", "--force", "a", to]);
        assert!(said.contains("is in the folder of the store"), "{said}");
    }
    assert!(content() == before);
    let check = here.bare(&["--store", "b/st", "check"]).output().unwrap();
    assert!(check.status.success());
    here.run(&["cp", "a/new", "copy"]);
}

/// As above, for what comes from a store.
#[test]
fn objects_are_not_written_into_stores_that_no_setting_names() {
    let store = Store::new();
    let init = store.bare(&["-q", "--store", "b/st", "init"]).status().unwrap();
    assert!(init.success());
    let before = fs::read(store.path("b/st/state.bin")).unwrap();
    store.run_with_input(&["put", "-", "k/st/state.bin"], b"state");
    for args in [
        &["get", "-r", "k", "b"][..],
        &["cp", "-r", "store:k", "b"],
        &["sync", "--down", "k", "b"],
        &["sync", "--down", "--delete", "--force", "k", "b"],
        &["get", "k/st/state.bin", "b/st/state.bin"],
        &["cp", "store:k/st/state.bin", "b/st/"],
    ] {
        store.run_with_input(&["put", "-", "k/new"], args.concat().as_bytes());
        let (_, said) = store.fail_in_part(args);
        assert!(said.contains("it is in the folder of the store"), "{args:?}: {said}");
        if args.contains(&"b") {
            assert!(said.contains("1 object failed"), "{args:?}: {said}");
            assert_eq!(fs::read(store.path("b/new")).unwrap(), args.concat().as_bytes());
        }
    }
    assert!(fs::read(store.path("b/st/state.bin")).unwrap() == before);
}

/// Temporary files are neither copied nor compared, and a command removes those of killed ones from each folder of its
/// target that it visits. A user's file with a similar name is an ordinary file.
#[test]
fn temporary_files_are_left_out_and_removed() {
    let store = Store::new();
    for file in ["from/a", "from/sub/b", "from/.storage-abcdef.part", "from/.storage-notes.part"] {
        store.file(file, b"content");
    }
    store.run(&["sync", "from", "p"]);
    assert_eq!(store.text(&["ls", "-r"]), "p/.storage-notes.part\np/a\np/sub/b\n");
    store.run(&["diff", "from", "store:p"]);
    store.run(&["cp", "-r", "store:p", "to"]);
    let abandoned = ["to/.storage-AAAAAA.part", "to/sub/.storage-000000.part"];
    abandoned.iter().for_each(|file| drop(store.file(file, b"partial")));
    // Everything is there already.
    store.run(&["diff", "store:p", "to"]);
    store.run(&["sync", "--down", "-n", "p", "to"]);
    assert!(abandoned.iter().all(|file| store.path(file).exists()));
    store.run(&["sync", "--down", "p", "to"]);
    assert!(!abandoned.iter().any(|file| store.path(file).exists()));
    // A folder that only the target has is visited to remove what is in it.
    store.file("to/old/c", b"content");
    store.file("to/old/.storage-AAAAAA.part", b"partial");
    assert_eq!(store.text(&["sync", "--down", "--delete", "p", "to"]), "removed  to/old/c\n");
    assert!(!store.path("to/old").exists());
    assert_eq!(fs::read(store.path("to/.storage-notes.part")).unwrap(), b"content");
    // What could be removed as abandoned is not written.
    store.run_with_input(&["put", "-", "q/.storage-abcdef.part"], b"object");
    let (_, said) = store.fail_in_part(&["cp", "-r", "store:q", "to"]);
    assert!(said.contains("temporary files of this command have such names"), "{said}");
}

/// A copy that cannot be written fails for the same reason in a dry run and in a run.
#[test]
fn a_dry_run_names_the_cause_of_the_run() {
    let here = Store::none();
    here.file("from/g/a", b"a");
    here.file("from/h/i/b", b"b");
    here.file("to/g", b"file");
    here.file("to/h", b"file");
    let causes = |args: &[&str]| {
        let said = here.fail_in_part(args).1;
        let causes = said.lines().filter(|line| line.contains("cannot "));
        // The copies are made concurrently.
        causes.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let dry = causes(&["cp", "-r", "-n", "from", "to"]);
    assert_eq!(dry, causes(&["cp", "-r", "from", "to"]));
    assert!(dry.iter().any(|cause| cause.contains("cannot write to to/g: it is not a folder")), "{dry:?}");
    assert_eq!(dry.len(), 2, "{dry:?}");
}

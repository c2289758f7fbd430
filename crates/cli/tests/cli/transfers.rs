//! Objects that need several calls, and files of interrupted downloads.

use std::fs;

use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};

use crate::harness::{MAX_PAYLOAD, Store, numbers, output, without_rates};

/// A large file is uploaded, from a file and from a pipe, and read back; no upload stays open.
#[test]
fn a_file_of_any_size_is_put_and_got() {
    let store = Store::new();
    let content = numbers(3 * MAX_PAYLOAD);
    for length in [MAX_PAYLOAD, MAX_PAYLOAD + 1, content.len()] {
        let content = &content[..length];
        store.run(&["put", &store.file("file", content)]);
        store.run_with_input(&["put", "-", "pipe"], content);
        for key in ["file", "pipe"] {
            assert!(store.run(&["get", key]) == content);
            store.run(&["get", key, "back"]);
            assert!(fs::read(store.path("back")).unwrap() == content);
        }
    }
    assert_eq!(store.text(&["ls"]), "file\npipe\n");
    assert_eq!(store.text(&["uploads", "ls"]), "");
    assert!(store.text(&["status"]).contains("  reserved     0 bytes"));
    assert!(store.text(&["check"]).contains("sound        yes"));
}

/// A pipe is streamed without a temporary file; its bytes are read back, and their SHA-256 is stored.
#[test]
fn a_pipe_is_streamed() {
    let store = Store::new();
    let content = numbers(5_000_000);
    for content in [&content[..], b"", b"small"] {
        let mut put = store.command(&["put", "-", "key"]);
        put.env("TMPDIR", store.path("no-such-folder"));
        let put = output(put, content);
        assert!(put.status.success(), "{}", String::from_utf8_lossy(&put.stderr));
        assert!(store.run(&["get", "key"]) == content);
        let digest = hex::encode(Sha256::digest(content));
        assert!(store.text(&["stat", "key"]).contains(&format!("sha256        {digest} (declared)")));
    }
    assert_eq!(store.text(&["uploads", "ls"]), "");
    assert!(store.text(&["check"]).contains("sound        yes"));
}

/// Type, encoding and user metadata are stored and shown, for small and large objects.
#[test]
fn metadata_is_stored_and_shown() {
    let store = Store::new();
    let large = store.file("large", &numbers(MAX_PAYLOAD + 1));
    let small = store.file("small", b"value");
    let said = ["--content-encoding", "gzip", "--meta", "author=Ada", "--meta", "empty=", "--meta", "a=b=c"];
    for file in [&large, &small, "-"] {
        store.run(&[&["put", file, "key"][..], &said].concat());
        let shown = store.text(&["stat", "key"]);
        let lines =
            ["encoding      gzip", "owner         -", "metadata      author=Ada", "metadata      a=b=c"];
        assert!(lines.iter().all(|line| shown.contains(line)), "{shown}");
        let json = store.json(&["stat", "key"]);
        assert_eq!(json["content_encoding"], "gzip");
        assert_eq!(json["metadata"], serde_json::json!({ "author": "Ada", "empty": "", "a": "b=c" }));
        assert!(json["owner"].is_null());
    }
    for pair in ["author", "=Ada"] {
        let refused = store.fail(2, &["put", &small, "other", "--meta", pair]);
        assert!(refused.contains(&format!("'{pair}'")) && refused.contains("author=Ada"), "{refused}");
    }
    let long = format!("name={}", "v".repeat(2_045));
    for (args, found, limit) in [
        (["--content-encoding", &"e".repeat(65)], "65 bytes", "at most 64"),
        (["--meta", &long], "2049 bytes", "at most 2048"),
    ] {
        for file in [&large, &small, "-"] {
            let refused = store.fail(1, &[&["put", file, "other"][..], &args].concat());
            assert!(refused.contains(found) && refused.contains(limit), "{refused}");
        }
    }
    assert_eq!(store.text(&["ls"]), "key\n");
}

/// A large file is stored with its SHA-256, and `verify` computes it.
#[test]
fn a_large_file_is_verified() {
    let store = Store::new();
    let content = vec![3; MAX_PAYLOAD + 7];
    let digest = hex::encode(Sha256::digest(&content));
    store.run(&["put", &store.file("file", &content)]);
    assert!(store.text(&["stat", "file"]).contains(&format!("sha256        {digest} (declared)")));
    assert_eq!(store.text(&["verify", "file"]), format!("{digest}\n"));
    assert!(store.text(&["stat", "file"]).contains(&format!("sha256        {digest} (verified)")));
    let json: serde_json::Value = serde_json::from_slice(&store.run(&["--json", "verify", "file"])).unwrap();
    assert_eq!((&json["state"], &json["sha256"]), (&"verified".into(), &digest.as_str().into()));
    assert!(store.fail(3, &["verify", "nothing"]).contains("no object under \"nothing\""));
}

/// Content without the declared SHA-256 is not written to a file, and `verify` reports it.
#[test]
fn corrupt_content_is_detected() {
    let store = Store::new();
    let id = store.begin_upload("key", 3, [0xab; 32]);
    store.with_host(|host, owner| {
        let chunk = candid::encode_args((id, 0_u64, ByteBuf::from(*b"abc"))).unwrap();
        host.update(owner, "write_chunk", &chunk).unwrap();
        host.update(owner, "commit_upload", candid::encode_one(id).unwrap()).unwrap();
    });
    let file = store.file("back", b"as it was");
    for said in [store.fail(1, &["get", "key", &file]), store.fail(1, &["verify", "key"])] {
        assert!(said.contains("store it again"), "{said}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"as it was");
    // No temporary file is left.
    assert_eq!(fs::read_dir(store.folder.path()).unwrap().count(), 2);
    assert!(store.text(&["stat", "key"]).contains("(declared; the computed one differs)"));
}

/// A download keeps the permissions of the file it replaces, follows a link, and does not replace a device.
#[cfg(unix)]
#[test]
fn a_download_replaces_files_only() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    let store = Store::new();
    store.run_with_input(&["put", "-", "key"], b"value");
    let file = store.file("file", b"as it was");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("file", store.path("link")).unwrap();
    store.run(&["get", "key", "link"]);
    assert_eq!(fs::read(&file).unwrap(), b"value");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(store.path("link")).unwrap().is_symlink());
    store.run(&["get", "key", "/dev/null"]);
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    assert!(store.fail(1, &["get", "key", "store"]).contains("is a folder"));
    assert!(store.fail(1, &["get", "key", "no/such/folder"]).contains("cannot write to no/such"));
}

/// A download to a dangling link creates the file that it points to.
#[cfg(unix)]
#[test]
fn a_download_follows_a_dangling_link() {
    use std::os::unix::fs::symlink;

    let store = Store::new();
    store.run_with_input(&["put", "-", "key"], b"value");
    fs::create_dir(store.path("folder")).unwrap();
    symlink("folder/second", store.path("first")).unwrap();
    symlink("third", store.path("folder/second")).unwrap();
    store.run(&["get", "key", "first"]);
    assert_eq!(fs::read(store.path("folder/third")).unwrap(), b"value");
    for link in ["first", "folder/second"] {
        assert!(fs::symlink_metadata(store.path(link)).unwrap().is_symlink(), "{link}");
    }
    symlink("round", store.path("round")).unwrap();
    assert!(store.fail(1, &["get", "key", "round"]).contains("cannot write round"));
}

/// With `--quiet`, only data and errors are printed; without a terminal, there is no bar.
#[test]
fn quiet_is_quiet() {
    let store = Store::new();
    let large = store.file("large", &vec![1; MAX_PAYLOAD + 1]);
    let output = store.output(&["put", &large], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        without_rates(&said),
        "stored 1.9 MiB (2,031,617 bytes) under \"large\" at RATE/s, revision 1\n"
    );
    assert!(store.output(&["-q", "put", &large], b"").stderr.is_empty());
    assert!(store.output(&["--quiet", "rm", "large"], b"").stderr.is_empty());
}

/// A transfer to standard output or to a device has its summary on standard error; with -q it has none.
#[test]
fn a_transfer_to_standard_output_is_summed_up() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "key"], b"value");
    for (args, target) in [
        (&["get", "key"][..], "standard output"),
        (&["get", "key", "-"], "standard output"),
        (&["cp", "store:key", "-"], "standard output"),
        (&["--json", "get", "key"], "standard output"),
        (&["get", "key", "/dev/null"], "/dev/null"),
    ] {
        let output = store.output(args, b"");
        let said = without_rates(&String::from_utf8(output.stderr).unwrap());
        assert_eq!(said, format!("fetched 5 bytes to {target} at RATE/s\n"), "{args:?}");
        assert_eq!(output.stdout, if target.starts_with('/') { b"".to_vec() } else { b"value".to_vec() });
        assert!(store.output(&[&["-q"], args].concat(), b"").stderr.is_empty(), "{args:?}");
    }
}

//! The command as a person uses it: a real store in a folder, a process for each command.

#![expect(clippy::unwrap_used, reason = "a helper of tests may fail the test")]

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use candid::Principal;
use embedded_ic::{Config, EmbeddedIc};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use storage_api::{Upload, UploadArgs};
use tempfile::TempDir;

const MAX_PAYLOAD: usize = 2_031_616;

/// A folder with a store in it.
struct Store {
    folder: TempDir,
}

impl Store {
    /// A store that was just made.
    fn new() -> Self {
        let store = Self { folder: TempDir::new().unwrap() };
        store.run(&["init"]);
        store
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        fs::write(self.path(name), content).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_storage"));
        command.arg("--store").arg(self.path("store")).args(args).current_dir(self.folder.path());
        command
    }

    fn output(&self, args: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that does not read its input closes it, which is no matter for the test.
        let _ = stdin.write_all(input);
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    /// Runs a command that must succeed, and gives what it printed.
    fn run(&self, args: &[&str]) -> Vec<u8> {
        self.run_with_input(args, b"")
    }

    fn run_with_input(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.output(args, input);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Runs a command that must print a text.
    fn text(&self, args: &[&str]) -> String {
        String::from_utf8(self.run(args)).unwrap()
    }

    /// Runs a command that must fail with this exit code, print no data, and gives what it said.
    fn fail(&self, code: i32, args: &[&str]) -> String {
        let output = self.output(args, b"");
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?} printed data");
        String::from_utf8(output.stderr).unwrap()
    }
}

/// A file that is put comes back byte for byte, from standard output and as a file.
#[test]
fn a_file_is_put_and_got() {
    let store = Store::new();
    let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let file = store.file("numbers.bin", &content);
    store.run(&["put", &file]);
    store.run(&["put", &file, "copy"]);
    assert_eq!(store.text(&["ls"]), "copy\nnumbers.bin\n");
    assert!(store.run(&["get", "numbers.bin"]) == content);
    assert!(store.run(&["get", "copy", "-"]) == content);
    assert!(store.run(&["get", "copy", "back.bin"]).is_empty());
    assert!(fs::read(store.path("back.bin")).unwrap() == content);
}

/// Standard input is stored under the key that is given, and without one it is refused.
#[test]
fn standard_input_needs_a_key() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "stdin"], b"from a pipe\0");
    assert_eq!(store.run(&["get", "stdin"]), b"from a pipe\0");
    assert!(store.fail(1, &["put", "-"]).contains("storage put - KEY"));
}

/// A file that is larger than one put takes is uploaded, from a file and from a pipe, and comes back; nothing is left open.
#[test]
fn a_file_of_any_size_is_put_and_got() {
    let store = Store::new();
    let content: Vec<u8> = (0..3 * MAX_PAYLOAD as u32 / 4).flat_map(u32::to_le_bytes).collect();
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

/// A large file is stored with its SHA-256, which the store computes when it is asked to.
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
    assert_eq!((&json["state"], &json["sha256"]), (&"Verified".into(), &digest.as_str().into()));
    assert!(store.fail(1, &["verify", "nothing"]).contains("no object under \"nothing\""));
}

impl Store {
    /// Does something with the store's canister while no command runs.
    fn with_host<R>(&self, f: impl FnOnce(&mut EmbeddedIc, Principal) -> R) -> R {
        let mut host = EmbeddedIc::open_dir(&self.path("store"), Config::default()).unwrap();
        let owner = host.controllers()[0];
        let done = f(&mut host, owner);
        host.close().unwrap();
        done
    }

    /// Begins an upload of three bytes under `key` with a digest that no bytes have.
    fn begin_upload(&self) -> u64 {
        let sha256 = Some(ByteBuf::from([0xab; 32]));
        let args = UploadArgs { sha256, ..UploadArgs::new("key", 3) };
        self.with_host(|host, owner| {
            let reply = host.update(owner, "create_upload", &candid::encode_one(args).unwrap()).unwrap();
            let upload: storage_api::Result<Upload> = candid::decode_one(&reply.bytes).unwrap();
            upload.unwrap().id
        })
    }
}

/// An upload that was begun is listed and can be aborted, once.
#[test]
fn an_upload_is_listed_and_aborted() {
    let store = Store::new();
    let id = store.begin_upload().to_string();
    let listed = store.text(&["uploads", "ls"]);
    assert!(
        listed.starts_with(&format!("{id}  0 of 3 bytes  expires 20")) && listed.ends_with("  key\n"),
        "{listed}"
    );
    assert!(store.text(&["status"]).contains("uploads        1\n"));
    store.run(&["uploads", "abort", &id]);
    assert_eq!(store.text(&["uploads", "ls"]), "");
    let said = store.fail(1, &["uploads", "abort", &id]);
    assert!(
        said.contains(&format!("there is no upload {id}")) && said.contains("storage uploads ls"),
        "{said}"
    );
}

/// Bytes that are not those that were declared are not handed out as a file, and verify says so.
#[test]
fn damaged_bytes_are_noticed() {
    let store = Store::new();
    let id = store.begin_upload();
    store.with_host(|host, owner| {
        let chunk = candid::encode_args((id, 0_u64, ByteBuf::from(*b"abc"))).unwrap();
        host.update(owner, "write_chunk", &chunk).unwrap();
        host.update(owner, "commit_upload", &candid::encode_one(id).unwrap()).unwrap();
    });
    let file = store.file("back", b"as it was");
    for said in [store.fail(1, &["get", "key", &file]), store.fail(1, &["verify", "key"])] {
        assert!(said.contains("store them again"), "{said}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"as it was");
    // Nor is anything left of the attempt.
    assert_eq!(fs::read_dir(store.folder.path()).unwrap().count(), 2);
    assert!(store.text(&["stat", "key"]).contains("(declared, and the bytes have another one)"));
}

/// A download replaces a file with its permissions, follows a link, and writes to a device without replacing it.
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
    assert!(store.fail(1, &["get", "key", "no/such/folder"]).contains("cannot write to no/such"));
}

/// With `--quiet`, only data and errors are said; without a terminal, no bar is drawn.
#[test]
fn quiet_is_quiet() {
    let store = Store::new();
    let large = store.file("large", &vec![1; MAX_PAYLOAD + 1]);
    let output = store.output(&["put", &large], b"");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, format!("stored {} bytes under \"large\", revision 1\n", MAX_PAYLOAD + 1));
    assert!(store.output(&["-q", "put", &large], b"").stderr.is_empty());
    assert!(store.output(&["--quiet", "rm", "large"], b"").stderr.is_empty());
}

/// Objects are listed by prefix, shown, moved and removed.
#[test]
fn objects_are_listed_shown_moved_and_removed() {
    let store = Store::new();
    for key in ["a/1", "a/2", "b"] {
        store.run_with_input(&["put", "-", key], key.as_bytes());
    }
    assert_eq!(store.text(&["ls", "a/"]), "a/1\na/2\n");
    store.run(&["mv", "a/1", "c"]);
    store.run(&["rm", "a/2"]);
    assert_eq!(store.text(&["ls"]), "b\nc\n");
    let shown = store.text(&["stat", "c"]);
    assert!(shown.contains("size          3 bytes") && shown.contains("key           c"), "{shown}");
    // The clock of the store is that of this machine.
    assert!(shown.contains("created       20") && !shown.contains("1970"), "{shown}");
}

/// What is not there is an error that names the key, and where to look.
#[test]
fn what_is_not_there_is_an_error() {
    let store = Store::new();
    for args in [&["get", "nothing"][..], &["stat", "nothing"], &["rm", "nothing"], &["mv", "nothing", "to"]]
    {
        let said = store.fail(1, args);
        assert!(said.contains("no object under \"nothing\"") && said.contains("storage ls"), "{said}");
    }
    assert!(store.fail(1, &["put", "no-such-file"]).contains("cannot open no-such-file"));
}

/// Lines go to the log as they are, and the last ones come back in their order.
#[test]
fn the_log_is_appended_and_tailed() {
    let store = Store::new();
    store.run(&["log", "append", "first", "", "grüße"]);
    let lines: String = (0..1_500).map(|number| format!("line {number}\n")).collect();
    store.run_with_input(&["log", "append", "-"], lines.as_bytes());
    store.run_with_input(&["log", "append", "-"], b"no newline at the end");
    assert_eq!(store.text(&["log", "tail", "-n", "2"]), "line 1499\nno newline at the end\n");
    assert_eq!(store.text(&["log", "tail"]).lines().count(), 10);
    assert_eq!(store.text(&["log", "tail", "-n", "0"]), "");
    let all = store.text(&["log", "tail", "-n", "99999"]);
    assert_eq!(all, format!("first\n\ngrüße\n{lines}no newline at the end\n"));
}

/// Bytes that are no text are shown in hexadecimal.
#[test]
fn bytes_in_the_log_are_shown() {
    let store = Store::new();
    store.run_with_input(&["log", "append", "-"], b"\xff\x00\n");
    assert_eq!(store.text(&["log", "tail"]), "0xff00\n");
    assert_eq!(store.text(&["--json", "log", "tail"]), "[{\"index\":0,\"hex\":\"ff00\"}]\n");
}

/// An upgrade of either kind keeps everything and says what it cost, and the check finds the store sound.
#[test]
fn upgrades_keep_everything() {
    let store = Store::new();
    assert!(store.text(&["check"]).contains("sound        yes"));
    let content = vec![5; 300_000];
    store.run(&["put", &store.file("file", &content)]);
    store.run(&["log", "append", "line"]);
    for args in [&["upgrade"][..], &["upgrade", "--skip-pre-upgrade"]] {
        let said = store.text(args);
        assert!(said.starts_with("instructions  "), "{said}");
        assert!(store.run(&["get", "file"]) == content);
        assert_eq!(store.text(&["log", "tail"]), "line\n");
    }
    assert!(store.text(&["status"]).contains("upgrades       2, the last without pre_upgrade"));
    let check = store.text(&["check"]);
    assert!(
        check.contains("objects      1 with 300000 bytes") && check.contains("sound        yes"),
        "{check}"
    );
}

/// With `--json`, data is one line of JSON.
#[test]
fn json_is_one_line() {
    let store = Store::new();
    store.run_with_input(&["put", "-", "key"], b"value");
    for args in [
        &["ls"][..],
        &["stat", "key"],
        &["uploads", "ls"],
        &["verify", "key"],
        &["status"],
        &["upgrade"],
        &["check"],
        &["log", "tail"],
    ] {
        let text = store.text(&[&["--json"], args].concat());
        assert_eq!(text.lines().count(), 1, "{args:?}: {text}");
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }
    let stat: serde_json::Value = serde_json::from_slice(&store.run(&["stat", "key", "--json"])).unwrap();
    assert_eq!((&stat["key"], &stat["size"]), (&"key".into(), &5.into()));
}

/// A folder without a store is an error that says how to make one, and a store is not made over another.
#[test]
fn a_store_is_made_once() {
    let store = Store { folder: TempDir::new().unwrap() };
    let said = store.fail(1, &["ls"]);
    assert!(said.contains("there is no store") && said.contains(" init"), "{said}");
    store.run(&["init"]);
    assert!(store.fail(1, &["init"]).contains("is a store already"));
    fs::create_dir(store.path("full")).unwrap();
    store.file("full/file", b"mine");
    let output = store.command(&["--store", "full", "init"]).output();
    // `--store` twice is a mistake in the command line.
    assert_eq!(output.unwrap().status.code(), Some(2));
    let mut command = Command::new(env!("CARGO_BIN_EXE_storage"));
    let output = command.arg("--store").arg(store.path("full")).arg("init").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read(store.path("full/file")).unwrap(), b"mine");
}

/// What is not understood ends with exit code 2, and help with 0.
#[test]
fn exit_codes_are_as_documented() {
    let store = Store::new();
    store.fail(2, &["no-such-command"]);
    store.fail(2, &["log", "append"]);
    store.fail(2, &["get"]);
    assert!(store.text(&["--help"]).contains("Exit codes:"));
}

/// A reader that has seen enough is not an error.
#[test]
fn a_closed_pipe_is_quiet() {
    let store = Store::new();
    store.run(&["put", &store.file("large", &vec![b'x'; MAX_PAYLOAD])]);
    let mut command = store.command(&["get", "large"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

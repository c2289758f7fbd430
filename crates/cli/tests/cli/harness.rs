//! A store in a temporary folder, and the command to use it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Once,
};

use candid::Principal;
use embedded_ic::{Config, EmbeddedIc, HostError};
use serde_bytes::ByteBuf;
use stable_storage_api::{PutArgs, Upload, UploadArgs, Written};
use tempfile::TempDir;

/// The largest value of one put.
pub(crate) const MAX_PAYLOAD: usize = 2_031_616;

/// All tests run the same canister, so that it is compiled once.
const COMPILED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/compiled");

/// Environment variables of the user that must not affect the tests.
const VARIABLES: [&str; 6] = [
    "STORAGE_STORE",
    "STORAGE_NETWORK",
    "STORAGE_CANISTER",
    "STORAGE_IDENTITY",
    "NO_COLOR",
    "CLICOLOR_FORCE",
];

/// Folder with a store in it.
pub(crate) struct Store {
    pub(crate) folder: TempDir,
}

impl Store {
    /// Creates a store.
    pub(crate) fn new() -> Self {
        let store = Self::none();
        store.run(&["init"]);
        store
    }

    /// Creates a folder without a store.
    pub(crate) fn none() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Creates a file in the folder, and the folders above it.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> String {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Returns the names in the folder, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Returns the command without the flag that selects the store.
    pub(crate) fn bare(&self, args: &[&str]) -> Command {
        static COMPILED_ONCE: Once = Once::new();
        // Otherwise one of the tests would see the note about compiling.
        COMPILED_ONCE.call_once(|| {
            let folder = TempDir::new().unwrap();
            let mut init = self.cached_in(COMPILED.as_ref(), &["-q", "--store"]);
            init.arg(folder.path().join("store")).arg("init");
            assert!(init.status().unwrap().success());
        });
        self.cached_in(COMPILED.as_ref(), args)
    }

    /// Returns the command with another cache of compiled canisters.
    pub(crate) fn cached_in(&self, cache: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_storage"));
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        command.args(args).current_dir(self.folder.path());
        command.env("XDG_CONFIG_HOME", self.path("config"));
        command.env("STORAGE_CACHE_DIR", cache);
        command
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bare(&["--store"]);
        command.arg(self.path("store")).args(args);
        command
    }

    pub(crate) fn output(&self, args: &[&str], input: &[u8]) -> Output {
        output(self.command(args), input)
    }

    /// Runs a command that must succeed, and returns its output.
    pub(crate) fn run(&self, args: &[&str]) -> Vec<u8> {
        self.run_with_input(args, b"")
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let output = self.output(args, input);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Runs a command that must print UTF-8.
    pub(crate) fn text(&self, args: &[&str]) -> String {
        String::from_utf8(self.run(args)).unwrap()
    }

    /// Runs a command that must print JSON.
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_slice(&self.run(&[&["--json"], args].concat())).unwrap()
    }

    /// Runs a command that must fail with this exit code without printing data, and returns its messages.
    pub(crate) fn fail(&self, code: i32, args: &[&str]) -> String {
        failed(code, self.output(args, b""))
    }

    /// Returns the output and messages of a command, with varying parts replaced.
    pub(crate) fn session(&self, args: &[&str]) -> String {
        let output = self.output(args, b"");
        let mut text = format!("$ storage {}\n", args.join(" "));
        text.push_str(&String::from_utf8(output.stdout).unwrap());
        text.push_str(&String::from_utf8(output.stderr).unwrap());
        if !output.status.success() {
            text.push_str(&format!("exit code {}\n", output.status.code().unwrap()));
        }
        self.steady(&text)
    }

    fn steady(&self, text: &str) -> String {
        let folder = self.folder.path().to_str().unwrap();
        let year = |word: &str| word.len() >= 20 && word.starts_with("20") && word.as_bytes()[10] == b'T';
        let lines = without_rates(&text.replace(folder, "FOLDER"));
        // Times are replaced by a text of the same width, so that columns stay aligned.
        let words = lines.split_inclusive([' ', '\n', '"']);
        words
            .map(
                |word| {
                    if year(word) { word.replace(&word[..20], "2026-MM-DDThh:mm:ssZ") } else { word.into() }
                },
            )
            .collect()
    }

    /// Runs an operation on the store's canister while no command runs.
    pub(crate) fn with_host<R>(&self, f: impl FnOnce(&mut EmbeddedIc, Principal) -> R) -> R {
        let config = Config::default().with_compilation_cache(COMPILED);
        let mut host = loop {
            match EmbeddedIc::open_dir(&self.path("store"), config.clone()) {
                // A command that follows the log opens the store from time to time.
                Err(HostError::FolderInUse { .. }) => std::thread::yield_now(),
                host => break host.unwrap(),
            }
        };
        let owner = host.controllers()[0];
        let done = f(&mut host, owner);
        host.close().unwrap();
        done
    }

    /// Stores an object without a SHA-256, as another program might.
    pub(crate) fn put_without_digest(&self, key: &str, value: &[u8]) {
        let args = vec![PutArgs::new(key, value)];
        self.with_host(|host, owner| {
            let reply = host.update(owner, "put_many", candid::encode_one(args).unwrap()).unwrap();
            let stored: stable_storage_api::Result<Vec<Written>> = candid::decode_one(&reply.bytes).unwrap();
            stored.unwrap();
        });
    }

    /// Opens an upload as another program might, without sending a chunk.
    pub(crate) fn begin_upload(&self, key: &str, size: u64, sha256: [u8; 32]) -> u64 {
        let args = UploadArgs { sha256: Some(ByteBuf::from(sha256)), ..UploadArgs::new(key, size) };
        self.with_host(|host, owner| {
            let reply = host.update(owner, "create_upload", candid::encode_one(args).unwrap()).unwrap();
            let upload: stable_storage_api::Result<Upload> = candid::decode_one(&reply.bytes).unwrap();
            upload.unwrap().id
        })
    }
}

/// Replaces the bytes per second of transfers, which vary.
pub(crate) fn without_rates(text: &str) -> String {
    let mut steady = String::new();
    for line in text.split_inclusive('\n') {
        // At the end of a line, or before a comma.
        let end = line.rfind("/s, ").or_else(|| line.strip_suffix("/s\n").map(str::len));
        match (end.and_then(|end| line[..end].rfind(" at ")), end) {
            (Some(start), Some(end)) => {
                steady.push_str(&format!("{} at RATE{}", &line[..start], &line[end..]));
            }
            _ => steady.push_str(line),
        }
    }
    steady
}

/// Runs a command to its end.
pub(crate) fn output(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that does not read its input closes the pipe.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// Returns the messages of a command that must have failed with this exit code without printing data.
pub(crate) fn failed(code: i32, output: Output) -> String {
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty(), "data was printed");
    said
}

/// Returns bytes in which no two chunks are equal: each block of 64 starts with its number.
pub(crate) fn numbers(bytes: usize) -> Vec<u8> {
    let mut content = vec![0xa5; bytes];
    for (number, block) in content.chunks_mut(64).enumerate() {
        let number = (number as u64).to_le_bytes();
        let length = block.len().min(number.len());
        block[..length].copy_from_slice(&number[..length]);
    }
    content
}

//! Output and messages, as snapshots. Refresh them with `INSTA_UPDATE=always cargo test --workspace --test cli`.

use crate::harness::Store;

impl Store {
    fn sessions(&self, commands: &[&[&str]]) -> String {
        commands.iter().map(|args| self.session(args)).collect::<Vec<_>>().join("\n")
    }
}

/// Storing, listing, reading, moving and removing, with errors.
#[test]
fn object_commands_match_the_snapshot() {
    let store = Store::none();
    store.file("hello.txt", b"hello\n");
    store.file("folder/one", b"1");
    insta::assert_snapshot!(store.sessions(&[
        &["ls"],
        &["init"],
        &["init"],
        &["put", "hello.txt"],
        &["put", "hello.txt", "greetings/1", "--type", "text/plain"],
        &["put", "folder"],
        &["put", "nothing"],
        &["ls"],
        &["get", "greetings/1"],
        &["get", "greetings/2"],
        &["mv", "greetings/1", "greetings/2"],
        &["--json", "stat", "greetings/2"],
        &["verify", "greetings/2"],
        &["sync", "folder", "to"],
        &["--json", "sync", "--dry-run", "--delete", "folder", "greetings"],
        &["rm", "hello.txt", "hello.txt"],
        &["rm", "-r", "greetings/"],
        &["--json", "ls", "-r"],
    ]));
}

/// The log, uploads, regions and images.
#[test]
fn other_commands_match_the_snapshot() {
    let store = Store::new();
    store.begin_upload("films/1", 5_000_000, [0xab; 32]);
    insta::assert_snapshot!(store.sessions(&[
        &["log", "append", "one", "two", "three"],
        &["log", "tail", "-n", "2"],
        &["--json", "log", "read", "1"],
        &["uploads", "ls"],
        &["uploads", "resume", "7", "store"],
        &["uploads", "abort", "1"],
        &["region", "new", "2"],
        &["region", "ls"],
        &["region", "info", "16"],
        &["snapshot", "import", "nothing"],
        &["snapshot", "export", "image"],
        &["check", "image"],
        &["--quiet", "snapshot", "import", "--replace", "image"],
        &["--json", "check"],
    ]));
}

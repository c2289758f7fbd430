//! The texts of help, kept as files: `INSTA_UPDATE=always cargo test -p storage-cli` writes them anew.

use crate::harness::{Store, output};

const COMMANDS: [&[&str]; 43] = [
    &[],
    &["init"],
    &["put"],
    &["get"],
    &["ls"],
    &["stat"],
    &["rm"],
    &["mv"],
    &["sync"],
    &["verify"],
    &["uploads"],
    &["uploads", "ls"],
    &["uploads", "resume"],
    &["uploads", "abort"],
    &["log"],
    &["log", "append"],
    &["log", "tail"],
    &["log", "read"],
    &["region"],
    &["region", "new"],
    &["region", "ls"],
    &["region", "info"],
    &["region", "grow"],
    &["region", "load"],
    &["region", "store"],
    &["region", "get"],
    &["region", "set"],
    &["region", "give"],
    &["whoami"],
    &["roles"],
    &["roles", "set"],
    &["roles", "rm"],
    &["config"],
    &["config", "set"],
    &["status"],
    &["check"],
    &["repair"],
    &["snapshot"],
    &["snapshot", "export"],
    &["snapshot", "import"],
    &["upgrade"],
    &["completions"],
    &["man"],
];

/// The help of the command and of each of its commands says what it said.
#[test]
fn help_is_as_it_was() {
    let store = Store::none();
    let mut text = String::new();
    for command in COMMANDS {
        let help = output(store.bare(&[command, &["--help"]].concat()), b"");
        assert!(help.status.success());
        text.push_str(&format!("$ {} --help\n", [&["storage"], command].concat().join(" ")));
        text.push_str(&String::from_utf8(help.stdout).unwrap());
        text.push('\n');
    }
    insta::assert_snapshot!(text);
}

/// Completions know the commands, and there is a manual page for each of them.
#[test]
fn completions_and_manual_pages_are_made() {
    let store = Store::none();
    for shell in ["bash", "zsh", "fish"] {
        let script = String::from_utf8(output(store.bare(&["completions", shell]), b"").stdout).unwrap();
        assert!(script.contains("snapshot") && script.contains("resume"), "{shell}");
    }
    let page = String::from_utf8(output(store.bare(&["man"]), b"").stdout).unwrap();
    assert!(page.contains(".TH storage 1") && page.contains("Exit codes"), "{page}");
    assert!(output(store.bare(&["man", "man1"]), b"").status.success());
    for name in ["storage.1", "storage-put.1", "storage-snapshot-import.1"] {
        assert!(store.path("man1").join(name).is_file(), "{name}");
    }
}

/// The commands that are not groups of others.
pub(crate) fn leaves() -> Vec<String> {
    let names: Vec<_> = COMMANDS.iter().map(|command| command.join(" ")).collect();
    let is_group = |name: &String| names.iter().any(|other| other.starts_with(&format!("{name} ")));
    names.iter().filter(|name| !name.is_empty() && !is_group(name)).cloned().collect()
}

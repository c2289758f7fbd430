//! Help texts, as snapshots. Refresh them with `INSTA_UPDATE=always cargo test --workspace --test cli`.

use std::fs;

use crate::harness::{Store, output};

const COMMANDS: [&[&str]; 52] = [
    &[],
    &["init"],
    &["put"],
    &["get"],
    &["cat"],
    &["ls"],
    &["find"],
    &["tree"],
    &["du"],
    &["stat"],
    &["rm"],
    &["mv"],
    &["cp"],
    &["sync"],
    &["diff"],
    &["publish"],
    &["verify"],
    &["certify"],
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
    &["serve"],
    &["snapshot"],
    &["snapshot", "export"],
    &["snapshot", "import"],
    &["upgrade"],
    &["completions"],
    &["man"],
];

/// The help of every command matches the snapshot.
#[test]
fn help_matches_the_snapshot() {
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

/// Each shell gets a script that calls the command for completions.
#[test]
fn completions_know_commands_keys_networks_and_identities() {
    let store = Store::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = String::from_utf8(output(store.bare(&["completions", shell]), b"").stdout).unwrap();
        assert!(script.contains("COMPLETE") && script.contains("storage"), "{shell}: {script}");
    }
    let next = |words: &[&str]| {
        let mut command = store.bare(&["--", "storage"]);
        command.args(words).env("COMPLETE", "fish").env("ICP_HOME", store.path("icp"));
        let output = output(command, b"");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let words = String::from_utf8(output.stdout).unwrap();
        words.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(next(&["uploads", "re"]), ["resume"]);
    assert_eq!(next(&["roles", "set", "aaaaa-aa", "w"]), ["writer"]);
    for key in ["album/1.png", "album/2/3.png", "all.txt", "other"] {
        store.run_with_input(&["put", "-", key], b"value");
    }
    assert_eq!(next(&["--store", "store", "get", "al"]), ["all.txt", "album/"]);
    assert_eq!(next(&["--store=store", "stat", "album/"]), ["album/1.png", "album/2/"]);
    assert_eq!(next(&["--store", "store", "cp", "store:al"]), ["store:all.txt", "store:album/"]);
    assert_eq!(next(&["cp", "st"]), ["store:", "store/"]);
    // Other stores are completed by their names, and then by their keys.
    store.file("storage.toml", b"[stores.same]\nstore = 'store'\n");
    assert_eq!(next(&["sync", "sa"]), ["same:"]);
    assert_eq!(next(&["--store", "nowhere", "diff", "same:album/"]), ["same:album/1.png", "same:album/2/"]);
    fs::remove_file(store.path("storage.toml")).unwrap();
    assert_eq!(next(&["--store", "nowhere", "rm", "a"]), Vec::<String>::new());
    store.file("icp.yaml", b"networks: [{name: staging, url: 'http://a'}]");
    assert_eq!(next(&["ls", "--network", ""]), ["ic", "local", "staging"]);
    store.file(
        "icp/identity/identity_list.json",
        br#"{"v": 1, "identities": {"alice": {"kind": "keyring"}}}"#,
    );
    assert_eq!(next(&["ls", "--identity", "al"]), ["alice"]);
}

/// There is a manual page for each command, and its synopsis has the values of the options.
#[test]
fn manual_pages_are_generated() {
    let store = Store::none();
    let page = String::from_utf8(output(store.bare(&["man"]), b"").stdout).unwrap();
    assert!(page.contains(".TH storage 1") && page.contains("Exit codes"), "{page}");
    assert!(page.contains(r"[\fB\-\-store\fR \fI<DIR>\fR]"), "{page}");
    assert!(page.contains(r"[\fB\-j\fR|\fB\-\-jobs\fR \fI<N>\fR]"), "{page}");
    assert!(output(store.bare(&["man", "man1"]), b"").status.success());
    for name in ["storage.1", "storage-put.1", "storage-snapshot-import.1"] {
        assert!(store.path("man1").join(name).is_file(), "{name}");
    }
    let sync = std::fs::read_to_string(store.path("man1/storage-sync.1")).unwrap();
    assert!(sync.contains(r"[\fB\-x\fR|\fB\-\-exclude\fR \fI<PATTERN>\fR]"), "{sync}");
}

/// Returns the commands that are not groups of others.
pub(crate) fn leaves() -> Vec<String> {
    let names: Vec<_> = COMMANDS.iter().map(|command| command.join(" ")).collect();
    let is_group = |name: &String| names.iter().any(|other| other.starts_with(&format!("{name} ")));
    names.iter().filter(|name| !name.is_empty() && !is_group(name)).cloned().collect()
}

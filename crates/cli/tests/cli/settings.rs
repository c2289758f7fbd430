//! Location of the store.

use crate::harness::{Store, failed, output};

/// Flags take precedence over the environment, then the file of the working directory, then the user's file.
#[test]
fn flags_take_precedence_over_environment_and_files() {
    let store = Store::none();
    for name in ["flag", "environment", "here", "user"] {
        let mut init = store.bare(&["--store", name, "init"]);
        assert!(init.output().unwrap().status.success());
        let mut put = store.bare(&["--store", name, "put", "-", name]);
        put.stdin(std::process::Stdio::null());
        assert!(put.output().unwrap().status.success());
    }
    let ls = |args: &[&str], environment: Option<&str>| {
        let mut command = store.bare(args);
        command.envs(environment.map(|value| ("STORAGE_STORE", value)));
        String::from_utf8(output(command, b"").stdout).unwrap()
    };
    // Relative paths in a file start at its folder.
    store.file("config/storage/storage.toml", b"store = '../../user'");
    assert_eq!(ls(&["ls"], None), "user\n");
    store.file("storage.toml", b"store = 'here'");
    assert_eq!(ls(&["ls"], None), "here\n");
    assert_eq!(ls(&["ls"], Some("environment")), "environment\n");
    assert_eq!(ls(&["ls", "--store", "flag"], Some("environment")), "flag\n");
}

/// An error in a file names the file and the key.
#[test]
fn an_unknown_key_is_an_error() {
    let store = Store::none();
    store.file("storage.toml", b"store = 'a'\nstroe = 'b'\n");
    let said = failed(1, output(store.bare(&["ls"]), b""));
    assert!(said.contains("storage.toml") && said.contains("`stroe`"), "{said}");
}

/// A store in a folder and on a network is an error; a network needs a canister and an identity.
#[test]
fn network_needs_canister_and_identity() {
    let store = Store::none();
    let said = failed(2, output(store.bare(&["--store", "a", "--network", "ic", "ls"]), b""));
    assert!(said.contains("cannot be used with"), "{said}");
    let said = failed(1, output(store.bare(&["--network", "ic", "ls"]), b""));
    assert!(said.contains("--canister ID"), "{said}");
    let canister = ["--network", "http://127.0.0.1:1", "--canister", "aaaaa-aa"];
    let said = failed(1, output(store.bare(&[&canister[..], &["ls"]].concat()), b""));
    assert!(said.contains("--identity") && said.contains("anonymous"), "{said}");
    let missing = [&canister[..], &["--identity", "no.pem", "ls"]].concat();
    let said = failed(1, output(store.bare(&missing), b""));
    assert!(said.contains("cannot read the identity no.pem"), "{said}");
}

/// An unreachable replica is an error that names it, and commands that need a folder say so.
#[test]
fn unreachable_network_is_named() {
    let store = Store::none();
    let network = |command: &[&str]| {
        let flags = ["--network", "http://127.0.0.1:1", "--canister", "aaaaa-aa", "--identity", "anonymous"];
        failed(1, output(store.bare(&[&flags[..], command].concat()), b""))
    };
    assert!(network(&["ls"]).contains("http://127.0.0.1:1"));
    assert!(network(&["init"]).contains("a store in a folder"));
}

/// A network selected by a file of the working directory is announced; one selected by the user is not.
#[test]
fn a_network_of_the_working_directory_is_announced() {
    let store = Store::new();
    let said = |args: &[&str]| String::from_utf8(output(store.bare(args), b"").stderr).unwrap();
    let network = "network = 'http://127.0.0.1:1'\ncanister = 'aaaaa-aa'\nidentity = 'anonymous'\n";
    store.file("storage.toml", network.as_bytes());
    store.file("file", b"content");
    let announced = "using canister aaaaa-aa on http://127.0.0.1:1 as anonymous, from ./storage.toml\n";
    assert!(said(&["put", "file"]).starts_with(announced));
    assert!(!said(&["--store", "store", "put", "file"]).contains("storage.toml"));
    let flags = ["--network", "http://127.0.0.1:1", "--identity", "anonymous", "--canister", "aaaaa-aa"];
    assert!(!said(&[&flags[..], &["ls"]].concat()).contains("storage.toml"));
    // A canister alone in the file selects another store as well.
    store.file("storage.toml", b"canister = 'aaaaa-aa'");
    assert!(said(&[&flags[..4], &["ls"]].concat()).starts_with(announced));
}

/// An unreadable settings file of the user does not end a command.
#[test]
fn unreadable_settings_do_not_end_a_command() {
    let store = Store::new();
    // A link to itself cannot be read, even by root.
    std::fs::create_dir(store.path("config")).unwrap();
    std::os::unix::fs::symlink("storage", store.path("config/storage")).unwrap();
    let with_flag = output(store.bare(&["--store", "store", "ls"]), b"");
    assert!(with_flag.status.success() && with_flag.stderr.is_empty(), "{with_flag:?}");
    std::fs::rename(store.path("store"), store.path(".storage")).unwrap();
    let without = output(store.bare(&["ls"]), b"");
    let said = String::from_utf8(without.stderr).unwrap();
    assert!(without.status.success() && said.contains("config/storage/storage.toml"), "{said}");
    std::fs::remove_file(store.path("config/storage")).unwrap();
    store.file("config/storage", b"no folder");
    assert!(output(store.bare(&["ls"]), b"").status.success());
}

/// The local network is read from the project, in any folder of it, and an identity can be one of icp or dfx.
#[test]
fn project_defines_the_network() {
    let store = Store::none();
    store.file("icp.yaml", b"networks:\n- name: local\n  mode: managed\n  gateway: {port: 1}\n");
    store.file("src/file", b"");
    let with = |network: &str, identity: &str| {
        let flags = ["--network", network, "--canister", EXAMPLE, "--identity", identity, "ls"];
        let mut command = store.bare(&flags);
        command.current_dir(store.path("src")).env("ICP_HOME", store.path("icp"));
        failed(1, output(command, b""))
    };
    let said = with("local", "anonymous");
    assert!(said.contains("at http://127.0.0.1:1, from ") && said.contains("icp.yaml"), "{said}");
    let said = with("production", "anonymous");
    assert!(
        said.contains("no network \"production\"") && said.contains("known networks: local, ic"),
        "{said}"
    );
    let locked = br#"{"v": 1, "identities": {"alice": {"kind": "keyring", "algorithm": "secp256k1"}}}"#;
    store.file("icp/identity/identity_list.json", locked);
    let said = with("local", "alice");
    assert!(said.contains("icp identity export alice >alice.pem"), "{said}");
    assert!(with("local", "bob").contains("known identities: alice (icp), "));
}

/// The canister of the examples does not exist: no subnet will have the last identifier.
const EXAMPLE: &str = "37pka-5h777-77777-7777q-cai";

#[test]
fn example_canister_does_not_exist() {
    let bytes = [&[0xff; 8][..], &[1, 1]].concat();
    assert_eq!(candid::Principal::from_slice(&bytes).to_text(), EXAMPLE);
    let readme = include_str!("../../../../README.md");
    let help = String::from_utf8(output(Store::none().bare(&["--help"]), b"").stdout).unwrap();
    assert!(readme.contains(EXAMPLE) && help.contains(EXAMPLE));
}

/// The first command compiles its canister and prints one line about it.
#[test]
fn compilation_is_announced() {
    let store = Store::none();
    let said = |cache: &str, args: &[&str]| {
        let command = store.cached_in(&store.path(cache), args);
        String::from_utf8(output(command, b"").stderr).unwrap()
    };
    assert_eq!(
        said("a", &["init"]).lines().filter(|line| line.starts_with("compiling the canister")).count(),
        1
    );
    assert!(!said("a", &["status"]).contains("compiling"));
    assert_eq!(said("b", &["-q", "status"]), "");
    assert!(!said("c", &["--json", "status"]).contains("compiling"));
}

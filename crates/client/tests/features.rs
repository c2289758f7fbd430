//! What a feature pulls in.

use std::process::Command;

/// The names of the crates that a program depends on through this one, with some of its features.
fn crates(features: &str) -> Vec<String> {
    let tree =
        ["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none", "--no-default-features"];
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(tree).args(["--features", features]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().expect("cargo runs the tests, so it can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names of crates are UTF-8");
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// Who calls a canister on a network compiles no wasmtime, and who runs one in this process no HTTP client.
#[test]
fn each_transport_pulls_in_what_it_needs_alone() {
    let (agent, embedded, neither) = (crates("agent"), crates("embedded"), crates(""));
    let has = |crates: &[String], name: &str| crates.iter().any(|found| found == name);
    assert!(has(&agent, "ic-agent") && !has(&agent, "wasmtime") && !has(&agent, "embedded-ic"), "{agent:?}");
    assert!(has(&embedded, "wasmtime") && !has(&embedded, "ic-agent"), "{embedded:?}");
    assert!(!has(&neither, "wasmtime") && !has(&neither, "ic-agent"), "{neither:?}");
}

//! Dependencies of each feature.

use std::process::Command;

/// Returns the names of the crates that a program depends on through this one, with the given features.
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

/// The feature `agent` does not depend on wasmtime, and `embedded` does not depend on an HTTP client.
#[test]
fn each_feature_has_only_its_own_dependencies() {
    let (agent, embedded, neither) = (crates("agent"), crates("embedded"), crates(""));
    let has = |crates: &[String], name: &str| crates.iter().any(|found| found == name);
    assert!(has(&agent, "ic-agent") && !has(&agent, "wasmtime") && !has(&agent, "embedded-ic"), "{agent:?}");
    assert!(has(&embedded, "wasmtime") && !has(&embedded, "ic-agent"), "{embedded:?}");
    assert!(!has(&neither, "wasmtime") && !has(&neither, "ic-agent"), "{neither:?}");
}

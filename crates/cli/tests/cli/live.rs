//! The command against a canister on a replica.

use std::env;

use crate::harness::{MAX_PAYLOAD, Store, numbers, output};

/// Small and large objects are stored on a network, read back and removed.
#[test]
#[ignore = "needs STORAGE_REPLICA_URL, STORAGE_REPLICA_CANISTER and STORAGE_REPLICA_IDENTITY (a PEM file of a writer)"]
fn a_canister_on_a_replica_is_used() {
    let variable = |name| env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let (url, canister) = (variable("STORAGE_REPLICA_URL"), variable("STORAGE_REPLICA_CANISTER"));
    let identity = variable("STORAGE_REPLICA_IDENTITY");
    let here = Store::none();
    let run = |args: &[&str]| {
        let place = ["--network", &url, "--canister", &canister, "--identity", &identity];
        let output = output(here.bare(&[&place[..], args].concat()), b"small");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let content = numbers(2 * MAX_PAYLOAD + 1);
    here.file("large", &content);
    run(&["put", "-", "test/small"]);
    run(&["put", "large", "test/large"]);
    assert_eq!(run(&["ls", "test/"]), b"test/large\ntest/small\n");
    assert_eq!(run(&["get", "test/small"]), b"small");
    assert!(run(&["get", "test/large"]) == content);
    run(&["verify", "test/large"]);
    run(&["rm", "-r", "test/"]);
    assert!(run(&["ls", "test/"]).is_empty());
}

//! Commands against a canister on a replica: a served store, or the canister that STORAGE_REPLICA_URL,
//! STORAGE_REPLICA_CANISTER and STORAGE_REPLICA_IDENTITY (a PEM file of a writer) name.

use std::env;

use crate::{
    harness::{MAX_PAYLOAD, Store, numbers, output},
    serve::Served,
};

/// Small and large objects are stored on a network, read back and removed.
#[test]
fn a_canister_on_a_replica_is_used() {
    let Ok(url) = env::var("STORAGE_REPLICA_URL") else {
        let store = Store::new();
        let served = Served::to_controller(&store);
        return use_canister(&store, |args, input| served.output(args, input));
    };
    let variable = |name| env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let (canister, identity) = (variable("STORAGE_REPLICA_CANISTER"), variable("STORAGE_REPLICA_IDENTITY"));
    let here = Store::none();
    use_canister(&here, |args, input| {
        let place = ["--network", &url, "--canister", &canister, "--identity", &identity];
        output(here.bare(&[&place[..], args].concat()), input)
    });
}

fn use_canister(here: &Store, output: impl Fn(&[&str], &[u8]) -> std::process::Output) {
    let run = |args: &[&str]| {
        let output = output(args, b"small");
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

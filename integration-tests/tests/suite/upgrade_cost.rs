//! The cost of an upgrade must not depend on the stored data.
//!
//! 1 GiB is stored on the embedded host. On PocketIC, which keeps stable memory in RAM several times, it is 256 MiB;
//! `STORAGE_TEST_GIB` sets another number of GiB.

use std::env;

use integration_tests::{Harness, SuiteClient, data};
use stable_storage_api::limits::MAX_PAYLOAD_BYTES;

const MIB: u64 = 1 << 20;

/// Limit on the instructions for caching inner pages of the object index when a store is opened.
const WARMING: u64 = 100_000;

/// Returns the cost of an upgrade: the total if the host counts it, else the canister's own count of opening the store.
async fn cost_of_upgrade(harness: &Harness) -> u64 {
    match harness.upgrade().await {
        Some(instructions) => instructions,
        None => harness.client().status().await.unwrap().upgrades.open_instructions,
    }
}

fn bytes_to_fill(is_embedded: bool) -> u64 {
    match env::var("STORAGE_TEST_GIB") {
        Ok(gib) => gib.parse::<u64>().expect("STORAGE_TEST_GIB is a number of GiB") * 1_024 * MIB,
        Err(_) if is_embedded => 1_024 * MIB,
        Err(_) => 256 * MIB,
    }
}

/// Stores values of the largest size until they have this many bytes together, and returns their number.
async fn fill(client: &SuiteClient, bytes: u64) -> u64 {
    let count = bytes.div_ceil(MAX_PAYLOAD_BYTES);
    for number in 0..count {
        client.put(&format!("fill/{number:06}"), &value(number)).await.unwrap();
    }
    count
}

fn value(number: u64) -> Vec<u8> {
    // Random bytes would take more time than storing them, so only the first few differ.
    let mut value = vec![number as u8; MAX_PAYLOAD_BYTES as usize];
    value[..64].copy_from_slice(&data::bytes(number, 64));
    value
}

/// An upgrade of a full canister costs as much as that of an empty one, within 1 % and the cost of caching the upper pages
/// of the index.
#[tokio::test]
async fn a_full_canister_upgrades_as_cheaply_as_an_empty_one() {
    let harness = Harness::start().await;
    let client = harness.client();
    let new = cost_of_upgrade(&harness).await;
    client.put("first", &data::bytes(1, 100_000)).await.unwrap();
    client.log("first").await.unwrap();
    assert!(client.delete("first").await.unwrap());
    let empty = cost_of_upgrade(&harness).await;

    let bytes = bytes_to_fill(harness.replica().is_embedded());
    let count = fill(&client, bytes).await;
    let full = cost_of_upgrade(&harness).await;
    println!(
        "an upgrade costs, in instructions: {new} of a new canister, {empty} of an emptied one, {full} of one"
    );
    println!("with {} MiB in {count} objects", bytes / MIB);

    let status = client.status().await.unwrap();
    assert_eq!(status.objects, count);
    assert!(status.stable_bytes >= bytes);
    for number in [0, count / 2, count - 1] {
        assert!(client.get(&format!("fill/{number:06}")).await.unwrap() == value(number));
    }
    for other in [new, empty] {
        let allowed = other / 100 + WARMING;
        assert!(full.abs_diff(other) <= allowed, "{other} instructions became {full}");
    }
}

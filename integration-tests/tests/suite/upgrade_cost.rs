//! The cost of an upgrade must not depend on the stored data.
//!
//! 1 GiB is stored on the embedded host. On PocketIC, which keeps stable memory in RAM several times, it is 256 MiB;
//! `STORAGE_TEST_GIB` sets another number of GiB.

use std::env;

use embedded_ic::{Config, EmbeddedIc};
use integration_tests::{Harness, SuiteClient, controller, data};
use stable_storage_api::PutArgs;
use stable_storage_api::limits::{MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES};
use storage_client::EmbeddedTransport;

const MIB: u64 = 1 << 20;

/// Limit on the instructions for caching inner pages of the object index when a store is opened.
const WARMING: u64 = 70_000;

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

/// docs/ARCHITECTURE.md, which states what opening costs.
const ARCHITECTURE: &str = include_str!("../../../docs/ARCHITECTURE.md");

async fn on_embedded() -> Harness {
    let host = EmbeddedIc::new(Config::default().with_controllers(vec![controller()])).unwrap();
    Harness::start_on_embedded(EmbeddedTransport::new(host, controller())).await
}

/// An upgrade that skips `pre_upgrade` searches for the end of the log in one bucket at most. A short log takes the most.
#[tokio::test]
async fn the_search_for_the_end_of_the_log_is_bounded() {
    const MOST: u64 = 40_000_000;
    assert!(
        ARCHITECTURE.contains("at most 40 million instructions"),
        "docs/ARCHITECTURE.md states another bound"
    );
    let harness = on_embedded().await;
    let client = harness.client();
    client.log("entry").await.unwrap();
    for entries in [1, 2, 12] {
        let sealed = harness.upgrade().await.unwrap();
        let searched = harness.upgrade_skipping_pre_upgrade().await.unwrap() - sealed;
        println!("{entries} entries: {searched} instructions more than {sealed}");
        assert!(searched <= MOST, "{searched} instructions");
        assert_eq!(client.log_info().await.unwrap().length, entries);
        // The log is longer than a bucket at last.
        for _ in 0..if entries == 1 { 1 } else { 10 } {
            client.append(&[vec![1; MAX_PAYLOAD_BYTES as usize]]).await.unwrap();
        }
    }
}

/// Certification adds little to the cost of an upgrade, however many objects are certified.
#[tokio::test]
async fn certification_adds_little_to_an_upgrade() {
    const MOST: u64 = 3_500;
    assert!(ARCHITECTURE.contains("at most 3,500 instructions"), "docs/ARCHITECTURE.md states another bound");
    let harness = on_embedded().await;
    let client = harness.client();
    let puts = (0..MAX_BATCH_ITEMS).map(|number| PutArgs::new(format!("a/{number}"), "value"));
    client.put_many(&puts.collect::<Vec<_>>()).await.unwrap();
    let before = harness.upgrade().await.unwrap();
    client.set_certified("a/", true).await.unwrap();
    while !client.certify("a/").await.unwrap().done {}
    let certified = harness.upgrade().await.unwrap();
    println!("{before} instructions, {certified} with a certified prefix");
    assert!(certified - before <= MOST, "{certified} instructions, {before} without certification");
}

//! A full canister returns out of memory, and still serves reads, deletes and then writes.

use integration_tests::{Harness, SuiteClient, data, expect};
use stable_storage_api::{
    Error, InitArgs, PutArgs,
    limits::{MAX_PAYLOAD_BYTES, MIN_CAPACITY_BYTES},
};

const MAX_PAYLOAD: usize = MAX_PAYLOAD_BYTES as usize;

/// A write must have been rejected for lack of memory by now, or the test is ineffective.
const MORE_THAN_FITS: u64 = 1_000;

fn key(number: u64) -> String {
    format!("{number:04}")
}

/// Stores the largest values until one is rejected, and returns their number.
async fn fill_with_large_values(client: &SuiteClient) -> u64 {
    for number in 0..MORE_THAN_FITS {
        match client.put(&key(number), &data::bytes(number, MAX_PAYLOAD)).await {
            Ok(_) => {}
            refused => {
                let error = expect::storage_error(refused);
                assert!(
                    matches!(error, Error::OutOfMemory { requested, available } if requested > available)
                );
                return number;
            }
        }
    }
    panic!("{MORE_THAN_FITS} of the largest values do not fill the smallest canister");
}

async fn assert_all_are_there(client: &SuiteClient, count: u64) {
    for number in 0..count {
        let value = client.get(&key(number)).await.unwrap();
        assert!(value == data::bytes(number, MAX_PAYLOAD), "value {number} changed");
    }
}

/// A canister full of large values rejects the next one and accepts it after a delete.
#[tokio::test]
async fn full_of_large_values() {
    let harness = Harness::start_with_capacity(MIN_CAPACITY_BYTES).await;
    let client = harness.client();
    let count = fill_with_large_values(&client).await;
    let full = client.status().await.unwrap();
    assert!(count >= 8 && full.stable_bytes <= MIN_CAPACITY_BYTES, "{count} values in {full:?}");

    let refused = expect::storage_error(client.put(&key(count), &data::bytes(count, MAX_PAYLOAD)).await);
    assert!(matches!(refused, Error::OutOfMemory { .. }), "{refused:?}");
    let refused = expect::storage_error(client.put(&key(0), &data::bytes(9, MAX_PAYLOAD)).await);
    assert!(matches!(refused, Error::OutOfMemory { .. }), "an overwrite needs room for both: {refused:?}");
    let after = client.status().await.unwrap();
    assert_eq!((after.revision, after.arena), (full.revision, full.arena), "a refused put changed something");
    assert_all_are_there(&client, count).await;
    assert_eq!(client.list_all("").await.unwrap().len() as u64, count);

    assert!(client.delete(&key(1)).await.unwrap());
    client.put(&key(1), &data::bytes(1, MAX_PAYLOAD)).await.unwrap();
    client.rename(&key(0), "renamed").await.unwrap();
    client.rename("renamed", &key(0)).await.unwrap();
    assert_all_are_there(&client, count).await;
}

/// A full canister survives both kinds of upgrade, and one that raises its capacity has space again.
#[tokio::test]
async fn a_full_canister_can_be_upgraded() {
    let harness = Harness::start_with_capacity(MIN_CAPACITY_BYTES).await;
    let client = harness.client();
    let count = fill_with_large_values(&client).await;
    harness.upgrade().await;
    harness.upgrade_skipping_pre_upgrade().await;
    expect::storage_error(client.put(&key(count), &data::bytes(count, MAX_PAYLOAD)).await);
    harness.upgrade_with(InitArgs::capacity(2 * MIN_CAPACITY_BYTES)).await.unwrap();
    client.put(&key(count), &data::bytes(count, MAX_PAYLOAD)).await.unwrap();
    assert_all_are_there(&client, count + 1).await;
}

/// A canister whose index is full of small values still serves reads, deletes and then writes.
#[tokio::test]
async fn full_of_small_values() {
    let client = Harness::start_with_capacity(MIN_CAPACITY_BYTES).await.client();
    // Large values first, so that the index cannot grow, and long keys, so that fewer of them fill it.
    let large = fill_with_large_values(&client).await;
    let long_key =
        |batch: u64, item: u64| format!("small/{batch:04}/{item:04}/{}", data::key_of_length(1_000));
    let batch = |number: u64| -> Vec<_> {
        (0..1_000).map(|item| PutArgs::new(long_key(number, item), data::bytes(item, 100))).collect()
    };
    let mut count = 0;
    loop {
        assert!(count < MORE_THAN_FITS, "small values never fill the smallest canister");
        match client.put_many(&batch(count)).await {
            Ok(_) => count += 1,
            refused => {
                assert!(matches!(expect::storage_error(refused), Error::OutOfMemory { .. }));
                break;
            }
        }
    }
    assert!(count >= 2, "the index was full after {count} batches");
    let mut single = 0;
    while client.put(&long_key(count, single), b"small").await.is_ok() {
        single += 1;
        assert!(single < 20 * MORE_THAN_FITS, "a batch was refused, and single values never are");
    }
    assert_eq!(client.delete_all(&format!("small/{count:04}/")).await.unwrap(), single);
    assert_eq!(client.status().await.unwrap().objects, large + count * 1_000);
    assert_eq!(client.list_all("small/").await.unwrap().len() as u64, count * 1_000);
    assert_eq!(client.get(&long_key(0, 7)).await.unwrap(), data::bytes(7, 100));

    // After a delete of the same amount, by any method, the rejected amount fits.
    assert!(client.delete(&long_key(0, 0)).await.unwrap());
    assert_eq!(client.take_first("small/").await.unwrap().unwrap().key, long_key(0, 1));
    assert_eq!(client.delete_all("small/0000/").await.unwrap(), 998);
    assert_eq!(client.delete_all("small/0001/").await.unwrap(), 1_000);
    client.put(&long_key(0, 0), b"small again").await.unwrap();
    client.put_many(&batch(0)).await.unwrap();
    assert_eq!(client.get(&long_key(0, 999)).await.unwrap(), data::bytes(999, 100));
    assert_all_are_there(&client, large).await;
}

/// A full log rejects both kinds of append, keeps its entries, and still serves reads.
#[tokio::test]
async fn full_of_log_entries() {
    let harness = Harness::start_with_capacity(MIN_CAPACITY_BYTES).await;
    let client = harness.client();
    client.put("small", b"value").await.unwrap();
    let mut count = 0;
    let error = loop {
        assert!(count < MORE_THAN_FITS, "a log never fills the smallest canister");
        match client.append(&[data::bytes(count, 1_000_000)]).await {
            Ok(_) => count += 1,
            refused => break expect::storage_error(refused),
        }
    };
    assert!(matches!(error, Error::OutOfMemory { .. }), "{error:?}");
    let message = expect::refused(client.log(&"x".repeat(1_000_000)).await);
    assert!(message.contains("out of memory"), "{message}");
    // A oneway call has no reply, so an operator must see this elsewhere.
    let lines = harness.log_lines().await;
    assert!(lines.iter().any(|line| line.starts_with("log: out of memory")), "{lines:?}");

    assert_eq!(client.log_info().await.unwrap().length, count);
    let last = client.read_log(count - 1, 1).await.unwrap();
    assert!(last.entries == [data::bytes(count - 1, 1_000_000)]);
    client.read_last(1_u8).await.unwrap();
    assert_eq!(client.get("small").await.unwrap(), b"value");
    client.put("small", b"another value").await.unwrap();
    assert!(client.delete("small").await.unwrap());
}

//! Regions: Motoko's raw memories, over Candid.

use integration_tests::{Harness, expect, stranger};
use serde_bytes::ByteBuf;
use stable_storage_api::limits::{
    FIRST_REGION, MAX_PAYLOAD_BYTES, MAX_REGIONS, MIN_CAPACITY_BYTES, PAGE_BYTES,
};
use stable_storage_api::{Error, RegionLoad, RegionStore, RegionType, RegionValue, Role};

fn store(offset: u64, value: RegionValue) -> RegionStore {
    RegionStore { offset, value }
}

fn load(offset: u64, kind: RegionType) -> RegionLoad {
    RegionLoad { offset, kind }
}

/// A region is created, grown, written, upgraded and read.
#[tokio::test]
async fn a_region_keeps_its_bytes_over_upgrades() {
    let harness = Harness::start().await;
    let client = harness.client();
    let region = client.region_new().await.unwrap();
    assert_eq!((region.id, region.pages), (FIRST_REGION, 0));
    assert_eq!(client.region_grow(region.id, 2).await.unwrap(), 0);
    assert_eq!(client.region_grow(region.id, 40).await.unwrap(), 2);
    let bytes: Vec<u8> = (0..MAX_PAYLOAD_BYTES).map(|i| (i * 7) as u8).collect();
    client.region_store_blob(region.id, 100_001, &bytes).await.unwrap();
    harness.upgrade_skipping_pre_upgrade().await;
    harness.upgrade().await;
    assert_eq!(client.region_info(region.id).await.unwrap().pages, 42);
    let loaded = client.region_load_blob(region.id, 100_001, MAX_PAYLOAD_BYTES).await.unwrap();
    assert!(loaded == bytes, "the region has other bytes");
    let around = client.region_load_blob(region.id, 100_000, 1).await.unwrap();
    assert_eq!(around, [0], "fresh pages are zero");
    let status = client.status().await.unwrap();
    assert_eq!((status.regions, status.stores.region_data), (1, 42 * PAGE_BYTES));
}

/// Every type of Motoko's library is stored and loaded, little-endian, in one message.
#[tokio::test]
async fn all_types_are_stored_and_loaded_in_batches() {
    let client = Harness::start().await.client();
    let region = client.region_new().await.unwrap().id;
    client.region_grow(region, 1).await.unwrap();
    let values = [
        (RegionType::Nat8, RegionValue::Nat8(u8::MAX)),
        (RegionType::Nat16, RegionValue::Nat16(0x0102)),
        (RegionType::Nat32, RegionValue::Nat32(0x0102_0304)),
        (RegionType::Nat64, RegionValue::Nat64(u64::MAX - 1)),
        (RegionType::Int8, RegionValue::Int8(i8::MIN)),
        (RegionType::Int16, RegionValue::Int16(-300)),
        (RegionType::Int32, RegionValue::Int32(i32::MIN)),
        (RegionType::Int64, RegionValue::Int64(i64::MIN)),
        (RegionType::Float, RegionValue::Float(-0.1)),
        (RegionType::Blob(5), RegionValue::Blob(ByteBuf::from(*b"bytes"))),
    ];
    let at = |number: usize| number as u64 * 16 + 3;
    let stores: Vec<_> =
        values.iter().enumerate().map(|(number, (_, value))| store(at(number), value.clone())).collect();
    let loads: Vec<_> =
        values.iter().enumerate().map(|(number, (kind, _))| load(at(number), *kind)).collect();
    client.region_store(region, &stores).await.unwrap();
    let expected: Vec<_> = values.into_iter().map(|(_, value)| value).collect();
    assert_eq!(client.region_load(region, &loads).await.unwrap(), expected);
    assert_eq!(client.region_load_blob(region, at(1), 2).await.unwrap(), [2, 1]);
    assert_eq!(client.region_load(region, &[]).await.unwrap(), []);
}

/// One store of a batch that is out of range rejects the batch.
#[tokio::test]
async fn a_batch_is_all_or_nothing() {
    let harness = Harness::start().await;
    let client = harness.client();
    let region = client.region_new().await.unwrap().id;
    client.region_grow(region, 1).await.unwrap();
    client.region_store_blob(region, 0, b"before").await.unwrap();
    let before = harness.stable_memory().await;
    let end = PAGE_BYTES;
    for (offset, value, length) in [
        (end, RegionValue::Nat8(1), 1),
        (end - 7, RegionValue::Int64(1), 8),
        (u64::MAX, RegionValue::Nat8(1), 1),
        (u64::MAX - 3, RegionValue::Blob(ByteBuf::from(*b"bytes")), 5),
    ] {
        let stores = [store(0, RegionValue::Nat64(7)), store(offset, value)];
        let refused = expect::storage_error(client.region_store(region, &stores).await);
        assert_eq!(refused, Error::OutOfRange { offset, length, size: end });
    }
    assert!(harness.stable_memory().await == before, "a batch that was refused changed stable memory");
}

/// Offsets and lengths near 2^64, unknown regions, and lengths beyond a reply are typed errors.
#[tokio::test]
async fn bad_input_is_a_typed_error() {
    let client = Harness::start().await.client();
    let region = client.region_new().await.unwrap().id;
    client.region_grow(region, 64).await.unwrap();
    let size = 64 * PAGE_BYTES;
    for (offset, length) in [(u64::MAX, 1), (1, u64::MAX), (u64::MAX, u64::MAX), (size, 1), (0, size + 1)] {
        let expected = Error::OutOfRange { offset, length, size };
        let blob = client.region_load_blob(region, offset, length).await;
        assert_eq!(expect::storage_error(blob), expected);
        let value = client.region_load(region, &[load(offset, RegionType::Blob(length))]).await;
        assert_eq!(expect::storage_error(value), expected);
    }
    let too_large = Error::TooLarge { size: MAX_PAYLOAD_BYTES + 1, limit: MAX_PAYLOAD_BYTES };
    let blob = client.region_load_blob(region, 0, MAX_PAYLOAD_BYTES + 1).await;
    assert_eq!(expect::storage_error(blob), too_large);
    for unknown in [0, region + 1, 255, 256 + region, u64::MAX] {
        assert_eq!(expect::storage_error(client.region_info(unknown).await), Error::NotFound);
        assert_eq!(expect::storage_error(client.region_store(unknown, &[]).await), Error::NotFound);
    }
    let grown = expect::storage_error(client.region_grow(region, u64::MAX).await);
    assert!(matches!(grown, Error::OutOfMemory { requested: u64::MAX, .. }), "{grown:?}");
}

/// As many regions as possible, each with its own bytes, and each takes a bucket: 3.7 GiB. Another one is refused.
#[tokio::test]
async fn the_most_regions_do_not_meet() {
    let harness = Harness::start().await;
    let client = harness.client();
    harness.client().set_role(stranger(), Some(Role::Writer)).await.unwrap();
    let owner = harness.client_as(stranger());
    for _ in 0..MAX_REGIONS {
        let region = owner.region_new().await.unwrap().id;
        owner.region_grow(region, 1).await.unwrap();
        owner.region_store(region, &[store(PAGE_BYTES - 8, RegionValue::Nat64(region))]).await.unwrap();
    }
    let refused = expect::storage_error(owner.region_new().await);
    assert!(matches!(refused, Error::LimitExceeded { limit: MAX_REGIONS, .. }), "{refused:?}");
    // The headers and the buckets of the records and of the role come on top.
    let others = (2 + 2 * 256) * PAGE_BYTES;
    let taken = client.status().await.unwrap().stable_bytes - others;
    assert_eq!(taken, 239 * (16 << 20));
    assert_eq!((taken * 10) >> 30, 37, "docs/SECURITY.md states 3.7 GiB");
    harness.upgrade().await;
    let regions = owner.region_list().await.unwrap();
    assert_eq!(regions.len() as u64, MAX_REGIONS);
    for region in &regions {
        let value = client.region_load(region.id, &[load(PAGE_BYTES - 8, RegionType::Nat64)]).await.unwrap();
        assert_eq!(value, [RegionValue::Nat64(region.id)]);
    }
}

/// A region cannot grow beyond the capacity, nor use what is reserved for the objects.
#[tokio::test]
async fn growth_stops_at_the_capacity() {
    let client = Harness::start_with_capacity(MIN_CAPACITY_BYTES + (32 << 20)).await.client();
    let region = client.region_new().await.unwrap().id;
    // The records take one of the ten buckets, and six are reserved for the stores that have none.
    assert_eq!(client.region_grow(region, 3 * 256).await.unwrap(), 0);
    let refused = expect::storage_error(client.region_grow(region, 1).await);
    assert_eq!(refused, Error::OutOfMemory { requested: 16 << 20, available: 0 });
    client.put("key", b"value").await.unwrap();
    assert_eq!(client.region_info(region).await.unwrap().pages, 768);
}

/// An upgrade always writes the same number of bytes.
#[tokio::test]
async fn an_upgrade_writes_the_same_few_bytes() {
    let harness = Harness::start().await;
    let client = harness.client();
    let before = client.stable_var_query().await.unwrap();
    assert!(before.size < 4_096, "{} bytes", before.size);
    client.put("key", &[1; 1_000_000]).await.unwrap();
    harness.upgrade().await;
    assert_eq!(client.stable_var_query().await.unwrap(), before);
}

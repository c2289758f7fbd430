//! Contents of stable memory: the canister's image, opened with the engine.

use ic_stable_structures::{
    Memory, RestrictedMemory, VectorMemory,
    memory_manager::{MemoryId, MemoryManager},
};
use integration_tests::{Harness, data, snapshot::Snapshot, stable_log::StableLog};
use stable_storage_api::PutArgs;
use storage_engine::{
    LOG_START, Store,
    layout::{BUCKET_PAGES, MANAGER_PAGE, MAX_BUCKETS},
};

/// Memory of the log, with the number in docs/FORMAT.md.
const LOG: MemoryId = MemoryId::new(2);

/// Returns the canister's stable memory as a memory in this process.
async fn image(harness: &Harness) -> VectorMemory {
    let bytes = harness.stable_memory().await;
    let memory = VectorMemory::default();
    memory.grow((bytes.len() / 65_536) as u64);
    memory.write(0, &bytes);
    memory
}

/// Returns the bytes of the log from its first entry on, read without the engine.
fn log_bytes(image: VectorMemory, length: usize) -> Vec<u8> {
    let pages = MANAGER_PAGE..MANAGER_PAGE + 1 + MAX_BUCKETS * BUCKET_PAGES;
    let manager =
        MemoryManager::init_with_bucket_size(RestrictedMemory::new(image, pages), BUCKET_PAGES as u16);
    let mut bytes = vec![0; length];
    manager.get(LOG).read(LOG_START, &mut bytes);
    bytes
}

/// The log in stable memory equals StableLog's byte for byte.
#[tokio::test]
async fn the_log_is_that_of_motoko_byte_for_byte() {
    let harness = Harness::start().await;
    let client = harness.client();
    let mut model = StableLog::default();
    for text in ["", "one", "zwei", "", "鍵", &"x".repeat(100_000), "last"] {
        client.log(text).await.unwrap();
        model.log(text);
    }
    client.append(&["appended", ""]).await.unwrap();
    model.log("appended");
    model.log("");

    assert_eq!(client.log_info().await.unwrap().bytes, model.bytes().len() as u64);
    assert!(log_bytes(image(&harness).await, model.bytes().len()) == model.bytes());
}

/// After a workload with every kind of change, the image is sound, and the engine reads from it what the canister returns.
#[tokio::test]
async fn the_engine_reads_what_the_canister_stored() {
    let harness = Harness::start().await;
    let client = harness.client();
    let mut random = data::Random::new(11);
    for number in 0..300_u64 {
        let key = format!("key/{:02}", random.below(40));
        match random.below(6) {
            0 => drop(client.delete(&key).await.unwrap()),
            1 => drop(client.take_first("key/").await.unwrap()),
            2 => client.log(&key).await.unwrap(),
            _ => drop(client.put(&key, &data::bytes(number, random.below(60_000))).await.unwrap()),
        }
    }
    client.put_many(&[PutArgs::new("a", "1"), PutArgs::new("b", data::bytes(1, 1_500_000))]).await.unwrap();

    let snapshot = Snapshot::of(&client).await;
    let store = Store::open(image(&harness).await).unwrap();
    let report = store.check();
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(report.objects, snapshot.objects.len() as u64);
    assert_eq!((report.object_bytes, report.log_entries), (snapshot.object_bytes, snapshot.log.len() as u64));
    for (object, entry) in snapshot.objects.iter().zip(&snapshot.entries) {
        assert_eq!(store.stat(&object.key).unwrap(), *object);
        assert!(store.get(&entry.key).unwrap() == *entry.value, "{} differs in the image", entry.key);
    }
}

/// After everything is deleted, the whole arena is free.
#[tokio::test]
async fn an_emptied_canister_has_no_leak() {
    let harness = Harness::start().await;
    let client = harness.client();
    for number in 0..60_u64 {
        client.put(&format!("{number:02}"), &data::bytes(number, 1 << (number % 20))).await.unwrap();
    }
    client.delete_all("").await.unwrap();
    let status = client.status().await.unwrap();
    assert_eq!((status.objects, status.object_bytes, status.arena.extents), (0, 0, 0));
    let report = Store::open(image(&harness).await).unwrap().check();
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!((report.objects, report.extents), (0, 0));
}

//! A store in a virtual memory, beside another stable structure of ic-stable-structures.

use ic_stable_structures::memory_manager::{MemoryId, MemoryManager};
use ic_stable_structures::{Memory, StableBTreeMap, VectorMemory};
use stable_storage_api::limits::MIN_CAPACITY_BYTES;
use stable_storage_api::{Error, Settings};
use storage_engine::{Caller, HostFacts, OpenError, Put, Store};

/// Both grow in turns, are opened again from the same bytes, and keep their contents.
#[test]
fn a_store_and_a_map_share_a_memory() {
    let memory = VectorMemory::default();
    let admin = Caller { principal: candid::Principal::management_canister(), is_admin: true };
    for round in 0..4u64 {
        let manager = MemoryManager::init(memory.clone());
        let mut map = StableBTreeMap::<u64, Vec<u8>, _>::init(manager.get(MemoryId::new(3)));
        let mut store = Store::open(manager.get(MemoryId::new(7))).unwrap();
        for number in 0..50 {
            let (key, value) = (format!("{round}/{number}"), vec![number as u8; 1 << (number % 18)]);
            store.put(Put::new(&key, &value), round).unwrap();
            map.insert(round * 100 + number, value);
        }
        store.append(&[format!("round {round}")]).unwrap();
        let region = store.region_new(&admin, 0).unwrap().id;
        store.region_grow(region, 1, &admin).unwrap();
        if round % 2 == 0 {
            store.seal();
        }
    }
    let manager = MemoryManager::init(memory);
    let map = StableBTreeMap::<u64, Vec<u8>, _>::init(manager.get(MemoryId::new(3)));
    let store = Store::open(manager.get(MemoryId::new(7))).unwrap();
    assert!(store.check().is_sound(), "{:?}", store.check().problems);
    assert_eq!((map.len(), store.status(HostFacts::default()).unwrap().objects), (200, 200));
    for round in 0..4 {
        for number in 0..50 {
            assert_eq!(store.get(&format!("{round}/{number}")).ok(), map.get(&(round * 100 + number)));
        }
    }
    assert_eq!(store.read_last(1).unwrap(), [b"round 3".to_vec()]);
    // A memory with other contents is not opened as a store.
    assert!(matches!(Store::open(manager.get(MemoryId::new(3))), Err(OpenError::Foreign { .. })));
}

/// A `MemoryManager` panics if the platform refuses memory, which traps a message of a canister. With a
/// capacity the store does not ask for more, and returns an error instead.
#[test]
fn a_capacity_bounds_a_store_in_a_shared_memory() {
    let manager = MemoryManager::init(VectorMemory::default());
    let mut store = Store::open(manager.get(MemoryId::new(0))).unwrap();
    let capacity = Some(MIN_CAPACITY_BYTES);
    store.configure(&Settings { capacity, ..Settings::default() }).unwrap();
    store.put(Put::new("there", b"value"), 0).unwrap();
    let large = vec![1; 1 << 20];
    let full = (0..200).find_map(|number| store.put(Put::new(&number.to_string(), &large), 0).err());
    assert!(matches!(full, Some(Error::OutOfMemory { .. })), "{full:?}");
    assert!(manager.get(MemoryId::new(0)).size() * 65_536 <= MIN_CAPACITY_BYTES);
    assert!(store.check().is_sound());
    assert_eq!(store.get("there").unwrap(), b"value");
    assert!(store.delete("there").unwrap());
}

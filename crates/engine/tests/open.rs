//! Opening a memory: it is formatted, loaded, or refused.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::fs::File;

use ic_stable_structures::{FileMemory, Memory, VectorMemory};
use stable_storage_api::limits::{MAX_STABLE_BYTES, MIN_CAPACITY_BYTES};
use stable_storage_api::{Error, InitArgs, Status};
use storage_engine::header::{LAYOUT_VERSION_OFFSET, MAGIC};
use storage_engine::{HostFacts, INLINE_LIMIT, OpenError, Options, Put, Store, UPGRADE_BYTES};

fn status<M: Memory + Clone>(store: &Store<M>) -> Status {
    store.status(HostFacts::default()).unwrap()
}

/// Asserts that opening fails and changes no byte.
fn refused(memory: &VectorMemory) -> OpenError {
    let before = memory.borrow().clone();
    let error = Store::open(memory.clone()).err().expect("the memory is not a store");
    assert!(*memory.borrow() == before, "a refusal changed the memory");
    error
}

/// Returns a memory with contents in every structure.
fn filled() -> VectorMemory {
    let memory = VectorMemory::default();
    let mut store = Store::open(memory.clone()).unwrap();
    store.put(Put::new("small", b"inline"), 1).unwrap();
    store.put(Put::new("large", &[7; 100_000]), 2).unwrap();
    store.append(&(0..100).map(|i| i.to_string()).collect::<Vec<_>>()).unwrap();
    memory
}

#[test]
fn empty_memory_becomes_a_store_of_two_pages() {
    let memory = VectorMemory::default();
    let store = Store::open(memory.clone()).unwrap();
    assert_eq!(memory.size(), 2);
    assert_eq!(memory.borrow()[..8], MAGIC);
    let status = status(&store);
    assert_eq!((status.objects, status.revision, status.log_entries), (0, 0, 0));
    assert_eq!((status.capacity_bytes, status.stable_bytes), (MAX_STABLE_BYTES, 2 * 65_536));
    assert!(store.check().is_sound());
}

#[test]
fn reopening_keeps_everything_and_writes_nothing() {
    let memory = filled();
    let before = memory.borrow().clone();
    let store = Store::open(memory.clone()).unwrap();
    assert_eq!(store.get("small").unwrap(), b"inline");
    assert_eq!(store.get("large").unwrap(), [7; 100_000]);
    assert_eq!(store.read_last(1).unwrap(), [b"99"]);
    assert!(store.check().is_sound());
    assert!(*memory.borrow() == before, "opening and reading wrote something");
}

/// An operation without effect must not leave a memory that is neither empty nor a store.
#[test]
fn operations_without_effect_leave_an_empty_store() {
    let memory = VectorMemory::default();
    let mut store = Store::open(memory.clone()).unwrap();
    store.append::<&str>(&[]).unwrap();
    store.put_many([], 0).unwrap();
    assert!(!store.delete("k").unwrap());
    assert_eq!(store.take_first("").unwrap(), None);
    assert_eq!(memory.size(), 2);
    let store = Store::open(memory).unwrap();
    assert!(store.check().is_sound());
}

#[test]
fn foreign_memory_is_refused() {
    let memory = VectorMemory::default();
    memory.grow(3);
    assert_eq!(refused(&memory), OpenError::Foreign { first: [0; 8] });
    memory.write(0, b"SOMEBODY");
    let error = refused(&memory);
    assert_eq!(error, OpenError::Foreign { first: *b"SOMEBODY" });
    assert!(error.to_string().contains("SOMEBODY"), "{error}");
}

#[test]
fn an_unknown_layout_version_is_refused_by_its_number() {
    let memory = filled();
    memory.write(LAYOUT_VERSION_OFFSET, &[9]);
    assert_eq!(refused(&memory), OpenError::UnknownLayout { found: 9, known: 1 });
    memory.write(LAYOUT_VERSION_OFFSET, &[1]);
    assert!(Store::open(memory).unwrap().check().is_sound());
}

/// Every structure that would format unknown bytes is protected by a check.
#[test]
fn a_corrupt_header_of_any_structure_is_refused() {
    let bucket = |number: usize| 2 * 65_536 + number * (16 << 20);
    // Header, ledger, the header of the index, the bucket table, and the start of the log. The structures got
    // their buckets in the order of first use: index, arena, log.
    for offset in [20, 60, 2_266, 2_304, 2_330, 65_536, 65_540, 65_543, bucket(2), bucket(2) + 9] {
        let memory = filled();
        memory.borrow_mut()[offset] ^= 0x40;
        let error = refused(&memory);
        assert!(matches!(error, OpenError::Damaged { .. }), "byte {offset}: {error}");
    }
    // The arena reads nothing when it is opened, and refuses when it is used.
    let memory = filled();
    memory.borrow_mut()[bucket(1)] ^= 0x40;
    let mut store = Store::open(memory).unwrap();
    assert!(matches!(store.put(Put::new("k", &[1; 5_000]), 0), Err(Error::Corrupted { .. })));
    assert!(!store.check().is_sound());
}

#[test]
fn a_truncated_memory_is_refused() {
    let memory = filled();
    memory.borrow_mut().truncate(65_536);
    assert!(matches!(refused(&memory), OpenError::Damaged { .. }));
    let memory = filled();
    memory.borrow_mut().truncate(20 << 20);
    assert!(matches!(refused(&memory), OpenError::Damaged { .. }));
}

#[test]
fn a_clean_shutdown_is_distinguished_from_a_skipped_pre_upgrade() {
    let memory = filled();
    let mut store = Store::open(memory.clone()).unwrap();
    store.seal();
    let mut store = Store::open(memory.clone()).unwrap();
    store.record_upgrade(123);
    let upgrades = status(&store).upgrades;
    assert_eq!((upgrades.count, upgrades.last_was_sealed, upgrades.open_instructions), (1, true, 123));

    let mut store = Store::open(memory.clone()).unwrap();
    store.record_upgrade(456);
    let upgrades = status(&Store::open(memory).unwrap()).upgrades;
    assert_eq!((upgrades.count, upgrades.last_was_sealed, upgrades.open_instructions), (2, false, 456));
}

#[test]
fn the_capacity_is_validated_and_kept() {
    let memory = VectorMemory::default();
    let mut store = Store::open(memory.clone()).unwrap();
    for (capacity, ok) in [
        (0, false),
        (MIN_CAPACITY_BYTES - 1, false),
        (MIN_CAPACITY_BYTES, true),
        (MAX_STABLE_BYTES, true),
        (MAX_STABLE_BYTES + 1, false),
        (u64::MAX, false),
    ] {
        let result = store.configure(&InitArgs::capacity(capacity));
        assert_eq!(result.is_ok(), ok, "{capacity}");
    }
    store.configure(&InitArgs::capacity(MIN_CAPACITY_BYTES)).unwrap();
    store.configure(&InitArgs::default()).unwrap();
    assert_eq!(status(&Store::open(memory).unwrap()).capacity_bytes, MIN_CAPACITY_BYTES);
}

#[test]
fn a_capacity_below_the_used_space_stops_growth_and_loses_nothing() {
    let memory = VectorMemory::default();
    let mut store = Store::open(memory.clone()).unwrap();
    let value = vec![5; 1 << 20];
    (0..200)
        .for_each(|i| assert_eq!(store.put(Put::new(&i.to_string(), &value), 0).unwrap().revision, i + 1));
    store.configure(&InitArgs::capacity(MIN_CAPACITY_BYTES)).unwrap();
    let grown = memory.size();
    assert!(grown * 65_536 > MIN_CAPACITY_BYTES);
    let refused = (0..100).find_map(|i| store.put(Put::new(&format!("more{i}"), &value), 0).err());
    assert!(matches!(refused, Some(Error::OutOfMemory { available: 0, .. })));
    assert_eq!(memory.size(), grown);
    assert_eq!(store.get("0").unwrap(), value);
    assert!(store.delete("1").unwrap());
    store.put(Put::new("1", &value), 0).unwrap();
    assert!(store.check().is_sound());
}

#[test]
fn the_inline_limit_can_change_at_each_opening() {
    let memory = VectorMemory::default();
    let value = vec![9; INLINE_LIMIT as usize];
    for (limit, key) in [(0, "extent"), (4_096, "inline"), (INLINE_LIMIT, "default")] {
        let mut store =
            Store::open_with(memory.clone(), Options { inline_limit: limit, ..Options::default() }).unwrap();
        store.put(Put::new(key, &value), 0).unwrap();
    }
    let store = Store::open(memory).unwrap();
    for key in ["extent", "inline", "default"] {
        assert_eq!(store.get(key).unwrap(), value);
    }
    assert_eq!(store.check().extents, 1);
    assert!(store.check().is_sound());
}

/// A limit above the largest possible one means the largest, 4,096 bytes.
#[test]
fn the_inline_limit_has_a_maximum() {
    let options = Options { inline_limit: u64::MAX, ..Options::default() };
    let mut store = Store::open_with(VectorMemory::default(), options).unwrap();
    store.put(Put::new("inline", &[9; 4_096]), 0).unwrap();
    store.put(Put::new("extent", &[9; 4_097]), 0).unwrap();
    assert_eq!(store.get("extent").unwrap(), [9; 4_097]);
    assert_eq!(store.check().extents, 1);
    assert!(store.check().is_sound());
}

#[test]
fn a_store_in_a_file_is_the_same_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stable.bin");
    std::fs::write(&path, filled().borrow().as_slice()).unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    let mut store = Store::open(FileMemory::new(file)).unwrap();
    assert_eq!(store.get("large").unwrap(), [7; 100_000]);
    store.delete("large").unwrap();
    assert!(store.check().is_sound());
}

#[test]
fn the_readme_states_what_pre_upgrade_writes() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let statement = format!("`pre_upgrade` writes {UPGRADE_BYTES} bytes");
    assert!(readme.contains(&statement), "README.md has to contain: {statement}");
}

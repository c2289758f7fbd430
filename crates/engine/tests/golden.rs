//! Images of each layout version, kept permanently: they are opened, and everything in them is read.
//!
//! docs/FORMAT.md describes how they are made.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use std::fs::File;

use candid::Principal;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use stable_storage_api::limits::{CHUNK_BYTES, FIRST_REGION, MIN_UPLOAD_IDLE_NS};
use stable_storage_api::{
    ChecksumState, ChunkRange, Config, Count, Grant, ListArgs, MetadataPair, ReadArgs, ReadLogArgs,
    RegionLoad, RegionType, RegionValue, Role, UploadEnd,
};
use storage_engine::arena::SLOT_EXTENT_BYTES;
use storage_engine::testing::{callers, key_of, now_ns, run_all, run_certified, value_of};
use storage_engine::{BucketSize, HostFacts, Memory, Options, Store};
use storage_testkit::FaultyMemory;

type TestStore = Store<FaultyMemory>;

const LARGE_BYTES: u64 = SLOT_EXTENT_BYTES + 1_000_000;

fn image(name: &str) -> FaultyMemory {
    let path = format!("{}/tests/golden/{name}.img.gz", env!("CARGO_MANIFEST_DIR"));
    let file = File::open(&path)
        .unwrap_or_else(|error| panic!("{path}: {error}; docs/FORMAT.md describes how it is made"));
    FaultyMemory::read_image(&mut GzDecoder::new(file)).unwrap()
}

/// Returns the image that this version of the code writes with the same steps.
fn written_now() -> FaultyMemory {
    let memory = FaultyMemory::default();
    run_all(&memory);
    memory
}

/// The image of a store that certifies, of the same layout: memories 7 to 11 are in use.
#[test]
fn the_code_still_writes_what_is_certified_byte_for_byte() {
    let memory = FaultyMemory::default();
    run_certified(&memory);
    let differs = image("layout-v1-certified").compare(&memory).err();
    assert_eq!(differs, None, "the bytes differ from this offset on; a new layout needs a new version");
}

#[test]
fn what_is_certified_is_still_proven() {
    let memory = image("layout-v1-certified");
    let mut store = Store::open(memory.clone()).unwrap();
    assert_eq!(store.check().problems, []);
    let digest = store.certified_digest().unwrap();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "55e2b3217166ea8b3512400ec02fda5a3619ad73282a4f1b6eede41577da64e1");
    let object = store.get_certified("cert/new").unwrap().contents.unwrap();
    assert_eq!(object.value.as_slice(), b"value");
    assert_eq!(store.get_certified("cert/07").unwrap().contents, None);
    assert_eq!(
        store.log_certified(&ReadLogArgs { from: 3, limit: None }).unwrap().contents.entries,
        [b"four".to_vec(), vec![]]
    );
    assert!(store.list_sites().unwrap().iter().all(|status| status.complete));
    assert!(memory.is_as_marked(), "reading has written something");
    store.put(storage_engine::Put::new("cert/more", b"value"), now_ns(300)).unwrap();
    store.append(&["five"]).unwrap();
    assert_eq!(store.check().problems, []);
}

/// Images of layout version 1.
const LAYOUT_V1: [&str; 1] = ["layout-v1"];

#[test]
fn the_code_still_writes_layout_v1_byte_for_byte() {
    let differs = image("layout-v1").compare(&written_now()).err();
    assert_eq!(differs, None, "the bytes differ from this offset on; a new layout needs a new version");
}

/// Layout 1 is frozen: stores of it exist. Another image would hide that the code writes other bytes.
#[test]
fn the_image_of_layout_v1_is_never_replaced() {
    for (name, expected) in [
        ("layout-v1", "c157e3b43a4773e9af944e961c63469fffd0496ef65278f4a28dc3608e11e6aa"),
        ("layout-v1-certified", "e7fba0c8d21a876c8505c096169d34feec460539f35e0305d8038330d5b288be"),
    ] {
        let path = format!("{}/tests/golden/{name}.img.gz", env!("CARGO_MANIFEST_DIR"));
        let digest: [u8; 32] = Sha256::digest(std::fs::read(&path).unwrap()).into();
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, expected, "{name}");
    }
}

/// The same operations give the same store, whatever the size of its buckets.
#[test]
fn stores_of_smaller_buckets_have_the_same_contents() {
    for pages in [16, 64] {
        let options = Options { bucket_size: BucketSize::from_pages(pages).unwrap(), ..Options::default() };
        let memory = FaultyMemory::default();
        drop(Store::open_with(memory.clone(), options).unwrap());
        run_all(&memory);
        let store = Store::open(memory.clone()).unwrap();
        expect_objects(&store);
        expect_uploads(&store);
        expect_log(&store);
        expect_roles(&store);
        expect_regions(&store);
        assert_eq!(store.check().problems, []);
        assert!(memory.size() < image("layout-v1").size(), "smaller buckets take less memory");
    }
}

#[test]
fn layout_v1_opens_with_all_of_its_contents() {
    for name in LAYOUT_V1 {
        let memory = image(name);
        let store = Store::open(memory.clone()).unwrap();
        expect_settings(&store);
        expect_objects(&store);
        expect_uploads(&store);
        expect_log(&store);
        expect_roles(&store);
        expect_regions(&store);
        assert!(memory.is_as_marked(), "reading has written something");
    }
}

#[test]
fn layout_v1_is_sound_and_can_be_changed() {
    LAYOUT_V1.into_iter().map(image).for_each(expect_changes);
}

fn expect_changes(memory: FaultyMemory) {
    let mut store = Store::open(memory.clone()).unwrap();
    let report = store.check();
    assert_eq!(report.problems, []);
    assert_eq!((report.objects, report.log_entries, report.regions), (35, 152, 2));
    store.record_upgrade(0);
    assert!(store.status(HostFacts::default()).unwrap().upgrades.last_was_sealed);
    // The verification and the uploads resume.
    let progress = store.verify("large").unwrap();
    assert_eq!((progress.hashed, progress.verdict), (LARGE_BYTES, Some(ChecksumState::Verified)));
    let [_, bob, _] = callers();
    store.write_chunk(6, 0, &vec![7; CHUNK_BYTES as usize], &bob, now_ns(117)).unwrap();
    assert_eq!(store.commit_upload(6, &bob, now_ns(118)).unwrap().revision, 64);
    assert_eq!(store.stat("open").unwrap().size, 3_000_000);
    store.abort_upload(5, &bob).unwrap();
    let end = UploadEnd { size: CHUNK_BYTES, sha256: None };
    store.commit_upload_with(7, Some(&end), &bob, now_ns(119)).unwrap();
    let info = store.stat("stream").unwrap();
    assert_eq!((info.size, info.owner), (CHUNK_BYTES, Some(bob.principal)));
    assert_eq!(Store::open(memory).unwrap().check().problems, []);
}

fn expect_settings(store: &TestStore) {
    let expected = Config {
        capacity: 100 << 30,
        public_read: true,
        max_uploads: 10,
        upload_idle_ns: MIN_UPLOAD_IDLE_NS,
    };
    assert_eq!(store.config(), expected);
    let status = store.status(HostFacts::default()).unwrap();
    assert_eq!((status.revision, status.objects, status.uploads), (63, 35, 3));
    assert_eq!((status.upgrades.count, status.upgrades.open_instructions), (2, 12_345));
    assert!(!status.upgrades.last_was_sealed);
    assert_eq!(status.operations, [Count { name: "put".into(), count: 1 }]);
    assert_eq!(status.refusals, [Count { name: "NotFound".into(), count: 1 }]);
}

/// Returns the remaining keys of the batch, with their values.
fn batch() -> Vec<(String, Vec<u8>)> {
    let value = |i: u8| value_of(usize::from(i) * 9 % 260, i);
    let here = (1..40).filter(|i| ![4, 5, 19, 39].contains(i) && !(10..19).contains(i));
    here.map(|i| (key_of(i), value(if i == 3 { 39 } else { i }))).collect()
}

fn expect_objects(store: &TestStore) {
    let long = "long/".repeat(204);
    let mut expected = batch();
    expected.push((key_of(19), value_of(171, 19)));
    expected.extend([
        ("renamed".into(), value_of(36, 4)),
        ("inline".into(), b"a small value".to_vec()),
        ("empty".into(), vec![]),
        ("extent".into(), value_of(70_000, 2)),
        (long.clone(), b"under a long key".to_vec()),
        ("uploaded".into(), value_of(300_000, 4)),
        ("last".into(), b"one".to_vec()),
    ]);
    expected.sort();
    for (key, value) in &expected {
        assert!(store.get(key).unwrap() == *value, "the value of {key:?}");
    }
    let mut keys: Vec<_> = expected.into_iter().map(|(key, _)| key).collect();
    keys.push("large".into());
    keys.sort();
    let listed = store.list(&ListArgs::prefix("")).unwrap().objects;
    assert_eq!(listed.into_iter().map(|object| object.key).collect::<Vec<_>>(), keys);

    let info = store.stat(&long).unwrap();
    assert_eq!((info.content_type.as_deref(), info.revision), (Some("text/plain"), 4));
    assert_eq!((info.created_ns, info.modified_ns), (now_ns(4), now_ns(4)));
    let pairs = |pairs: &[(&str, &str)]| {
        Some(pairs.iter().map(|(name, value)| MetadataPair::new(*name, *value)).collect::<Vec<_>>())
    };
    assert_eq!(info.content_encoding.as_deref(), Some("identity"));
    assert_eq!(info.metadata, pairs(&[("name", "value"), ("other", "")]));
    assert_eq!(info.owner, Some(callers()[0].principal));
    assert_eq!(info.sha256.unwrap().state, ChecksumState::Declared);
    let info = store.stat("extent").unwrap();
    assert_eq!((info.created_ns, info.modified_ns), (now_ns(3), now_ns(6)));
    assert_eq!(info.sha256.unwrap().state, ChecksumState::Verified);
    let info = store.stat("uploaded").unwrap();
    assert_eq!(info.content_type.as_deref(), Some("application/octet-stream"));
    assert_eq!(info.content_encoding.as_deref(), Some("gzip"));
    assert_eq!(
        (info.metadata, info.owner),
        (pairs(&[("uploaded by", "alice")]), Some(callers()[0].principal))
    );
    assert_eq!(info.sha256.unwrap().state, ChecksumState::Verified);
    expect_large(store);
}

/// Checks a chunk of zeroes with its number at the start and a mark at the end.
fn expect_large(store: &TestStore) {
    assert_eq!(store.stat("large").unwrap().size, LARGE_BYTES);
    for index in 0..9 {
        let read = ReadArgs {
            key: "large".into(),
            offset: index * CHUNK_BYTES,
            length: Some(CHUNK_BYTES),
            revision: None,
        };
        let bytes = store.read(&read).unwrap();
        assert_eq!(bytes.len() as u64, CHUNK_BYTES.min(LARGE_BYTES - index * CHUNK_BYTES));
        assert_eq!((bytes[0], *bytes.last().unwrap()), (index as u8 + 1, 0xee));
        assert!(bytes[1..bytes.len() - 1].iter().all(|byte| *byte == 0));
    }
}

fn expect_uploads(store: &TestStore) {
    let [alice, bob, admin] = callers();
    assert_eq!(store.list_uploads(&alice, now_ns(120)).unwrap(), []);
    let uploads = store.list_uploads(&bob, now_ns(120)).unwrap();
    assert_eq!(uploads, store.list_uploads(&admin, now_ns(120)).unwrap());
    let [five, six, seven] = uploads.as_slice() else { panic!("{uploads:?}") };
    assert_eq!((five.upload.id, five.upload.key.as_str(), five.upload.chunks), (5, "inline", Some(16)));
    assert_eq!((five.upload.expires_ns, five.received), (now_ns(114) + MIN_UPLOAD_IDLE_NS, CHUNK_BYTES));
    assert_eq!(five.missing, [ChunkRange { first: 1, last: 15 }]);
    assert_eq!((six.upload.id, six.upload.key.as_str(), six.upload.size), (6, "open", Some(3_000_000)));
    assert_eq!(six.missing, [ChunkRange { first: 0, last: 0 }]);
    assert_eq!(six.received, 3_000_000 - CHUNK_BYTES);
    assert_eq!((seven.upload.key.as_str(), seven.upload.size, seven.received), ("stream", None, CHUNK_BYTES));
    assert_eq!(seven.missing, []);
}

fn expect_log(store: &TestStore) {
    let mut expected = vec![b"the first entry".to_vec()];
    expected.extend((0..150).map(|i| value_of(usize::from(i) * 7 % 50, i)));
    expected.push(vec![0; 100_000]);
    let page = store.read_log(&ReadLogArgs { from: 0, limit: Some(1_000) }).unwrap();
    assert!(page.entries.into_iter().map(|entry| entry.into_vec()).eq(expected.iter().cloned()));
    expected.reverse();
    assert!(store.read_last(1_000).unwrap() == expected);
}

fn expect_roles(store: &TestStore) {
    let principal = |number| Principal::from_slice(&[9, number]);
    let writers = (1..15).filter(|number| *number != 7);
    let mut expected = vec![Grant { who: principal(0), role: Role::Admin }];
    expected.extend(writers.map(|number| Grant { who: principal(number), role: Role::Writer }));
    assert_eq!(store.list_roles().unwrap(), expected);
}

fn expect_regions(store: &TestStore) {
    let [alice, bob, admin] = callers();
    let regions = store.region_list(&alice).unwrap();
    let seen: Vec<_> = regions.iter().map(|region| (region.id, region.pages, region.created_ns)).collect();
    assert_eq!(seen, [(FIRST_REGION, 1, now_ns(200)), (17, 2, now_ns(201))]);
    assert_eq!(store.region_list(&bob).unwrap(), []);
    assert_eq!(store.region_list(&admin).unwrap(), regions);
    let load = |offset, kind| RegionLoad { offset, kind };
    let loads = [load(0, RegionType::Nat8), load(1, RegionType::Int32), load(65_528, RegionType::Float)];
    let values = store.region_load(FIRST_REGION, &loads, &alice).unwrap();
    assert_eq!(values, [RegionValue::Nat8(200), RegionValue::Int32(-7), RegionValue::Float(0.5)]);
    let loaded = store.region_load(17, &[load(65_000, RegionType::Blob(1_000))], &alice).unwrap();
    assert_eq!(loaded, [RegionValue::Blob(value_of(1_000, 5).into())]);
}

//! A store that was filled: what its status says can be done can be done, every store can begin, uploads that are open can be
//! finished, and after everything was deleted the room is there for any store.

#![expect(clippy::unwrap_used, reason = "what fails here is a test")]

use stable_storage_api::limits::{CHUNK_BYTES, MAX_PAYLOAD_BYTES, MIN_CAPACITY_BYTES};
use stable_storage_api::{DeletePrefixArgs, Error, Role, Settings, Status, UploadArgs};
use storage_engine::testing::SparseMemory;
use storage_engine::{Caller, HostFacts, Options, Put, Store};

type TestStore = Store<SparseMemory>;

/// Fills a store with something.
type Fill = fn(&mut TestStore);

const BUCKET: u64 = 16 << 20;
const OWNER: Caller = Caller { principal: candid::Principal::management_canister(), is_admin: true };

/// A store with room for so many buckets more than the least.
fn store(more_buckets: u64) -> TestStore {
    let options = Options { inline_limit: 4_096 };
    let mut store = Store::open_with(SparseMemory::default(), options).unwrap();
    store.configure(&Settings::capacity(MIN_CAPACITY_BYTES + more_buckets * BUCKET)).unwrap();
    store
}

fn status(store: &TestStore) -> Status {
    store.status(HostFacts::default()).unwrap()
}

fn sound(store: &TestStore) {
    assert_eq!(store.check().problems, []);
}

/// Does something until it is refused for lack of memory, and tells how often it was not.
fn until_full<T>(mut f: impl FnMut(u64) -> Result<T, Error>) -> u64 {
    let mut done = 0;
    loop {
        match f(done) {
            Ok(_) => done += 1,
            Err(error) => {
                assert!(
                    matches!(error, Error::OutOfMemory { requested, available } if requested > available),
                    "{error:?}"
                );
                return done;
            }
        }
    }
}

fn fill_with_large(store: &mut TestStore) {
    let value = vec![1; MAX_PAYLOAD_BYTES as usize];
    until_full(|i| store.put(Put::new(&format!("large/{i}"), &value), 0));
    until_full(|i| store.put(Put::new(&format!("middle/{i}"), &value[..100_000]), 0));
}

fn fill_with_small(store: &mut TestStore) {
    let value = vec![2; 4_096];
    let mut batch = |from: u64, count: u64| {
        let keys: Vec<_> = (from..from + count).map(|i| format!("small/{i:08}")).collect();
        let puts: Vec<_> = keys.iter().map(|key| Put::new(key, &value)).collect();
        store.put_many(puts.iter().copied(), 0).map(drop)
    };
    let full = until_full(|i| batch(i * 200, 200)) * 200;
    until_full(|i| batch(full + i, 1));
}

fn delete_everything(store: &mut TestStore) {
    let args = DeletePrefixArgs { prefix: String::new(), limit: Some(1_000) };
    while store.delete_prefix(&args).unwrap().more {}
    assert_eq!((status(store).objects, status(store).object_bytes), (0, 0));
}

/// Opens an upload of so many bytes, sends it and commits it.
fn upload(store: &mut TestStore, key: &str, size: u64) {
    let id = store.create_upload(&UploadArgs::new(key, size), &OWNER, 0).unwrap().id;
    send(store, id, size);
    store.commit_upload(id, &OWNER, 0).unwrap();
}

fn send(store: &mut TestStore, id: u64, size: u64) {
    for index in 0..size.div_ceil(CHUNK_BYTES) {
        let chunk = vec![index as u8; CHUNK_BYTES.min(size - index * CHUNK_BYTES) as usize];
        store.write_chunk(id, index, &chunk, &OWNER, 0).unwrap();
    }
}

/// Each store begins, whatever fills the others.
fn every_store_begins(store: &mut TestStore) {
    store.append(&["entry"]).unwrap();
    store.set_role(&candid::Principal::from_slice(&[1, 2, 3]), Some(Role::Writer)).unwrap();
    store.region_new(&OWNER, 0).unwrap();
    store.put(Put::new("inline", b"small"), 0).unwrap();
    store.delete("inline").unwrap();
    sound(store);
}

#[test]
fn a_store_that_is_full_lets_the_others_begin() {
    for fill in [fill_with_large, fill_with_small, |store: &mut TestStore| {
        until_full(|_| store.append(&[vec![3; 1_000_000]]));
    }] {
        let mut store = store(1);
        fill(&mut store);
        every_store_begins(&mut store);
    }
}

/// What a status says can be uploaded is uploaded; that is held in a store that is empty, that was full of large objects, and
/// that was full of small ones, whose room stays with the index.
#[test]
fn what_status_says_can_be_stored_can_be_stored() {
    let fills: [(Fill, bool); 3] = [
        (|_| {}, true),
        (fill_with_large, true),
        (
            |store| {
                fill_with_small(store);
                fill_with_large(store);
            },
            false,
        ),
    ];
    for (fill, has_room) in fills {
        let mut store = store(3);
        fill(&mut store);
        let region = store.region_new(&OWNER, 0).unwrap().id;
        delete_everything(&mut store);

        let most = status(&store).storable_bytes;
        assert_eq!(most > 0, has_room);
        let more = store.create_upload(&UploadArgs::new("more", most + 2 * BUCKET), &OWNER, 0);
        assert!(matches!(more, Err(Error::OutOfMemory { .. })), "{more:?}");
        upload(&mut store, "most", most.max(1_000_000));
        assert!(status(&store).storable_bytes < 2 * BUCKET);
        sound(&store);
        store.delete("most").unwrap();

        // The arena's free end is lent to the others.
        every_store_begins(&mut store);
        assert_eq!(store.region_grow(region, 1, &OWNER).is_ok(), has_room);
        assert_eq!(until_full(|_| store.append(&[vec![3; 1_000_000]])) > 16, has_room);
        sound(&store);
    }
}

/// A free slot that is there and one that is promised are told from each other to the last one.
#[test]
fn status_counts_free_slots_to_the_last_one() {
    let slot = storage_engine::arena::SLOT_EXTENT_BYTES;
    let mut store = store(3);
    store.put(Put::new("first", b"inline"), 0).unwrap();
    for key in ["a", "b"] {
        upload(&mut store, key, 2 * slot);
        assert!(store.delete(key).unwrap());
    }
    let before = status(&store).storable_bytes / slot;
    for promised in 1..=before {
        let id = store.create_upload(&UploadArgs::new("p", promised * slot), &OWNER, 0).unwrap().id;
        let left = status(&store).storable_bytes / slot;
        assert!(
            left == before - promised || left + 1 == before - promised,
            "{left} of {before} after {promised}"
        );
        if left > 0 {
            let other = store.create_upload(&UploadArgs::new("q", left * slot), &OWNER, 0).unwrap().id;
            store.abort_upload(other, &OWNER).unwrap();
        }
        store.abort_upload(id, &OWNER).unwrap();
        assert_eq!(status(&store).storable_bytes / slot, before);
    }
}

/// What the arena gives to a region comes filled with zeroes, and opening the store again finds every bucket.
#[test]
fn a_region_takes_the_arenas_free_end_and_finds_zeroes() {
    let mut store = store(3);
    fill_with_large(&mut store);
    let region = store.region_new(&OWNER, 0).unwrap().id;
    assert!(matches!(store.region_grow(region, 1, &OWNER), Err(Error::OutOfMemory { .. })));
    delete_everything(&mut store);
    let before = status(&store);
    assert_eq!(store.region_grow(region, 512, &OWNER), Ok(0));
    let after = status(&store);
    assert_eq!(after.stores.arena, before.stores.arena - 2 * BUCKET);
    assert_eq!(after.stable_bytes, before.stable_bytes);
    let mut page = vec![1; 65_536];
    for number in 0..512 {
        store.region_load_blob_into(region, number * 65_536, 65_536, &mut page, &OWNER).unwrap();
        assert!(page.iter().all(|byte| *byte == 0), "page {number}");
    }
    sound(&store);
}

/// A commit is never refused for lack of memory, whatever fills the store while the upload is open.
#[test]
fn an_upload_that_is_open_can_be_committed_in_a_full_store() {
    let mut store = store(3);
    store.put(Put::new("first", b"takes the first bucket of the index"), 0).unwrap();
    let uploads: Vec<_> = (0..12)
        .map(|i| {
            let key = format!("{i:02}{}", "k".repeat(1_022));
            store.create_upload(&UploadArgs::new(&key, 5_000), &OWNER, 0).unwrap().id
        })
        .collect();
    uploads.iter().for_each(|id| send(&mut store, *id, 5_000));
    fill_with_small(&mut store);
    fill_with_large(&mut store);
    for (i, id) in uploads.into_iter().enumerate() {
        store.commit_upload(id, &OWNER, 0).unwrap_or_else(|error| panic!("upload {i}: {error}"));
        // What a commit leaves is not for others as long as it is kept for those that are open.
        fill_with_small(&mut store);
    }
    sound(&store);
}

/// Puts of 1.0 to 1.1 MB and deletes in any order: the sizes that once broke the arena.
#[test]
fn puts_and_deletes_of_a_megabyte_leave_the_store_sound() {
    let mut store = store(3);
    let value = vec![4; 1_150_000];
    let mut random = 3u64;
    for step in 0..3_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (key, size) = (format!("{}", (random >> 33) % 40), 1_000_000 + (random >> 40) % 120_000);
        if random >> 62 == 0 {
            store.delete(&key).unwrap();
        } else if let Err(error) = store.put(Put::new(&key, &value[..size as usize]), 0) {
            assert!(matches!(error, Error::OutOfMemory { .. }), "step {step}: {error}");
        }
        if step % 100 == 0 {
            sound(&store);
        }
    }
    sound(&store);
}

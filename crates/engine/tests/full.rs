//! A full store: the space that its status reports is available, every structure can be used, open uploads
//! can be committed, and deleting everything makes the space available to any structure.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use stable_storage_api::limits::{CHUNK_BYTES, MAX_PAYLOAD_BYTES, MIN_CAPACITY_BYTES, PAGE_BYTES};
use stable_storage_api::{DeletePrefixArgs, Error, Role, Settings, Site, Status, UploadArgs};
use storage_engine::{BucketSize, Caller, HostFacts, Memory, Options, Put, Store};
use storage_testkit::SparseMemory;

type TestStore = Store<SparseMemory>;

/// Fills a store.
type Fill = fn(&mut TestStore);

const BUCKET: u64 = 16 << 20;
const OWNER: Caller = Caller { principal: candid::Principal::management_canister(), is_admin: true };

/// Returns a store with the smallest capacity plus `more_buckets` buckets.
fn store(more_buckets: u64) -> TestStore {
    store_of(BucketSize::LARGEST, more_buckets)
}

/// Returns a store of large and one of small buckets, with the same capacity.
fn stores(more_buckets: u64) -> impl Iterator<Item = TestStore> {
    [BucketSize::LARGEST, BucketSize::SMALLEST].into_iter().map(move |size| store_of(size, more_buckets))
}

fn store_of(bucket_size: BucketSize, more_buckets: u64) -> TestStore {
    let options = Options { inline_limit: 4_096, bucket_size };
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

/// Repeats an operation until it is refused for lack of memory, and returns the number of successes.
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
        store.put_many(puts, 0).map(drop)
    };
    let full = until_full(|i| batch(i * 200, 200)) * 200;
    until_full(|i| batch(full + i, 1));
}

fn delete_everything(store: &mut TestStore) {
    let args = DeletePrefixArgs { prefix: String::new(), limit: Some(1_000) };
    while store.delete_prefix(&args).unwrap().more {}
    assert_eq!((status(store).objects, status(store).object_bytes), (0, 0));
}

/// Opens an upload of `size` bytes, sends it and commits it.
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

/// Uses each structure for the first time while the others are full.
fn every_structure_starts(store: &mut TestStore) {
    store.append(&["entry"]).unwrap();
    store.set_role(&candid::Principal::from_slice(&[1, 2, 3]), Some(Role::Writer)).unwrap();
    store.region_new(&OWNER, 0).unwrap();
    store.put(Put::new("inline", b"small"), 0).unwrap();
    store.delete("inline").unwrap();
    sound(store);
}

#[test]
fn every_structure_can_start_when_another_is_full() {
    for fill in [fill_with_large, fill_with_small, |store: &mut TestStore| {
        until_full(|_| store.append(&[vec![3; 1_000_000]]));
    }] {
        for mut store in stores(1) {
            fill(&mut store);
            every_structure_starts(&mut store);
        }
    }
}

/// The size that the status reports can be uploaded: to an empty store, to one that was full of large
/// objects, and to one that was full of small ones, whose space remains with the index.
#[test]
fn the_reported_space_can_be_uploaded_in_any_state() {
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

        // The arena's free end is available to the others.
        every_structure_starts(&mut store);
        assert_eq!(store.region_grow(region, 1, &OWNER).is_ok(), has_room);
        assert_eq!(until_full(|_| store.append(&[vec![3; 1_000_000]])) > 16, has_room);
        sound(&store);
    }
}

/// The status distinguishes free slots from reserved ones exactly.
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
    for reserved in 1..=before {
        let id = store.create_upload(&UploadArgs::new("p", reserved * slot), &OWNER, 0).unwrap().id;
        let left = status(&store).storable_bytes / slot;
        assert!(
            left == before - reserved || left + 1 == before - reserved,
            "{left} of {before} after {reserved}"
        );
        if left > 0 {
            let other = store.create_upload(&UploadArgs::new("q", left * slot), &OWNER, 0).unwrap().id;
            store.abort_upload(other, &OWNER).unwrap();
        }
        store.abort_upload(id, &OWNER).unwrap();
        assert_eq!(status(&store).storable_bytes / slot, before);
    }
}

/// The arena has all buckets but one of the index, whose pages are reserved one by one, until the next upload needs another bucket.
#[test]
fn the_reported_space_leaves_a_bucket_for_the_entry_of_one_more_upload() {
    const PAGES: u64 = BUCKET / PAGE_BYTES;
    let slot = storage_engine::arena::SLOT_EXTENT_BYTES;
    let mut store = store(8);
    store.configure(&Settings { max_uploads: Some(2 * PAGES), ..Settings::default() }).unwrap();
    every_structure_starts(&mut store);
    fill_with_large(&mut store);
    delete_everything(&mut store);
    let mut reported = Vec::new();
    for number in 0..PAGES + 2 {
        let most = status(&store).storable_bytes;
        let mut open = |size| store.create_upload(&UploadArgs::new("more", size), &OWNER, 0);
        let more = open(most + 3 * slot);
        assert!(matches!(more, Err(Error::OutOfMemory { .. })), "{number}: {most} {more:?}");
        let id = open(most).unwrap_or_else(|error| panic!("{number}: {most} {error}")).id;
        store.abort_upload(id, &OWNER).unwrap();
        store.create_upload(&UploadArgs::new(number.to_string(), 1), &OWNER, 0).unwrap();
        reported.push(most / slot);
    }
    reported.dedup();
    assert!(reported.len() > 1 && reported.iter().all(|slots| *slots > 0), "{reported:?}");
}

/// The slot of a removed object is in the middle of the arena, so that only an object can have it.
#[test]
fn a_reservation_that_the_arena_can_satisfy_takes_no_bucket_from_others() {
    let slot = storage_engine::arena::SLOT_EXTENT_BYTES;
    let appended = |is_reserved: bool| {
        let mut store = store(3);
        every_structure_starts(&mut store);
        ["first", "last"].iter().for_each(|key| upload(&mut store, key, slot));
        store.delete("first").unwrap();
        if is_reserved {
            store.create_upload(&UploadArgs::new("reserved", slot), &OWNER, 0).unwrap();
        }
        until_full(|_| store.append(&[vec![3; 1_000_000]]))
    };
    let most = appended(false);
    assert!(most > 16, "{most}");
    assert_eq!(appended(true), most);
}

/// A bucket that moves from the arena to a region is filled with zeroes, and opening the store again finds
/// every bucket.
#[test]
fn a_region_reuses_the_arenas_free_end_zeroed() {
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

/// Zeroes cost time, so one growth reuses at most 256 freed buckets, also if more are free.
#[test]
fn at_most_256_freed_buckets_are_zeroed_in_one_growth() {
    const MOST: u64 = 256;
    const BUCKET: u64 = BucketSize::SMALLEST.bytes();
    let memory = SparseMemory::default();
    let options = Options { bucket_size: BucketSize::SMALLEST, ..Options::default() };
    let mut store = Store::open_with(memory.clone(), options).unwrap();
    store.put_sparse("large", (MOST + 100) * BUCKET).unwrap();
    let region = store.region_new(&OWNER, 0).unwrap().id;
    store.delete("large").unwrap();
    // A bucket for each structure that has none, and the others are those of the object.
    every_structure_starts(&mut store);
    store.configure(&Settings::capacity(memory.size() * PAGE_BYTES)).unwrap();
    let refused = store.region_grow(region, (MOST + 1) * BUCKET / PAGE_BYTES, &OWNER);
    assert!(matches!(refused, Err(Error::OutOfMemory { .. })), "{refused:?}");
    memory.take_traffic();
    assert_eq!(store.region_grow(region, MOST * BUCKET / PAGE_BYTES, &OWNER), Ok(0));
    let zeroed = memory.take_traffic().written_bytes;
    assert!((MOST * BUCKET..MOST * BUCKET + 100_000).contains(&zeroed), "{zeroed}");
    assert_eq!(store.region_grow(region, BUCKET / PAGE_BYTES, &OWNER), Ok(MOST * BUCKET / PAGE_BYTES));
    sound(&store);
}

/// A commit is never refused for lack of memory, regardless of what fills the store while the upload is open.
#[test]
fn an_upload_that_is_open_can_be_committed_in_a_full_store() {
    for mut store in stores(3) {
        store.put(Put::new("first", b"uses the first bucket of the index"), 0).unwrap();
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
            // The space of a commit stays reserved for the other open uploads.
            fill_with_small(&mut store);
        }
        sound(&store);
    }
}

/// The same under a certified prefix, and in a site with deep folders, when the commits need more buckets for the hash tree.
#[test]
fn an_upload_to_a_certified_prefix_can_be_committed_in_a_full_store() {
    /// Slots of the hash tree in its first bucket, but for those of the prefix and of what is around it.
    const OBJECTS: u64 = (1 << 20) / 256 - 10;
    let mut store = store_of(BucketSize::SMALLEST, 3);
    for i in 0..OBJECTS {
        store.put(Put::new(&format!("certified/{i}"), b"one slot"), 0).unwrap();
    }
    store.set_certified("certified/", true).unwrap();
    while !store.certify("certified/").unwrap().done {}
    store.set_site(&Site::new("site/")).unwrap();
    let long = |i| format!("certified/{i:02}{}", "k".repeat(1_012));
    let deep = |i| format!("site/{i:02}/{}index.html", "d/".repeat(55));
    let keys: Vec<_> = (0..20).flat_map(|i| [long(i), deep(i)]).collect();
    let open = |key| store.create_upload(&UploadArgs::new(key, 5_000), &OWNER, 0).unwrap().id;
    let uploads: Vec<_> = keys.iter().map(open).collect();
    uploads.iter().for_each(|id| send(&mut store, *id, 5_000));
    let full = |store: &mut TestStore| {
        fill_with_small(store);
        fill_with_large(store);
    };
    full(&mut store);
    for (i, id) in uploads.into_iter().enumerate() {
        store.commit_upload(id, &OWNER, 0).unwrap_or_else(|error| panic!("upload {i}: {error}"));
        full(&mut store);
    }
    sound(&store);
}

/// Puts of 1.0 to 1.1 MB and deletes in any order: sizes that once corrupted the arena.
#[test]
fn puts_and_deletes_of_a_megabyte_leave_the_store_sound() {
    for mut store in stores(3) {
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
}

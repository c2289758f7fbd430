//! The configuration and its effects.

#![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

use ic_stable_structures::VectorMemory;
use stable_storage_api::limits::{
    MAX_STABLE_BYTES, MAX_UPLOAD_IDLE_NS, MAX_UPLOADS, MIN_CAPACITY_BYTES, MIN_UPLOAD_IDLE_NS, UPLOAD_IDLE_NS,
};
use stable_storage_api::{Config, Error, Settings, UploadArgs};
use storage_engine::{BucketSize, Caller, HostFacts, Options, Put, Store};

fn storable(store: &Store<VectorMemory>) -> u64 {
    store.status(HostFacts::default()).unwrap().storable_bytes
}

fn create(store: &mut Store<VectorMemory>, caller: &Caller, now_ns: u64) -> Result<u64, Error> {
    Ok(store.create_upload(&UploadArgs::new("key", 100), caller, now_ns)?.id)
}

#[test]
fn settings_are_validated_together_and_what_is_absent_is_kept() {
    let memory = VectorMemory::default();
    let mut store = Store::open(memory.clone()).unwrap();
    let first = store.config();
    assert_eq!(
        (first.public_read, first.max_uploads, first.upload_idle_ns),
        (false, MAX_UPLOADS, UPLOAD_IDLE_NS)
    );
    let nothing = Settings::default;
    for wrong in [
        Settings { capacity: Some(0), ..nothing() },
        Settings { capacity: Some(MIN_CAPACITY_BYTES - 1), ..nothing() },
        Settings { capacity: Some(MAX_STABLE_BYTES + 1), ..nothing() },
        Settings { capacity: Some(u64::MAX), ..nothing() },
        Settings { max_uploads: Some(0), ..nothing() },
        Settings { max_uploads: Some(MAX_UPLOADS + 1), ..nothing() },
        Settings { upload_idle_ns: Some(MIN_UPLOAD_IDLE_NS - 1), ..nothing() },
        Settings { upload_idle_ns: Some(u64::MAX), public_read: Some(true), ..nothing() },
    ] {
        let refused = store.configure(&wrong);
        assert!(matches!(refused, Err(Error::InvalidArgument { .. })), "{wrong:?}: {refused:?}");
        assert_eq!(store.config(), first);
    }
    store.configure(&Settings::capacity(MAX_STABLE_BYTES)).unwrap();
    store.configure(&Settings { public_read: Some(true), max_uploads: Some(2), ..nothing() }).unwrap();
    store.configure(&Settings { upload_idle_ns: Some(MAX_UPLOAD_IDLE_NS), ..nothing() }).unwrap();
    let expected = Config { public_read: true, max_uploads: 2, upload_idle_ns: MAX_UPLOAD_IDLE_NS, ..first };
    assert_eq!(store.config(), expected);
    assert_eq!(Store::open(memory).unwrap().config(), expected);
}

#[test]
fn uploads_obey_what_is_configured() {
    let mut store = Store::open(VectorMemory::default()).unwrap();
    let caller = Caller { principal: candid::Principal::management_canister(), is_admin: false };
    let ids: Vec<_> = (0..3).map(|i| create(&mut store, &caller, i).unwrap()).collect();
    store.configure(&Settings { max_uploads: Some(2), ..Settings::default() }).unwrap();
    assert!(matches!(create(&mut store, &caller, 0), Err(Error::LimitExceeded { limit: 2, .. })));
    assert!(ids.iter().all(|id| store.upload_status(*id, &caller, 3).is_ok()), "open uploads stay open");
    // A shorter idle time applies to open uploads.
    store.configure(&Settings { upload_idle_ns: Some(MIN_UPLOAD_IDLE_NS), ..Settings::default() }).unwrap();
    let later = MIN_UPLOAD_IDLE_NS + 1;
    assert_eq!(store.upload_status(ids[0], &caller, later), Err(Error::NotFound));
    let status = store.upload_status(ids[1], &caller, later).unwrap();
    assert_eq!(status.upload.expires_ns, MIN_UPLOAD_IDLE_NS + 1);
    // Two of the three have expired, so one more can be opened.
    assert!(create(&mut store, &caller, later + 1).is_ok());
}

/// The status is accurate: an upload of `storable_bytes` is accepted, and one that is larger by three extents
/// is not.
#[test]
fn storable_bytes_of_the_status_can_be_stored() {
    let caller = Caller { principal: candid::Principal::management_canister(), is_admin: true };
    let states = [
        (MIN_CAPACITY_BYTES, 0, 0),
        (1 << 30, 3, 0),
        (1 << 30, 0, 300 << 20),
        (MAX_STABLE_BYTES, 10, 0),
        (MAX_STABLE_BYTES, 0, 7 << 30),
    ];
    let sizes = [BucketSize::LARGEST, BucketSize::SMALLEST];
    for (bucket_size, (capacity, values, reserved)) in
        sizes.into_iter().flat_map(|size| states.map(|state| (size, state)))
    {
        let options = Options { bucket_size, ..Options::default() };
        let mut store = Store::open_with(VectorMemory::default(), options).unwrap();
        store.configure(&Settings::capacity(capacity)).unwrap();
        for value in 0..values {
            store.put(Put::new(&format!("key {value}"), &[1; 2_000_000]), 0).unwrap();
        }
        if reserved > 0 {
            store.create_upload(&UploadArgs::new("other", reserved), &caller, 0).unwrap();
        }
        let most = storable(&store);
        assert!(most > 0, "there is space");
        let more = store.create_upload(&UploadArgs::new("key", most + (50 << 20)), &caller, 0);
        assert!(matches!(more, Err(Error::OutOfMemory { .. })), "{more:?}");
        store.create_upload(&UploadArgs::new("key", most), &caller, 0).unwrap();
        assert!(storable(&store) < 50 << 20);
    }
    let mut full = Store::open(VectorMemory::default()).unwrap();
    full.put(Put::new("key", &[1; 2_000_000]), 0).unwrap();
    full.configure(&Settings::capacity(MIN_CAPACITY_BYTES)).unwrap();
    while full.append(&[vec![1; 1_000_000]]).is_ok() {}
    assert_eq!(storable(&full), 0);
}

/// The fragmentation of the arena is the share of the free bytes outside the largest free block.
#[test]
fn the_status_states_how_fragmented_the_arena_is() {
    let mut store = Store::open(VectorMemory::default()).unwrap();
    let arena = |store: &Store<VectorMemory>| store.status(HostFacts::default()).unwrap().arena;
    assert_eq!((arena(&store).free_bytes, arena(&store).fragmentation), (0, 0.0));
    for key in ["a", "b", "c"] {
        store.put(Put::new(key, &[1; 1_500_000]), 0).unwrap();
    }
    assert_eq!((arena(&store).extents, arena(&store).fragmentation), (3, 0.0), "one free block");
    store.delete("b").unwrap();
    let status = arena(&store);
    let outside = status.free_bytes - status.largest_free_bytes;
    assert!((1_500_000..1_500_100).contains(&outside), "{outside}");
    let share = outside as f64 / status.free_bytes as f64;
    assert!((status.fragmentation - share).abs() < 1e-9, "{} is not {share}", status.fragmentation);
}

#[test]
fn the_status_states_what_uploads_reserve_in_the_arena() {
    let caller = Caller { principal: candid::Principal::management_canister(), is_admin: true };
    let mut store = Store::open(VectorMemory::default()).unwrap();
    store.create_upload(&UploadArgs::new("key", 40 << 20), &caller, 0).unwrap();
    let reserved = store.status(HostFacts::default()).unwrap().arena.reserved_bytes;
    assert_eq!(reserved, 2 * (31 << 19), "the two full extents of 15.5 MiB");
}

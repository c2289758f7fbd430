//! Uploads that are opened without a size.

use sha2::{Digest as _, Sha256};
use stable_storage_api::UploadEnd;

use super::*;

fn open(store: &mut TestStore, key: &str) -> u64 {
    let upload = store.create_upload(&UploadArgs::unsized_new(key), &OWNER, 0).unwrap();
    assert_eq!((upload.size, upload.chunks), (None, None));
    upload.id
}

fn end(size: u64) -> UploadEnd {
    UploadEnd { size, sha256: None }
}

fn send(store: &mut TestStore, id: u64, seed: u64, size: u64, indexes: impl IntoIterator<Item = u64>) {
    for index in indexes {
        store.write_chunk(id, index, &chunk(seed, size, index), &OWNER, 0).unwrap();
        sound(store);
    }
}

fn assert_nothing_is_held(store: &TestStore) {
    let stats = store.core.arena.stats().unwrap();
    assert_eq!((stats.used_bytes, stats.extents, stats.free_bytes), (0, 0, stats.largest_free_bytes));
    assert_eq!(
        (store.core.ledger().object_bytes, store.core.ledger().reserved_slots, store.core.uploads.len()),
        (0, 0, 0)
    );
}

/// Tests sizes on both sides of chunks and extents, and several growths of the table. The object uses as much
/// space as one of a known size, for any order of chunks.
#[test]
fn objects_of_all_sizes_round_trip_and_use_no_extra_space() {
    let slot = SLOT_EXTENT_BYTES;
    let sizes = [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, slot - 1, slot, slot + 1, 2 * slot + 5];
    let (mut store, mut sized) = (store(), store());
    for (number, size) in sizes.into_iter().enumerate() {
        let (key, count) = (size.to_string(), chunks(size));
        let id = open(&mut store, &key);
        match number % 3 {
            0 => send(&mut store, id, size, size, 0..count),
            1 => send(&mut store, id, size, size, (0..count).rev()),
            _ => send(&mut store, id, size, size, (0..count).step_by(2).chain((1..count).step_by(2))),
        }
        store.commit_upload_with(id, Some(&end(size)), &OWNER, 0).unwrap();
        assert_eq!(store.stat(&key).unwrap().size, size);
        sound(&store);
        compare(&store, &key, size, size);
        upload(&mut sized, &key, size, size);
        let used = |store: &TestStore| store.core.arena.stats().unwrap();
        assert_eq!(used(&store).used_bytes, used(&sized).used_bytes, "{size} bytes");
        assert_eq!(used(&store).extents, used(&sized).extents, "{size} bytes");
    }
    let gone = store.delete_prefix(&DeletePrefixArgs { prefix: String::new(), limit: Some(100) }).unwrap();
    assert_eq!(gone.deleted, sizes.len() as u64);
    assert_nothing_is_held(&store);
    sound(&store);
}

/// The table has grown to eight extents, and the object has five: its table is as large as that of an object whose size
/// was known.
#[test]
fn the_table_of_an_upload_without_a_size_becomes_that_of_its_object() {
    let size = 4 * SLOT_EXTENT_BYTES + 5;
    let (mut store, mut sized) = (store(), store());
    let id = open(&mut store, "k");
    for index in 0..chunks(size) {
        store.write_chunk(id, index, &chunk(1, size, index), &OWNER, 0).unwrap();
    }
    assert_eq!(store.uploads().upload_record(id, &OWNER, 0).unwrap().table().extents(), 8);
    store.commit_upload_with(id, Some(&end(size)), &OWNER, 0).unwrap();
    sound(&store);
    compare(&store, "k", 1, size);
    sized.put_sparse("k", size).unwrap();
    let used = |store: &TestStore| store.core.arena.stats().unwrap().used_bytes;
    assert_eq!(used(&store), used(&sized));
    assert!(store.delete("k").unwrap());
    assert_nothing_is_held(&store);
}

/// A chunk that is shorter than the others is the last one. It determines the size, and chunks that
/// contradict it are refused.
#[test]
fn a_short_chunk_is_the_last_one() {
    let mut store = store();
    let size = 2 * CHUNK_BYTES + 7;
    let id = open(&mut store, "k");
    let full = chunk(1, size, 0);
    assert_eq!(store.write_chunk(id, 1, &full, &OWNER, 0).unwrap().size, None);
    let status = store.upload_status(id, &OWNER, 0).unwrap();
    assert_eq!((status.missing, status.upload.size), (vec![ChunkRange { first: 0, last: 0 }], None));

    let invalid = |error: Error| assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
    invalid(refused(&mut store, |store| store.write_chunk(id, 0, b"short", &OWNER, 0)));
    invalid(refused(&mut store, |store| store.write_chunk(id, 0, b"", &OWNER, 0)));
    let long = vec![0; CHUNK_BYTES as usize + 1];
    invalid(refused(&mut store, |store| store.write_chunk(id, 0, &long, &OWNER, 0)));
    // The last received chunk is a full one, and remains so.
    assert_eq!(
        refused(&mut store, |store| store.write_chunk(id, 1, b"short", &OWNER, 0)),
        Error::ChunkConflict { index: 1 }
    );
    assert_eq!(store.write_chunk(id, 1, &full, &OWNER, 0).unwrap().received, CHUNK_BYTES);

    let last = chunk(1, size, 2);
    assert_eq!(store.write_chunk(id, 2, &last, &OWNER, 0).unwrap().size, Some(size));
    let status = store.upload_status(id, &OWNER, 0).unwrap();
    assert_eq!((status.upload.size, status.upload.chunks), (Some(size), Some(3)));
    invalid(refused(&mut store, |store| store.write_chunk(id, 2, b"short", &OWNER, 0).map(drop)));
    let error = refused(&mut store, |store| store.write_chunk(id, 3, &full, &OWNER, 0));
    assert_eq!(error, Error::OutOfRange { offset: 3, length: 1, size: 3 });
    assert_eq!(store.commit_upload(id, &OWNER, 0), Err(Error::Incomplete { first_missing: 0 }));
    send(&mut store, id, 1, size, [0]);
    // The commit needs no size if the last chunk has determined it.
    store.commit_upload(id, &OWNER, 0).unwrap();
    assert_eq!(store.stat("k").unwrap().size, size);
}

/// The end of a commit must match what is known.
#[test]
fn the_end_of_a_commit_must_not_contradict_the_upload() {
    let mut store = store();
    let size = 2 * CHUNK_BYTES;
    let id = open(&mut store, "k");
    send(&mut store, id, 1, size, [0, 1]);
    let commit = |id, end: Option<UploadEnd>| {
        move |store: &mut TestStore| store.commit_upload_with(id, end.as_ref(), &OWNER, 0)
    };
    for end in [None, Some(end(0)), Some(end(size - 1)), Some(end(CHUNK_BYTES)), Some(end(u64::MAX))] {
        let error = refused(&mut store, commit(id, end.clone()));
        assert!(matches!(error, Error::InvalidArgument { .. }), "{end:?}: {error}");
    }
    let incomplete = Error::Incomplete { first_missing: 2 };
    assert_eq!(refused(&mut store, commit(id, Some(end(MAX_STABLE_BYTES)))), incomplete);
    assert_eq!(refused(&mut store, commit(id, Some(end(size + 1)))), incomplete);
    let digest = Sha256::digest([chunk(1, size, 0), chunk(1, size, 1)].concat()).to_vec();
    let declared = UploadEnd { size, sha256: Some(digest.clone().into()) };
    commit(id, Some(declared))(&mut store).unwrap();
    assert_eq!(store.stat("k").unwrap().sha256.unwrap().digest.into_vec(), digest);
    assert_eq!(store.verify("k").unwrap().verdict, Some(ChecksumState::Verified));

    // An upload with a size and a digest must match both.
    let args = UploadArgs { sha256: Some(vec![1; 32].into()), ..UploadArgs::new("l", 3) };
    let id = store.create_upload(&args, &OWNER, 0).unwrap().id;
    store.write_chunk(id, 0, b"abc", &OWNER, 0).unwrap();
    let other = UploadEnd { size: 3, sha256: Some(vec![2; 32].into()) };
    for bad in [end(4), other] {
        assert!(matches!(refused(&mut store, commit(id, Some(bad))), Error::InvalidArgument { .. }));
    }
    commit(id, Some(UploadEnd { size: 3, sha256: args.sha256 }))(&mut store).unwrap();
    sound(&store);
}

/// Space is allocated as chunks arrive and never from the reservations of other uploads. A chunk that does
/// not fit is refused. Abort and expiry free everything.
#[test]
fn space_is_allocated_as_chunks_arrive() {
    let mut store = store_with_capacity(MIN_CAPACITY_BYTES);
    // The index gets its bucket with its first object.
    store.put(Put::new("first", b""), 0).unwrap();
    store.delete("first").unwrap();
    let reserved = create(&mut store, "reserved", SLOT_EXTENT_BYTES);
    let id = open(&mut store, "k");
    let bytes = chunk(1, u64::MAX / 2, 0);
    let mut index = 0;
    let error = loop {
        match store.write_chunk(id, index, &bytes, &OWNER, 0) {
            Ok(_) => index += 1,
            Err(error) => break error,
        }
        sound(&store);
    };
    assert!(matches!(error, Error::OutOfMemory { .. }) && index > 5, "{error} after {index} chunks");
    refused(&mut store, |store| store.write_chunk(id, index, &bytes, &OWNER, 0));
    for chunk_index in 0..chunks(SLOT_EXTENT_BYTES) {
        write(&mut store, reserved, 2, SLOT_EXTENT_BYTES, chunk_index);
    }
    store.abort_upload(id, &OWNER).unwrap();
    store.commit_upload(reserved, &OWNER, 0).unwrap();
    assert!(store.delete("reserved").unwrap());
    assert_nothing_is_held(&store);

    let id = open(&mut store, "k");
    send(&mut store, id, 1, u64::MAX / 2, [0]);
    let next = store.create_upload(&UploadArgs::new("next", 1), &OWNER, UPLOAD_IDLE_NS + 1).unwrap().id;
    assert_eq!(store.upload_status(id, &OWNER, UPLOAD_IDLE_NS + 1), Err(Error::NotFound));
    store.abort_upload(next, &OWNER).unwrap();
    assert_nothing_is_held(&store);
    sound(&store);
}

/// A chunk with a high index only makes the table large, and one beyond the limit of a canister is refused.
#[test]
fn a_chunk_with_a_high_index_uses_only_its_own_space() {
    let mut store = store();
    let id = open(&mut store, "k");
    let (far, bytes) = (200_000, chunk(1, u64::MAX / 2, 0));
    store.write_chunk(id, far, &bytes, &OWNER, 0).unwrap();
    sound(&store);
    assert!(store.core.arena.stats().unwrap().used_bytes < 40 << 20);
    let status = store.upload_status(id, &OWNER, 0).unwrap();
    assert_eq!(status.missing, [ChunkRange { first: 0, last: far - 1 }]);
    for beyond in [MAX_STABLE_BYTES / CHUNK_BYTES, u64::MAX] {
        let error = refused(&mut store, |store| store.write_chunk(id, beyond, &bytes, &OWNER, 0));
        assert!(matches!(error, Error::OutOfMemory { .. }), "{error}");
    }
    store.abort_upload(id, &OWNER).unwrap();
    assert_nothing_is_held(&store);
}

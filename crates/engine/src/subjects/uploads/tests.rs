use candid::Principal;
use ic_stable_structures::{Memory, VectorMemory};
use serde_bytes::ByteBuf;
use stable_storage_api::limits::*;
use stable_storage_api::{
    ChecksumState, ChunkRange, Condition, DeletePrefixArgs, Error, InitArgs, ReadArgs, RenameArgs, Role,
    UploadArgs,
};

use crate::base::caller::Caller;
use crate::base::layout::{BUCKET_BYTES, PAGE_BYTES};
use crate::store::Store;
use crate::structures::arena::SLOT_EXTENT_BYTES;
use crate::subjects::objects::Put;
use storage_testkit::SparseMemory;

const OWNER: Caller = Caller { principal: Principal::from_slice(&[1]), is_admin: false };
const OTHER: Caller = Caller { principal: Principal::from_slice(&[2]), is_admin: false };
const ADMIN: Caller = Caller { principal: Principal::from_slice(&[3]), is_admin: true };

type TestStore = Store<SparseMemory>;

mod copy;
mod corruption;
mod interleaved;
mod metadata;
mod unsized_uploads;

fn store() -> TestStore {
    Store::open(SparseMemory::default()).unwrap()
}

fn store_with_capacity(capacity: u64) -> TestStore {
    let mut store = store();
    store.configure(&InitArgs::capacity(capacity)).unwrap();
    store
}

fn sound<M: Memory + Clone>(store: &Store<M>) {
    assert_eq!(store.check().problems, []);
}

/// Returns byte `offset` of the test object with a seed.
fn byte(seed: u64, offset: u64) -> u8 {
    ((offset ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

fn chunk(seed: u64, size: u64, index: u64) -> Vec<u8> {
    let start = index * CHUNK_BYTES;
    (start..size.min(start + CHUNK_BYTES)).map(|position| byte(seed, position)).collect()
}

fn chunks(size: u64) -> u64 {
    size.div_ceil(CHUNK_BYTES)
}

fn create(store: &mut TestStore, key: &str, size: u64) -> u64 {
    store.create_upload(&UploadArgs::new(key, size), &OWNER, 0).unwrap().id
}

fn write(store: &mut TestStore, id: u64, seed: u64, size: u64, index: u64) {
    let received = store.write_chunk(id, index, &chunk(seed, size, index), &OWNER, 0).unwrap();
    assert_eq!(received.size, Some(size));
}

fn upload(store: &mut TestStore, key: &str, seed: u64, size: u64) -> u64 {
    let id = create(store, key, size);
    (0..chunks(size)).for_each(|index| write(store, id, seed, size, index));
    store.commit_upload(id, &OWNER, 0).unwrap().revision
}

/// Reads an object in ranges that do not match its chunks or extents, and compares every byte.
fn compare(store: &TestStore, key: &str, seed: u64, size: u64) {
    let mut offset = 0;
    while offset < size {
        let args = ReadArgs { key: key.into(), offset, length: Some(1_234_567), revision: None };
        let bytes = store.read(&args).unwrap();
        assert!(
            bytes.iter().zip(offset..).all(|(found, position)| *found == byte(seed, position)),
            "at {offset} of {key}"
        );
        offset += bytes.len() as u64;
    }
    assert_eq!(offset, size);
}

/// Runs an operation that must fail, and asserts that not a byte of the memory has changed.
fn refused<T: std::fmt::Debug>(
    store: &mut TestStore,
    f: impl FnOnce(&mut TestStore) -> Result<T, Error>,
) -> Error {
    let before = store.core.space.raw().copy();
    let error = f(store).unwrap_err();
    assert!(store.core.space.raw().same_as(&before), "{error} changed the memory");
    error
}

#[test]
fn sizes_around_chunks_and_extents_round_trip() {
    let mut store = store();
    let sizes = [
        1,
        CHUNK_BYTES - 1,
        CHUNK_BYTES,
        CHUNK_BYTES + 1,
        SLOT_EXTENT_BYTES - 1,
        SLOT_EXTENT_BYTES,
        SLOT_EXTENT_BYTES + 1,
        2 * SLOT_EXTENT_BYTES + CHUNK_BYTES / 2,
    ];
    for size in sizes {
        upload(&mut store, &size.to_string(), size, size);
        sound(&store);
    }
    for size in sizes {
        compare(&store, &size.to_string(), size, size);
    }
    let gone = store.delete_prefix(&DeletePrefixArgs { prefix: String::new(), limit: Some(100) }).unwrap();
    assert_eq!(gone.deleted, sizes.len() as u64);
    let stats = store.core.arena.stats().unwrap();
    assert_eq!((stats.used_bytes, stats.extents, stats.free_bytes), (0, 0, stats.largest_free_bytes));
    assert_eq!(
        (store.core.ledger().object_bytes, store.core.ledger().reserved_slots, store.core.uploads.len()),
        (0, 0, 0)
    );
    sound(&store);
}

#[test]
fn chunks_arrive_in_any_order_and_the_status_lists_missing_ones() {
    let mut store = store();
    let size = 2 * SLOT_EXTENT_BYTES + 5;
    let id = create(&mut store, "k", size);
    let last = chunks(size) - 1;
    let range = |first, last| ChunkRange { first, last };
    assert_eq!(store.upload_status(id, &OWNER, 0).unwrap().missing, [range(0, last)]);
    assert_eq!(store.commit_upload(id, &OWNER, 0), Err(Error::Incomplete { first_missing: 0 }));
    for index in [last, 8, 3, 0, 4] {
        write(&mut store, id, 7, size, index);
        sound(&store);
    }
    let status = store.upload_status(id, &OWNER, 0).unwrap();
    assert_eq!(status.missing, [range(1, 2), range(5, 7), range(9, last - 1)]);
    assert_eq!((status.creator, status.more_missing), (OWNER.principal, false));
    assert_eq!(status.received, 4 * CHUNK_BYTES + (size - last * CHUNK_BYTES));
    assert_eq!(store.commit_upload(id, &OWNER, 0), Err(Error::Incomplete { first_missing: 1 }));

    // An upgrade during the upload.
    let mut store = Store::open(store.core.space.raw().clone()).unwrap();
    for index in (0..=last).rev() {
        write(&mut store, id, 7, size, index);
    }
    let status = store.upload_status(id, &OWNER, 0).unwrap();
    assert_eq!((status.received, status.missing), (size, vec![]));
    store.commit_upload(id, &OWNER, 0).unwrap();
    compare(&store, "k", 7, size);
    assert_eq!(store.upload_status(id, &OWNER, 0), Err(Error::NotFound));
    sound(&store);
}

#[test]
fn a_repeated_chunk_is_accepted_only_with_the_same_bytes() {
    let mut store = store();
    let size = 9 * CHUNK_BYTES;
    let id = create(&mut store, "k", size);
    // Chunk 7 spans two extents.
    for index in [0, 7] {
        write(&mut store, id, 1, size, index);
        let before = store.core.space.raw().copy();
        write(&mut store, id, 1, size, index);
        assert!(store.core.space.raw().same_as(&before));
        for position in [0, CHUNK_BYTES as usize - 1] {
            let mut other = chunk(1, size, index);
            other[position] ^= 1;
            let error = refused(&mut store, |store| store.write_chunk(id, index, &other, &OWNER, 0));
            assert_eq!(error, Error::ChunkConflict { index });
        }
    }
    assert_eq!(store.upload_status(id, &OWNER, 0).unwrap().received, 2 * CHUNK_BYTES);
}

#[test]
fn create_upload_and_write_chunk_reject_invalid_arguments() {
    let mut store = store_with_capacity(10 << 30);
    let args = |key: &str, size| UploadArgs::new(key, size);
    let invalid = |error: &Error| matches!(error, Error::InvalidArgument { .. });
    let mut try_create =
        |args: &UploadArgs| refused(&mut store, |store| store.create_upload(args, &OWNER, 0));
    assert!(invalid(&try_create(&args("k", 0))));
    assert!(invalid(&try_create(&args("", 1))));
    assert!(invalid(&try_create(&args(&"k".repeat(1_025), 1))));
    assert!(invalid(&try_create(&UploadArgs { content_type: Some("t".repeat(256)), ..args("k", 1) })));
    for bytes in [0, 31, 33] {
        let sha256 = Some(ByteBuf::from(vec![0; bytes]));
        assert!(invalid(&try_create(&UploadArgs { sha256, ..args("k", 1) })));
    }
    for size in [10 << 30, 500 << 30, (500 << 30) + 1, u64::MAX] {
        let error = try_create(&args("k", size));
        assert!(matches!(error, Error::OutOfMemory { .. }), "{size}: {error}");
    }

    let size = CHUNK_BYTES + 10;
    let id = create(&mut store, "k", size);
    let mut try_write =
        |index, bytes| refused(&mut store, |store| store.write_chunk(id, index, &vec![0; bytes], &OWNER, 0));
    for (index, bytes) in [(0, 0), (0, 1), (0, CHUNK_BYTES as usize + 1), (1, 9), (1, 11)] {
        assert!(invalid(&try_write(index, bytes)), "chunk {index} of {bytes} bytes");
    }
    assert_eq!(try_write(2, 10), Error::OutOfRange { offset: 2, length: 1, size: 2 });
    assert_eq!(try_write(u64::MAX, 10), Error::OutOfRange { offset: u64::MAX, length: 1, size: 2 });
    assert_eq!(refused(&mut store, |store| store.write_chunk(id + 1, 0, &[], &OWNER, 0)), Error::NotFound);
    sound(&store);
}

#[test]
fn an_upload_belongs_to_its_creator_and_to_admins() {
    let mut store = store();
    let id = create(&mut store, "k", 5);
    let bytes = chunk(0, 5, 0);
    let unauthorized = Error::Unauthorized { needed: Role::Admin };
    assert_eq!(refused(&mut store, |store| store.write_chunk(id, 0, &bytes, &OTHER, 0)), unauthorized);
    assert_eq!(refused(&mut store, |store| store.commit_upload(id, &OTHER, 0)), unauthorized);
    assert_eq!(refused(&mut store, |store| store.abort_upload(id, &OTHER)), unauthorized);
    assert_eq!(store.upload_status(id, &OTHER, 0), Err(unauthorized));
    assert_eq!(store.list_uploads(&OTHER, 0).unwrap(), []);
    assert_eq!(store.list_uploads(&OWNER, 0).unwrap().len(), 1);
    assert_eq!(store.list_uploads(&ADMIN, 0).unwrap()[0].upload.key, "k");
    store.write_chunk(id, 0, &bytes, &ADMIN, 0).unwrap();
    store.commit_upload(id, &ADMIN, 0).unwrap();
}

#[test]
fn conditions_are_checked_when_opening_and_when_committing() {
    let mut store = store();
    let revision = store.put(Put::new("k", b"old"), 5).unwrap().revision;
    let on = |condition| UploadArgs { condition: Some(condition), ..UploadArgs::new("k", 3_000_000) };
    let error = refused(&mut store, |store| store.create_upload(&on(Condition::Absent), &OWNER, 0));
    assert_eq!(error, Error::AlreadyExists);
    let error = refused(&mut store, |store| store.create_upload(&on(Condition::Revision(99)), &OWNER, 0));
    assert_eq!(error, Error::RevisionMismatch { current: Some(revision) });

    let ready = |store: &mut TestStore| {
        let id = store.create_upload(&on(Condition::Revision(revision)), &OWNER, 0).unwrap().id;
        (0..2).for_each(|index| write(store, id, 3, 3_000_000, index));
        id
    };
    let (first, second) = (ready(&mut store), ready(&mut store));
    assert_eq!(store.get("k").unwrap(), b"old");
    let revision = store.commit_upload(first, &OWNER, 9).unwrap().revision;
    let info = store.stat("k").unwrap();
    assert_eq!((info.created_ns, info.modified_ns), (5, 9));
    compare(&store, "k", 3, 3_000_000);
    let error = refused(&mut store, |store| store.commit_upload(second, &OWNER, 0));
    assert_eq!(error, Error::RevisionMismatch { current: Some(revision) });
    store.abort_upload(second, &OWNER).unwrap();
    assert_eq!(store.core.ledger().object_bytes, 3_000_000);
    sound(&store);
}

#[test]
fn there_are_at_most_1000_uploads() {
    let mut store = store();
    for i in 0..MAX_UPLOADS {
        create(&mut store, &i.to_string(), 1);
    }
    let error = refused(&mut store, |store| store.create_upload(&UploadArgs::new("more", 1), &OWNER, 0));
    assert!(matches!(error, Error::LimitExceeded { limit: MAX_UPLOADS, .. }));
    store.abort_upload(1, &OWNER).unwrap();
    assert_eq!(create(&mut store, "more", 1), MAX_UPLOADS + 1, "an identifier is never used twice");
    sound(&store);
}

#[test]
fn an_idle_upload_expires_and_frees_everything() {
    let mut store = store();
    let size = 3 * SLOT_EXTENT_BYTES + 1;
    let idle = create(&mut store, "idle", size);
    write(&mut store, idle, 1, size, 0);
    let busy = create(&mut store, "busy", size);
    let later = UPLOAD_IDLE_NS + 1;
    store.write_chunk(busy, 5, &chunk(2, size, 5), &OWNER, UPLOAD_IDLE_NS).unwrap();
    assert!(store.upload_status(idle, &OWNER, UPLOAD_IDLE_NS).is_ok());
    assert_eq!(store.upload_status(idle, &OWNER, later), Err(Error::NotFound));
    let bytes = chunk(1, size, 1);
    assert_eq!(
        refused(&mut store, |store| store.write_chunk(idle, 1, &bytes, &OWNER, later)),
        Error::NotFound
    );
    assert_eq!(refused(&mut store, |store| store.commit_upload(idle, &OWNER, later)), Error::NotFound);
    assert_eq!(store.list_uploads(&ADMIN, later).unwrap().len(), 1);
    assert_eq!(store.core.uploads.len(), 2);

    let new = store.create_upload(&UploadArgs::new("new", 1), &OWNER, later).unwrap().id;
    assert_eq!(store.core.uploads.len(), 2);
    sound(&store);
    for id in [busy, new] {
        store.abort_upload(id, &OWNER).unwrap();
    }
    assert_eq!((store.core.ledger().reserved_slots, store.core.arena.stats().unwrap().used_bytes), (0, 0));
    sound(&store);
}

/// One message frees a limited number of extents, but at least one upload: otherwise a large one would never
/// be freed.
#[test]
fn an_expired_upload_above_the_limit_of_one_message_is_freed() {
    let mut store = Store::open(SparseMemory::default()).unwrap();
    let huge = 20_001 * SLOT_EXTENT_BYTES;
    let id = create(&mut store, "huge", huge);
    write(&mut store, id, 1, huge, 20_000 * SLOT_EXTENT_BYTES / CHUNK_BYTES);
    create(&mut store, "small", 1);
    let later = UPLOAD_IDLE_NS + 1;
    store.create_upload(&UploadArgs::new("next", 1), &OWNER, later).unwrap();
    assert_eq!((store.core.uploads.len(), store.core.ledger().reserved_slots), (2, 0));
    store.create_upload(&UploadArgs::new("last", 1), &OWNER, later).unwrap();
    assert_eq!(store.core.uploads.len(), 2, "the small one has also expired");
    sound(&store);
}

/// A sender that repeats a chunk of unknown fate is active, so its upload stays open.
#[test]
fn a_repeated_chunk_keeps_its_upload_open() {
    let mut store = store();
    let size = 2 * CHUNK_BYTES;
    let id = create(&mut store, "k", size);
    write(&mut store, id, 1, size, 0);
    store.write_chunk(id, 0, &chunk(1, size, 0), &OWNER, UPLOAD_IDLE_NS).unwrap();
    let other = chunk(2, size, 0);
    let refusal = refused(&mut store, |store| store.write_chunk(id, 0, &other, &OWNER, UPLOAD_IDLE_NS + 9));
    assert_eq!(refusal, Error::ChunkConflict { index: 0 });
    let status = store.upload_status(id, &OWNER, 2 * UPLOAD_IDLE_NS).unwrap();
    assert_eq!(status.upload.expires_ns, 2 * UPLOAD_IDLE_NS);
    assert_eq!(status.received, CHUNK_BYTES);
    assert_eq!(store.upload_status(id, &OWNER, 2 * UPLOAD_IDLE_NS + 1), Err(Error::NotFound));
    sound(&store);
}

#[test]
fn reserved_space_is_not_available_to_others() {
    let mut store = store_with_capacity(1 << 30);
    let half = 30 * SLOT_EXTENT_BYTES;
    let first = create(&mut store, "first", half);
    let error = refused(&mut store, |store| store.create_upload(&UploadArgs::new("x", 2 * half), &OWNER, 0));
    assert!(matches!(error, Error::OutOfMemory { .. }));
    // Puts and log entries fill the remaining space, until both are refused.
    let value = vec![7; MAX_PAYLOAD_BYTES as usize];
    let mut puts = 0;
    while store.put(Put::new(&puts.to_string(), &value), 0).is_ok() {
        puts += 1;
    }
    while store.append(&[&value]).is_ok() {}
    assert!(puts > 100);
    assert!(matches!(
        refused(&mut store, |store| store.put(Put::new("x", &value), 0)),
        Error::OutOfMemory { .. }
    ));
    // The upload can still use its whole reservation.
    for index in 0..chunks(half) {
        write(&mut store, first, 5, half, index);
    }
    store.commit_upload(first, &OWNER, 0).unwrap();
    compare(&store, "first", 5, half);
    sound(&store);
    // Freed space can be reserved again, although the memory has its largest size.
    assert!(store.delete("first").unwrap());
    let again = create(&mut store, "again", half);
    let error = refused(&mut store, |store| store.create_upload(&UploadArgs::new("x", half), &OWNER, 0));
    assert!(matches!(error, Error::OutOfMemory { .. }));
    for index in 0..chunks(half) {
        write(&mut store, again, 6, half, index);
    }
    sound(&store);
    store.abort_upload(again, &OWNER).unwrap();
    assert_eq!(store.core.ledger().reserved_slots, 0);
    sound(&store);
}

#[test]
fn a_reservation_that_the_platform_refuses_is_an_error() {
    let memory = SparseMemory::with_maximum(2 + 256 * 4);
    let mut store = Store::open(memory.clone()).unwrap();
    let size = 6 * SLOT_EXTENT_BYTES;
    let id = store.create_upload(&UploadArgs::new("k", size), &OWNER, 0).unwrap().id;
    let refusal = (0..chunks(size)).find_map(|index| {
        let bytes = chunk(1, size, index);
        let before = memory.copy();
        let error = store.write_chunk(id, index, &bytes, &OWNER, 0).err()?;
        assert!(memory.same_as(&before));
        Some((index, error))
    });
    let (index, error) = refusal.expect("four buckets do not hold six slots");
    assert!(matches!(error, Error::OutOfMemory { .. }), "{error}");
    sound(&store);
    memory.set_maximum(2 + 256 * 20);
    (index..chunks(size)).for_each(|index| write(&mut store, id, 1, size, index));
    store.commit_upload(id, &OWNER, 0).unwrap();
    compare(&store, "k", 1, size);
    sound(&store);
}

#[test]
fn a_reader_of_ranges_never_mixes_two_versions() {
    let mut store = store();
    let size = SLOT_EXTENT_BYTES + 100;
    let revision = upload(&mut store, "k", 1, size);
    let read = |store: &TestStore, offset, length, revision| {
        store.read(&ReadArgs { key: "k".into(), offset, length: Some(length), revision })
    };
    assert_eq!(read(&store, size, 10, Some(revision)).unwrap(), b"");
    assert_eq!(read(&store, size - 3, u64::MAX, None).unwrap().len(), 3);
    assert_eq!(read(&store, 0, u64::MAX, None).unwrap().len() as u64, MAX_REPLY_BYTES);
    assert_eq!(read(&store, 5, 0, None).unwrap(), b"");
    let out = Error::OutOfRange { offset: size + 1, length: 1, size };
    assert_eq!(read(&store, size + 1, 1, None), Err(out));
    assert!(matches!(read(&store, u64::MAX, u64::MAX, None), Err(Error::OutOfRange { .. })));
    assert_eq!(store.get("k"), Err(Error::TooLarge { size, limit: MAX_REPLY_BYTES }));
    assert_eq!(store.take_first("k"), Err(Error::TooLarge { size, limit: MAX_REPLY_BYTES }));

    let newer = upload(&mut store, "k", 2, size);
    assert_eq!(read(&store, 0, 1, Some(revision)), Err(Error::RevisionMismatch { current: Some(newer) }));
    assert!(read(&store, 0, 1, Some(newer)).is_ok());
    store.put(Put::new("k", b"inline"), 0).unwrap();
    assert_eq!(read(&store, 2, 3, None).unwrap(), b"lin");
}

#[test]
fn a_declared_digest_is_verified_over_extents() {
    use sha2::{Digest, Sha256};
    let mut store = store();
    let size = SLOT_EXTENT_BYTES + CHUNK_BYTES + 77;
    let mut hasher = Sha256::new();
    (0..chunks(size)).for_each(|index| hasher.update(chunk(4, size, index)));
    let right: [u8; 32] = hasher.finalize().into();
    for (declared, verdict) in [(right, ChecksumState::Verified), ([1; 32], ChecksumState::Mismatch)] {
        let args = UploadArgs { sha256: Some(ByteBuf::from(declared)), ..UploadArgs::new("k", size) };
        let id = store.create_upload(&args, &OWNER, 0).unwrap().id;
        (0..chunks(size)).for_each(|index| write(&mut store, id, 4, size, index));
        store.commit_upload(id, &OWNER, 0).unwrap();
        assert_eq!(store.stat("k").unwrap().sha256.unwrap().state, ChecksumState::Declared);
        assert_eq!(store.verify("k").unwrap().verdict, Some(verdict));
        let sha256 = store.stat("k").unwrap().sha256.unwrap();
        assert_eq!((sha256.digest.as_slice(), sha256.state), (&declared[..], verdict));
        compare(&store, "k", 4, size);
    }
    store.rename(&RenameArgs { from: "k".into(), to: "j".into(), condition: None }, 0).unwrap();
    assert_eq!(store.stat("j").unwrap().sha256.unwrap().state, ChecksumState::Mismatch);
    sound(&store);
}

/// Offsets of more than 32 bits, and an object larger than 256 GiB.
#[test]
fn objects_of_hundreds_of_gigabytes_are_written_read_and_removed() {
    let mut store = store();
    let size = 300u64 << 30;
    let id = create(&mut store, "huge", size);
    let last = chunks(size) - 1;
    for index in [0, 2_113, 2_114, 140_000, last - 1, last] {
        write(&mut store, id, 9, size, index);
    }
    let status = store.upload_status(id, &OWNER, 0).unwrap();
    assert_eq!(status.missing.len(), 3);
    assert_eq!(store.commit_upload(id, &OWNER, 0), Err(Error::Incomplete { first_missing: 1 }));
    sound(&store);
    store.abort_upload(id, &OWNER).unwrap();

    store.put_sparse("huge", size).unwrap();
    sound(&store);
    let read = |store: &TestStore, offset, length| {
        store
            .read(&ReadArgs { key: "huge".into(), offset, length: Some(length), revision: None })
            .unwrap()
            .len() as u64
    };
    for offset in [0, 5 << 30, (256 << 30) - 1_000, size - 1_000_000] {
        assert_eq!(read(&store, offset, 1_000_000), 1_000_000);
    }
    assert_eq!(read(&store, size - 7, 1_000_000), 7);
    store.rename(&RenameArgs { from: "huge".into(), to: "huger".into(), condition: None }, 0).unwrap();
    assert!(store.delete("huger").unwrap());
    let stats = store.core.arena.stats().unwrap();
    assert_eq!((stats.used_bytes, stats.free_bytes), (0, stats.largest_free_bytes));
    assert!(store.core.space.raw().size() * PAGE_BYTES > size);
    assert_eq!(stats.size_bytes % BUCKET_BYTES, 0);
    sound(&store);
}

#[test]
fn a_table_that_does_not_fit_is_refused_before_any_write() {
    let mut store = Store::open(VectorMemory::default()).unwrap();
    store.configure(&InitArgs::capacity(MIN_CAPACITY_BYTES)).unwrap();
    // The index, the uploads and the arena use three buckets of eight, and four are reserved for structures
    // that have none; the reservation of two more is one too many.
    store.put(Put::new("k", b"uses a bucket"), 0).unwrap();
    let error = store.create_upload(&UploadArgs::new("k", 3 * SLOT_EXTENT_BYTES), &OWNER, 0).unwrap_err();
    assert!(matches!(error, Error::OutOfMemory { .. }));
    store.create_upload(&UploadArgs::new("k", 2 * SLOT_EXTENT_BYTES), &OWNER, 0).unwrap();
    sound(&store);
}

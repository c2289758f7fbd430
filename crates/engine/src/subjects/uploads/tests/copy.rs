//! Filling uploads with bytes of existing objects, and copying objects of several extents.

use stable_storage_api::{CopyArgs, CopyMetadata, CopySource};

use super::*;

/// An object that takes two steps.
const SIZE: u64 = COPY_STEP_BYTES + 3 * CHUNK_BYTES + 12_345;

fn whole(store: &TestStore, key: &str) -> CopySource {
    CopySource::whole(key, store.stat(key).unwrap().revision)
}

fn range(store: &TestStore, key: &str, offset: u64, length: u64) -> CopySource {
    CopySource { offset: Some(offset), length: Some(length), ..whole(store, key) }
}

/// Copies all missing chunks, and returns the number of calls.
fn fill(store: &mut TestStore, id: u64, sources: &[CopySource], size: u64) -> u64 {
    let mut calls = 0;
    loop {
        let received = store.copy_chunks(id, 0, sources, &OWNER, 0).unwrap();
        sound(store);
        calls += 1;
        if received.received == size {
            return calls;
        }
    }
}

#[test]
fn objects_of_several_extents_are_copied_in_one_call() {
    let mut store = store();
    for size in [SLOT_EXTENT_BYTES, SLOT_EXTENT_BYTES + 1, 2 * SLOT_EXTENT_BYTES + CHUNK_BYTES / 2] {
        upload(&mut store, "from", size, size);
        upload(&mut store, "to", 1, size + 1_000);
        store.copy(&CopyArgs::new("from", "to"), &OWNER, 0).unwrap();
        sound(&store);
        compare(&store, "to", size, size);
        store.delete("from").unwrap();
        sound(&store);
        compare(&store, "to", size, size);
        // What an upload has left and what a copy has left is the same, also for a rename and for another copy.
        store.copy(&CopyArgs::new("to", "again"), &OWNER, 0).unwrap();
        compare(&store, "again", size, size);
        sound(&store);
    }
}

#[test]
fn an_object_above_the_limit_of_one_copy_is_refused_except_to_itself() {
    let mut store = store();
    store.put_sparse("most", COPY_STEP_BYTES).unwrap();
    store.put_sparse("more", COPY_STEP_BYTES + 1).unwrap();
    store.copy(&CopyArgs::new("most", "copy"), &OWNER, 0).unwrap();
    let error = refused(&mut store, |store| store.copy(&CopyArgs::new("more", "copy"), &OWNER, 0));
    assert_eq!(error, Error::TooLarge { size: COPY_STEP_BYTES + 1, limit: COPY_STEP_BYTES });
    let metadata = CopyMetadata { content_type: Some("a/b".into()), ..CopyMetadata::default() };
    let itself = CopyArgs { metadata: Some(metadata), ..CopyArgs::new("more", "more") };
    store.copy(&itself, &OWNER, 0).unwrap();
    let info = store.stat("more").unwrap();
    assert_eq!((info.size, info.content_type.as_deref()), (COPY_STEP_BYTES + 1, Some("a/b")));
    sound(&store);
}

/// Reopening is what an upgrade that skips `pre_upgrade` does.
#[test]
fn a_large_object_is_copied_in_steps_across_reopening() {
    let mut store = store();
    upload(&mut store, "from", 7, SIZE);
    let sources = [whole(&store, "from")];
    let id = create(&mut store, "to", SIZE);
    let first = store.copy_chunks(id, 0, &sources, &OWNER, 0).unwrap();
    assert_eq!(first.received, COPY_STEP_BYTES / CHUNK_BYTES * CHUNK_BYTES);
    let mut store = Store::open(store.core.space.raw().clone()).unwrap();
    assert_eq!(fill(&mut store, id, &sources, SIZE), 1);
    store.commit_upload(id, &OWNER, 0).unwrap();
    sound(&store);
    compare(&store, "to", 7, SIZE);
    compare(&store, "from", 7, SIZE);
}

/// Nothing is copied from the new object, and what was copied stays in the upload.
#[test]
fn a_source_that_changes_between_steps_ends_the_copy() {
    let mut store = store();
    store.put_sparse("from", SIZE).unwrap();
    let revision = store.put(Put::new("to", b"old"), 0).unwrap().revision;
    let id = create(&mut store, "to", SIZE);
    let sources = [whole(&store, "from")];
    let received = store.copy_chunks(id, 0, &sources, &OWNER, 0).unwrap().received;
    let replaced = store.put(Put::new("from", b"new"), 0).unwrap().revision;
    let error = refused(&mut store, |store| store.copy_chunks(id, 0, &sources, &OWNER, 0));
    assert_eq!(error, Error::RevisionMismatch { current: Some(replaced) });
    store.delete("from").unwrap();
    let error = refused(&mut store, |store| store.copy_chunks(id, 0, &sources, &OWNER, 0));
    assert_eq!(error, Error::NotFound);
    let status = store.upload_status(id, &OWNER, 0).unwrap();
    assert_eq!((status.received, status.missing[0].first), (received, received / CHUNK_BYTES));
    let error = refused(&mut store, |store| store.commit_upload(id, &OWNER, 0));
    assert_eq!(error, Error::Incomplete { first_missing: received / CHUNK_BYTES });
    assert_eq!(store.stat("to").unwrap().revision, revision);
    store.abort_upload(id, &OWNER).unwrap();
    sound(&store);
}

/// Inline values, extents, tables and ranges of them, whose boundaries are those of no chunk and no extent.
#[test]
fn the_bytes_of_several_sources_follow_each_other() {
    let mut store = store();
    let large = 2 * SLOT_EXTENT_BYTES + 5_000;
    upload(&mut store, "large", 1, large);
    upload(&mut store, "extent", 2, 3 * CHUNK_BYTES + 7);
    let small: Vec<u8> = (0..300).map(|at| byte(3, at)).collect();
    store.put(Put::new("small", &small), 0).unwrap();
    store.put(Put::new("empty", b""), 0).unwrap();
    let parts = [
        ("small", 3, 0, 300),
        ("empty", 0, 0, 0),
        ("large", 1, 1_000, large - 1_000),
        ("extent", 2, 0, 3 * CHUNK_BYTES + 7),
        ("small", 3, 5, 100),
        ("large", 1, SLOT_EXTENT_BYTES - 3, 6),
    ];
    let sources: Vec<_> =
        parts.iter().map(|(key, _, offset, length)| range(&store, key, *offset, *length)).collect();
    let expected: Vec<u8> = parts
        .iter()
        .flat_map(|(_, seed, offset, length)| (*offset..offset + length).map(|at| byte(*seed, at)))
        .collect();
    let size = expected.len() as u64;
    let id = create(&mut store, "to", size);
    fill(&mut store, id, &sources, size);
    store.commit_upload(id, &OWNER, 0).unwrap();
    sound(&store);
    let mut offset = 0;
    while offset < size {
        let args = ReadArgs { key: "to".into(), offset, length: None, revision: None };
        let bytes = store.read(&args).unwrap();
        assert!(bytes == expected[offset as usize..][..bytes.len()], "at {offset}");
        offset += bytes.len() as u64;
    }
}

/// Chunks that were sent are kept, and the copy begins with any chunk.
#[test]
fn only_missing_chunks_are_copied() {
    let mut store = store();
    let size = 9 * CHUNK_BYTES + 100;
    upload(&mut store, "from", 1, size);
    let id = create(&mut store, "to", size);
    write(&mut store, id, 2, size, 4);
    let tail = [range(&store, "from", 7 * CHUNK_BYTES, 2 * CHUNK_BYTES + 100)];
    assert_eq!(store.copy_chunks(id, 7, &tail, &OWNER, 0).unwrap().received, 3 * CHUNK_BYTES + 100);
    // The end of this range is within chunk 2, which is not copied.
    let start = [range(&store, "from", 0, 3 * CHUNK_BYTES - 1)];
    assert_eq!(store.copy_chunks(id, 0, &start, &OWNER, 0).unwrap().received, 5 * CHUNK_BYTES + 100);
    let whole = [whole(&store, "from")];
    assert_eq!(fill(&mut store, id, &whole, size), 1);
    assert_eq!(store.copy_chunks(id, 0, &whole, &OWNER, 0).unwrap().received, size);
    store.commit_upload(id, &OWNER, 0).unwrap();
    sound(&store);
    for index in 0..10 {
        let args = ReadArgs {
            key: "to".into(),
            offset: index * CHUNK_BYTES,
            length: Some(CHUNK_BYTES),
            revision: None,
        };
        assert!(
            store.read(&args).unwrap() == chunk(if index == 4 { 2 } else { 1 }, size, index),
            "chunk {index}"
        );
    }
}

#[test]
fn wrong_uploads_and_ranges_are_refused() {
    let mut store = store();
    let size = 2 * CHUNK_BYTES + 10;
    upload(&mut store, "from", 1, size);
    let id = create(&mut store, "to", size);
    let open = store.create_upload(&UploadArgs::unsized_new("open"), &OWNER, 0).unwrap().id;
    let source = whole(&store, "from");
    let all = std::slice::from_ref(&source);
    let mut error = |id, first, sources: &[CopySource], caller: &Caller, now_ns| {
        refused(&mut store, |store| store.copy_chunks(id, first, sources, caller, now_ns))
    };
    let is_invalid = |error: Error| matches!(error, Error::InvalidArgument { .. });
    assert_eq!(error(id + 9, 0, all, &OWNER, 0), Error::NotFound);
    assert_eq!(error(id, 0, all, &OTHER, 0), Error::Unauthorized { needed: Role::Admin });
    assert_eq!(error(id, 0, all, &OWNER, UPLOAD_IDLE_NS + 1), Error::NotFound);
    assert!(is_invalid(error(open, 0, all, &OWNER, 0)));
    assert!(is_invalid(error(id, 0, &[], &OWNER, 0)));
    assert_eq!(
        error(id, 0, &vec![source.clone(); 1_001], &OWNER, 0),
        Error::LimitExceeded { what: "sources of one copy_chunks".into(), limit: 1_000 }
    );
    let part = |offset, length| [CopySource { offset: Some(offset), length: Some(length), ..source.clone() }];
    assert!(is_invalid(error(id, 0, &part(0, CHUNK_BYTES - 1), &OWNER, 0)));
    assert!(is_invalid(error(id, 2, &part(0, 9), &OWNER, 0)));
    assert_eq!(error(id, 0, &part(1, size), &OWNER, 0), Error::OutOfRange { offset: 1, length: size, size });
    assert!(matches!(error(id, 0, &part(u64::MAX, 2), &OWNER, 0), Error::OutOfRange { .. }));
    assert!(matches!(error(id, 0, &part(size + 1, 0), &OWNER, 0), Error::OutOfRange { .. }));
    // Bytes after the end of the upload.
    let after = Error::OutOfRange { offset: CHUNK_BYTES, length: size, size };
    assert_eq!(error(id, 1, all, &OWNER, 0), after);
    assert!(matches!(error(id, 3, all, &OWNER, 0), Error::OutOfRange { .. }));
    assert!(matches!(error(id, u64::MAX, all, &OWNER, 0), Error::OutOfRange { .. }));
    // An open upload is no object.
    assert_eq!(error(id, 0, &[CopySource::whole("open", 1)], &OWNER, 0), Error::NotFound);
    assert!(is_invalid(error(id, 0, &[CopySource::whole("k".repeat(1_025), 1)], &OWNER, 0)));
    assert_eq!(store.copy_chunks(id, 2, &part(0, 10), &ADMIN, 0).unwrap().received, 10);
    sound(&store);
}

/// The space was reserved when the upload was opened, so neither a step nor the commit is refused in a full store.
#[test]
fn a_copy_that_was_opened_completes_in_a_full_store() {
    let size = COPY_STEP_BYTES + 4 * CHUNK_BYTES;
    let mut store = store_with_capacity(MIN_CAPACITY_BYTES + 12 * BUCKET_BYTES);
    store.put_sparse("from", size).unwrap();
    let sources = [whole(&store, "from")];
    let id = create(&mut store, "to", size);
    let mut number = 0;
    while store.put(Put::new(&format!("fill/{number}"), &[1; 1_000_000]), 0).is_ok() {
        number += 1;
    }
    let small = CopyArgs::new("fill/0", "one more");
    let error = refused(&mut store, |store| store.copy(&small, &OWNER, 0));
    assert!(matches!(error, Error::OutOfMemory { .. }), "{error}");
    assert_eq!(fill(&mut store, id, &sources, size), 2);
    store.commit_upload(id, &OWNER, 0).unwrap();
    sound(&store);
    assert_eq!(store.stat("to").unwrap().size, size);
}

/// The step resets the expiry, like a chunk.
#[test]
fn a_step_extends_the_expiry() {
    let mut store = store();
    upload(&mut store, "from", 1, CHUNK_BYTES + 1);
    let id = create(&mut store, "to", CHUNK_BYTES + 1);
    let sources = [whole(&store, "from")];
    let expires =
        |store: &TestStore, now_ns| store.upload_status(id, &OWNER, now_ns).unwrap().upload.expires_ns;
    assert_eq!(expires(&store, 0), UPLOAD_IDLE_NS);
    store.copy_chunks(id, 0, &sources, &OWNER, 100).unwrap();
    assert_eq!(expires(&store, 100), UPLOAD_IDLE_NS + 100);
    store.copy_chunks(id, 0, &sources, &OWNER, 200).unwrap();
    assert_eq!(expires(&store, 200), UPLOAD_IDLE_NS + 200);
}

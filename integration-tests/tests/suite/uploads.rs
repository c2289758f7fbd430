//! Uploads: objects that arrive in chunks.
//!
//! The callers here are controllers, and so admins. The engine's tests check that an upload belongs to its creator
//! (`an_upload_belongs_to_its_creator_and_to_admins`).

use integration_tests::{
    Harness, InstallMode, SuiteClient, controller, data::Random, expect, init_args, pattern::Pattern,
    second_controller, stranger,
};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use stable_storage_api::{
    ArenaStatus, ChecksumState, ChunkRange, Condition, Error, ReadArgs, Status, UploadArgs, UploadEnd,
    limits::{CHUNK_BYTES, MAX_UPLOADS, MIN_CAPACITY_BYTES, UPLOAD_IDLE_NS},
};
use storage_client::TransferOptions;
use storage_engine::arena::SLOT_EXTENT_BYTES;
use storage_wasm::STORAGE_WASM;

/// An object of ten chunks, the last of them shorter, in two extents.
const SIZE: u64 = 9 * CHUNK_BYTES + 12_345;

fn chunk(seed: u64, index: u64) -> Vec<u8> {
    Pattern::new(seed, SIZE).range(index * CHUNK_BYTES, CHUNK_BYTES)
}

fn args(key: &str) -> UploadArgs {
    UploadArgs::new(key, SIZE)
}

async fn create(client: &SuiteClient, key: &str) -> u64 {
    client.create_upload(&args(key)).await.unwrap().id
}

async fn write(client: &SuiteClient, id: u64, seed: u64, indexes: impl IntoIterator<Item = u64>) {
    for index in indexes {
        client.write_chunk(id, index, &chunk(seed, index)).await.unwrap();
    }
}

/// Stores the object with a seed under a key.
async fn store(client: &SuiteClient, key: &str, seed: u64) {
    let mut source = Pattern::new(seed, SIZE);
    client.upload(&mut source, &args(key), TransferOptions::default()).await.unwrap();
}

/// Reads the object under a key and compares every byte.
async fn compare(client: &SuiteClient, key: &str, seed: u64) {
    let mut bytes = Vec::new();
    client.download(key, &mut bytes, TransferOptions::default()).await.unwrap();
    assert!(bytes == Pattern::new(seed, SIZE).range(0, SIZE), "{key} differs");
}

/// Returns the state that a rejected call must not change.
async fn state(
    client: &SuiteClient,
) -> (Vec<stable_storage_api::ObjectInfo>, Vec<stable_storage_api::UploadStatus>, ArenaStatus) {
    let objects = client.list_all("").await.unwrap();
    (objects, client.list_uploads().await.unwrap(), client.status().await.unwrap().arena)
}

/// Status of an empty canister without reservations.
fn assert_empty(status: &Status) {
    let ArenaStatus { used_bytes, free_bytes, extents, largest_free_bytes, reserved_bytes, .. } =
        status.arena;
    assert_eq!((status.objects, status.object_bytes, status.uploads), (0, 0, 0));
    assert_eq!((used_bytes, extents, reserved_bytes), (0, 0, 0));
    assert_eq!(free_bytes, largest_free_bytes, "the arena is not one free block");
}

/// The reply states the size of the chunks, and the storage is reserved.
#[tokio::test]
async fn an_upload_is_created() {
    let client = Harness::start().await.client();
    let upload = client.create_upload(&args("key")).await.unwrap();
    assert_eq!(
        (upload.key.as_str(), upload.size, upload.chunk_size, upload.chunks),
        ("key", Some(SIZE), CHUNK_BYTES, Some(10))
    );
    let status = client.upload_status(upload.id).await.unwrap();
    assert_eq!((status.creator, status.received, status.more_missing), (controller(), 0, false));
    assert_eq!(status.missing, [ChunkRange { first: 0, last: 9 }]);
    assert_eq!(client.list_uploads().await.unwrap(), [status]);
    let status = client.status().await.unwrap();
    assert!(status.arena.reserved_bytes > 0 && status.stores.uploads > 0);
    assert_eq!((status.uploads, status.objects), (1, 0));
    assert_eq!(expect::storage_error(client.stat("key").await), Error::NotFound);
}

/// Chunks may arrive in random order, and the status lists the missing ones at any time.
#[tokio::test]
async fn chunks_come_in_any_order() {
    let client = Harness::start().await.client();
    let mut random = Random::new(4);
    let id = create(&client, "key").await;
    let mut missing: Vec<u64> = (0..10).collect();
    while !missing.is_empty() {
        let index = missing.remove(random.below(missing.len()));
        write(&client, id, 1, [index]).await;
        let status = client.upload_status(id).await.unwrap();
        let listed: Vec<u64> = status.missing.iter().flat_map(|range| range.first..=range.last).collect();
        assert_eq!(listed, missing);
        let bytes = |index| chunk(1, index).len() as u64;
        assert_eq!(status.received, SIZE - missing.iter().copied().map(bytes).sum::<u64>());
    }
    let written = client.commit_upload(id).await.unwrap();
    let info = client.stat("key").await.unwrap();
    assert_eq!((info.size, info.revision, &info.sha256), (SIZE, written.revision, &None));
    compare(&client, "key", 1).await;
    assert_eq!(expect::storage_error(client.upload_status(id).await), Error::NotFound);
}

/// Chunks of two concurrent uploads are stored correctly.
#[tokio::test]
async fn uploads_run_side_by_side() {
    let client = Harness::start().await.client();
    let (first, second) = (args("first"), args("second"));
    let (mut one, mut two) = (Pattern::new(1, SIZE), Pattern::new(2, SIZE));
    let options = TransferOptions::default();
    let done =
        tokio::join!(client.upload(&mut one, &first, options), client.upload(&mut two, &second, options));
    done.0.unwrap();
    done.1.unwrap();
    compare(&client, "first", 1).await;
    compare(&client, "second", 2).await;
}

/// The same chunk may be sent again; one with other bytes is rejected, and the first one stays.
#[tokio::test]
async fn a_chunk_may_come_again() {
    let client = Harness::start().await.client();
    let id = create(&client, "key").await;
    write(&client, id, 1, [0, 7, 9]).await;
    let before = client.upload_status(id).await.unwrap();
    write(&client, id, 1, [0, 7, 9]).await;
    assert_eq!(client.upload_status(id).await.unwrap(), before);
    // Chunk 7 is in two extents, and 9 is the short one.
    for index in [0, 7, 9] {
        let right = chunk(1, index);
        for at in [0, right.len() - 1] {
            let mut other = right.clone();
            other[at] ^= 1;
            let refused = expect::storage_error(client.write_chunk(id, index, &other).await);
            assert_eq!(refused, Error::ChunkConflict { index });
        }
    }
    assert_eq!(client.upload_status(id).await.unwrap(), before);
    write(&client, id, 1, [8, 1, 2, 3, 4, 5, 6]).await;
    client.commit_upload(id).await.unwrap();
    compare(&client, "key", 1).await;
}

/// Chunks of the wrong length or beyond the end, and chunks of a missing upload, are rejected and change nothing.
#[tokio::test]
async fn wrong_chunks_are_refused() {
    let client = Harness::start().await.client();
    let id = create(&client, "key").await;
    write(&client, id, 1, [3]).await;
    let before = state(&client).await;
    let last = chunk(1, 9).len();
    for (index, length) in [
        (0, 0),
        (0, 1),
        (0, CHUNK_BYTES as usize - 1),
        (9, last - 1),
        (9, last + 1),
        (9, CHUNK_BYTES as usize),
    ] {
        let refused = expect::storage_error(client.write_chunk(id, index, &vec![0; length]).await);
        assert!(matches!(refused, Error::InvalidArgument { .. }), "{length} bytes at {index}: {refused:?}");
    }
    for index in [10, 11, u64::MAX] {
        let refused = expect::storage_error(client.write_chunk(id, index, &chunk(1, 0)).await);
        assert_eq!(refused, Error::OutOfRange { offset: index, length: 1, size: 10 });
    }
    for id in [0, id + 1, u64::MAX] {
        assert_eq!(expect::storage_error(client.write_chunk(id, 0, &chunk(1, 0)).await), Error::NotFound);
        assert_eq!(expect::storage_error(client.upload_status(id).await), Error::NotFound);
        assert_eq!(expect::storage_error(client.commit_upload(id).await), Error::NotFound);
        assert_eq!(expect::storage_error(client.abort_upload(id).await), Error::NotFound);
    }
    assert!(state(&client).await == before, "a chunk that was refused changed something");
}

/// Invalid sizes, keys, content types and digests are rejected, and so are uploads that cannot fit.
#[tokio::test]
async fn invalid_uploads_are_rejected() {
    let client = Harness::start_with_capacity(MIN_CAPACITY_BYTES).await.client();
    client.put("present", b"value").await.unwrap();
    let before = state(&client).await;
    let sha256 = |bytes: usize| UploadArgs { sha256: Some(ByteBuf::from(vec![0; bytes])), ..args("key") };
    let invalid = [
        UploadArgs::new("key", 0),
        args(""),
        args(&"k".repeat(1_025)),
        UploadArgs { content_type: Some("t".repeat(256)), ..args("key") },
        sha256(0),
        sha256(31),
        sha256(33),
    ];
    for args in invalid {
        let refused = expect::storage_error(client.create_upload(&args).await);
        assert!(matches!(refused, Error::InvalidArgument { .. }), "{args:?}: {refused:?}");
    }
    for size in [MIN_CAPACITY_BYTES, 500 << 30, (500 << 30) + 1, u64::MAX] {
        let refused = expect::storage_error(client.create_upload(&UploadArgs::new("key", size)).await);
        assert!(matches!(refused, Error::OutOfMemory { requested, available } if requested > available));
    }
    let on = |key, condition| UploadArgs { condition: Some(condition), ..args(key) };
    let refused = expect::storage_error(client.create_upload(&on("present", Condition::Absent)).await);
    assert_eq!(refused, Error::AlreadyExists);
    let refused = expect::storage_error(client.create_upload(&on("absent", Condition::Revision(1))).await);
    assert_eq!(refused, Error::RevisionMismatch { current: None });
    assert!(state(&client).await == before, "an upload that was refused changed something");
}

/// An upload with gaps is not committed, and the first gap is named.
#[tokio::test]
async fn gaps_are_named() {
    let client = Harness::start().await.client();
    let id = create(&client, "key").await;
    let mut written = vec![];
    for (next, first_missing) in [(1, 0), (0, 2), (9, 2), (2, 3), (8, 3)] {
        write(&client, id, 1, [next]).await;
        written.push(next);
        let refused = expect::storage_error(client.commit_upload(id).await);
        assert_eq!(refused, Error::Incomplete { first_missing }, "after {written:?}");
    }
    assert_eq!(expect::storage_error(client.stat("key").await), Error::NotFound);
    write(&client, id, 1, 3..8).await;
    client.commit_upload(id).await.unwrap();
    compare(&client, "key", 1).await;
}

/// The old object is readable until the commit, and an upload whose condition no longer holds is not committed.
#[tokio::test]
async fn conditions_hold_at_the_commit() {
    let client = Harness::start().await.client();
    store(&client, "key", 1).await;
    let old = client.stat("key").await.unwrap();
    let on = |condition| UploadArgs { condition: Some(condition), ..args("key") };
    let mut ready = Vec::new();
    for seed in [2, 3] {
        let id = client.create_upload(&on(Condition::Revision(old.revision))).await.unwrap().id;
        write(&client, id, seed, 0..10).await;
        ready.push(id);
    }
    compare(&client, "key", 1).await;
    let new = client.commit_upload(ready[0]).await.unwrap();
    assert_eq!(client.stat("key").await.unwrap().created_ns, old.created_ns);
    compare(&client, "key", 2).await;

    let before = state(&client).await;
    let refused = expect::storage_error(client.commit_upload(ready[1]).await);
    assert_eq!(refused, Error::RevisionMismatch { current: Some(new.revision) });
    assert!(state(&client).await == before, "the upload must stay open");
    compare(&client, "key", 2).await;

    client.abort_upload(ready[1]).await.unwrap();
    assert!(client.delete("key").await.unwrap());
    assert_empty(&client.status().await.unwrap());

    // The reverse: an object is stored under the key during the upload.
    let id = client.create_upload(&on(Condition::Absent)).await.unwrap().id;
    write(&client, id, 4, 0..10).await;
    client.put("key", b"faster").await.unwrap();
    assert_eq!(expect::storage_error(client.commit_upload(id).await), Error::AlreadyExists);
    assert_eq!(client.get("key").await.unwrap(), b"faster");
    assert!(client.delete("key").await.unwrap());
    client.commit_upload(id).await.unwrap();
    compare(&client, "key", 4).await;
}

/// An admin can see, continue and abort another caller's upload; other callers cannot.
#[tokio::test]
async fn an_upload_is_for_admins() {
    let harness = Harness::start().await;
    let client = harness.client();
    let (admin, other) = (harness.client_as(second_controller()), harness.client_as(stranger()));
    let id = create(&client, "key").await;
    write(&client, id, 1, [0]).await;
    assert_eq!(admin.list_uploads().await.unwrap()[0].creator, controller());
    write(&admin, id, 1, 1..10).await;

    let before = state(&client).await;
    let refusals = [
        expect::refused(other.write_chunk(id, 0, &chunk(1, 0)).await),
        expect::refused(other.upload_status(id).await),
        expect::refused(other.commit_upload(id).await),
        expect::refused(other.abort_upload(id).await),
        expect::refused(other.list_uploads().await),
    ];
    for refused in refusals {
        assert!(refused.contains("unauthorized: this needs the role"), "{refused}");
    }
    assert!(state(&client).await == before);
    admin.commit_upload(id).await.unwrap();
    compare(&client, "key", 1).await;

    let id = create(&client, "another").await;
    admin.abort_upload(id).await.unwrap();
    assert_eq!(client.list_uploads().await.unwrap(), []);
}

/// The 1,001st upload is rejected, a list of 1,000 fits a reply, and another one can be opened when one ends.
#[tokio::test]
async fn there_are_at_most_1000_uploads() {
    let client = Harness::start().await.client();
    let key = |number: u64| format!("{number:04}{}", "k".repeat(1_020));
    for number in 0..MAX_UPLOADS {
        client.create_upload(&UploadArgs::new(key(number), 1)).await.unwrap();
    }
    let refused = expect::storage_error(client.create_upload(&UploadArgs::new("more", 1)).await);
    assert!(matches!(refused, Error::LimitExceeded { limit: MAX_UPLOADS, .. }), "{refused:?}");
    let uploads = client.list_uploads().await.unwrap();
    let listed: Vec<_> = uploads.iter().map(|status| status.upload.key.clone()).collect();
    assert_eq!(listed, (0..MAX_UPLOADS).map(key).collect::<Vec<_>>());

    client.abort_upload(uploads[0].upload.id).await.unwrap();
    let id = client.create_upload(&UploadArgs::new("more", 1)).await.unwrap().id;
    assert!(uploads.iter().all(|status| status.upload.id != id), "an identifier was used twice");
}

/// Two uploads cannot both reserve the last space, nor can a put use it; freed space can be reserved again.
#[tokio::test]
async fn space_is_reserved_once() {
    let client = Harness::start_with_capacity(2 * MIN_CAPACITY_BYTES).await.client();
    let half = UploadArgs::new("half", MIN_CAPACITY_BYTES);
    let id = client.create_upload(&half).await.unwrap().id;
    let refused = expect::storage_error(client.create_upload(&half).await);
    assert!(matches!(refused, Error::OutOfMemory { .. }), "{refused:?}");
    let value = vec![7; CHUNK_BYTES as usize];
    let mut puts = 0;
    while client.put(&format!("{puts:04}"), &value).await.is_ok() {
        puts += 1;
        assert!(puts < 1_000, "the canister is never full");
    }
    // A put is rejected, but the upload gets all that it reserved.
    let mut source = Pattern::new(5, MIN_CAPACITY_BYTES);
    let options = TransferOptions { resume: Some(id), ..TransferOptions::default() };
    client.upload(&mut source, &half, options).await.unwrap();
    assert!(client.delete("half").await.unwrap());
    let again = client.create_upload(&half).await.unwrap().id;
    client.abort_upload(again).await.unwrap();
    client.delete_all("").await.unwrap();
    assert_empty(&client.status().await.unwrap());
}

/// An upload that was idle for seven days expires, a busy one does not, and the next upload frees its space.
#[tokio::test]
async fn an_idle_upload_expires() {
    let harness = Harness::start().await;
    let client = harness.client();
    let (idle, busy) = (create(&client, "idle").await, create(&client, "busy").await);
    write(&client, idle, 1, 0..5).await;
    harness.advance_time(UPLOAD_IDLE_NS - 3_600_000_000_000).await;
    write(&client, busy, 2, [0]).await;
    assert_eq!(client.list_uploads().await.unwrap().len(), 2);

    harness.advance_time(2 * 3_600_000_000_000).await;
    assert_eq!(expect::storage_error(client.upload_status(idle).await), Error::NotFound);
    assert_eq!(expect::storage_error(client.write_chunk(idle, 5, &chunk(1, 5)).await), Error::NotFound);
    assert_eq!(expect::storage_error(client.commit_upload(idle).await), Error::NotFound);
    let uploads = client.list_uploads().await.unwrap();
    assert_eq!(uploads.iter().map(|status| status.upload.id).collect::<Vec<_>>(), [busy]);

    let used = client.status().await.unwrap().arena.used_bytes;
    let small = client.create_upload(&UploadArgs::new("small", 1)).await.unwrap().id;
    let status = client.status().await.unwrap();
    assert!(status.arena.used_bytes < used, "the expired upload keeps its space");
    assert_eq!(status.uploads, 2);
    write(&client, busy, 2, 1..10).await;
    client.commit_upload(busy).await.unwrap();
    compare(&client, "busy", 2).await;
    client.abort_upload(small).await.unwrap();
    assert!(client.delete("busy").await.unwrap());
    assert_empty(&client.status().await.unwrap());
}

/// Uploads survive both kinds of upgrade, after every chunk, with their metadata.
#[tokio::test]
async fn uploads_survive_upgrades() {
    let harness = Harness::start().await;
    let client = harness.client();
    let digest = Sha256::digest(Pattern::new(1, SIZE).range(0, SIZE)).to_vec();
    let args = UploadArgs {
        content_type: Some("a/b".into()),
        sha256: Some(ByteBuf::from(digest.clone())),
        condition: Some(Condition::Absent),
        ..args("key")
    };
    let id = client.create_upload(&args).await.unwrap().id;
    for index in [9, 0, 5, 1, 2, 8, 7, 3, 4, 6] {
        write(&client, id, 1, [index]).await;
        let before = state(&client).await;
        let mode = match index % 2 {
            0 => InstallMode::Upgrade,
            _ => InstallMode::UpgradeSkippingPreUpgrade,
        };
        harness.install(mode, STORAGE_WASM, init_args(None)).await.unwrap();
        assert!(state(&client).await == before, "{mode:?} after chunk {index} changed something");
    }
    client.commit_upload(id).await.unwrap();
    let info = client.stat("key").await.unwrap();
    assert_eq!(info.content_type.as_deref(), Some("a/b"));
    assert_eq!(info.sha256.unwrap().digest, digest);
    compare(&client, "key", 1).await;
    assert!(client.create_upload(&UploadArgs::new("next", 1)).await.unwrap().id > id);
}

/// Objects of all sizes around chunks and extents are read back, and after deleting them nothing is left.
#[tokio::test]
async fn sizes_around_the_edges_come_back() {
    let client = Harness::start().await.client();
    let slot = SLOT_EXTENT_BYTES;
    for size in
        [1, 128, 129, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, slot - 1, slot, slot + 1, 2 * slot]
    {
        let mut source = Pattern::new(size, size);
        let args = UploadArgs::new(format!("{size}"), size);
        client.upload(&mut source, &args, TransferOptions::default()).await.unwrap();
        let mut bytes = Vec::new();
        client.download(&args.key, &mut bytes, TransferOptions::default()).await.unwrap();
        assert!(bytes == source.range(0, size), "{size} bytes differ");
        let last = ReadArgs { key: args.key, offset: size - 1, length: Some(2), revision: None };
        assert_eq!(client.read(&last).await.unwrap(), source.range(size - 1, 1));
    }
    client.delete_all("").await.unwrap();
    assert_empty(&client.status().await.unwrap());
}

/// An upload without a size allocates extents as chunks arrive, in any order, survives upgrades, and becomes an object of the
/// size that the commit states.
#[tokio::test]
async fn an_upload_without_a_size_grows() {
    let harness = Harness::start().await;
    let client = harness.client();
    let upload = client.create_upload(&UploadArgs::unsized_new("key")).await.unwrap();
    assert_eq!((upload.size, upload.chunks), (None, None));
    assert_eq!(client.status().await.unwrap().arena.reserved_bytes, 0);
    for (number, index) in [3, 9, 0, 1, 2, 4, 5, 6, 8, 7].into_iter().enumerate() {
        let received = client.write_chunk(upload.id, index, &chunk(1, index)).await.unwrap();
        // The last chunk is shorter, so it determines the size.
        assert_eq!(received.size.is_some(), number >= 1);
        if number % 3 == 0 {
            harness.upgrade_skipping_pre_upgrade().await;
        }
    }
    let end = |size| UploadEnd { size, sha256: None };
    let refused = expect::refused(client.commit_upload_with(upload.id, &end(SIZE + 1)).await);
    assert!(refused.contains(&SIZE.to_string()), "{refused}");
    client.commit_upload_with(upload.id, &end(SIZE)).await.unwrap();
    assert_eq!(client.stat("key").await.unwrap().size, SIZE);
    compare(&client, "key", 1).await;
    assert!(client.delete("key").await.unwrap());
    assert_empty(&client.status().await.unwrap());
}

/// A stream is stored with its digest, and a failed one leaves nothing.
#[tokio::test]
async fn a_stream_is_stored_with_its_digest() {
    let client = Harness::start().await.client();
    let content: Vec<u8> = (0..10).flat_map(|index| chunk(1, index)).collect();
    let pieces = || futures_util::stream::iter(content.chunks(1_234_567).map(Ok));
    let args = UploadArgs { condition: Some(Condition::Absent), ..UploadArgs::unsized_new("key") };
    let (written, end) = client.upload_stream(pieces(), &args, TransferOptions::default()).await.unwrap();
    let info = client.stat("key").await.unwrap();
    assert_eq!((end.size, info.revision), (SIZE, written.revision));
    assert_eq!((info.size, info.sha256.map(|sha256| sha256.state)), (SIZE, Some(ChecksumState::Declared)));
    compare(&client, "key", 1).await;
    let verdict = client.verify_all("key", &storage_client::transfer::Unobserved).await.unwrap();
    assert_eq!(verdict, ChecksumState::Verified);
    client.upload_stream(pieces(), &args, TransferOptions::default()).await.unwrap_err();
    assert_eq!(client.list_uploads().await.unwrap(), []);
}

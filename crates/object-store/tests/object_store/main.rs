//! The store on the embedded host: the suite that `object_store` publishes for implementations, and what it leaves out.

#![expect(clippy::unwrap_used, reason = "a helper of tests may fail the test")]

mod multipart;

use std::{ops::Range, sync::Arc};

use candid::Principal;
use embedded_ic::{Config, EmbeddedIc};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{
    Attribute, Attributes, Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode,
    PutMultipartOptions, PutOptions, UpdateVersion, integration,
    multipart::{MultipartStore, PartId},
    path::Path,
};
use stable_storage_api::{InitArgs, MetadataPair, PutArgs, Role, UploadArgs, limits::CHUNK_BYTES};
use storage_client::{Client, EmbeddedTransport, Piece, TransferOptions};
use storage_object_store::CanisterStore;
use storage_testkit::Lagging;
use storage_wasm::STORAGE_WASM;

type Store = CanisterStore<EmbeddedTransport>;

fn store() -> Store {
    let mut host = EmbeddedIc::new(Config::default()).unwrap();
    let owner = host.controllers()[0];
    host.install(STORAGE_WASM, &candid::encode_one(None::<InitArgs>).unwrap()).unwrap();
    CanisterStore::new(Client::new(EmbeddedTransport::new(host, owner)))
}

/// Bytes that differ at each offset and repeat with no power of two.
fn bytes(length: u64) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

#[tokio::test]
async fn the_published_suite_passes() {
    let store = store();
    integration::put_get_delete_list(&store).await;
    integration::put_get_attributes(&store).await;
    integration::get_opts(&store).await;
    integration::put_opts(&store, true).await;
    integration::list_uses_directories_correctly(&store).await;
    integration::list_with_delimiter(&store).await;
    integration::list_with_offset_exclusivity(&store).await;
    integration::list_paginated(&store, &store).await;
    integration::rename_and_copy(&store).await;
    integration::copy_if_not_exists(&store).await;
    integration::copy_rename_nonexistent_object(&store).await;
    let missing = integration::get_nonexistent_object(&store, None).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
}

#[tokio::test]
async fn the_published_suite_of_multipart_uploads_passes() {
    let store = store();
    integration::stream_get(&store).await;
    integration::multipart_race_condition(&store, true).await;
    integration::multipart_out_of_order(&store).await;
    integration::multipart(&store, &store).await;
    integration::multipart_with_opts(&store, &store).await;
    integration::multipart_put_part_out_of_order(&store, &store).await;
    assert_eq!(store.client().list_all(":").await.unwrap(), []);
    assert!(store.client().list_uploads().await.unwrap().is_empty());
}

/// Parts are invisible until they are completed, and an aborted upload leaves nothing.
#[tokio::test]
async fn parts_of_an_upload_are_not_listed_and_are_removed() {
    let store = store();
    let path = Path::from("parts");
    let id = store.create_multipart(&path).await.unwrap();
    let first = store.put_part(&path, &id, 0, bytes(10).into()).await.unwrap();
    let replaced = store.put_part(&path, &id, 0, bytes(20).into()).await.unwrap();
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(listed, []);
    // The part that was replaced, a part of another store, another path, and another upload.
    let stale = store.complete_multipart(&path, &id, vec![first]).await;
    assert!(matches!(stale, Err(Error::Precondition { .. })), "{stale:?}");
    let foreign = PartId { content_id: "x".into() };
    assert!(store.complete_multipart(&path, &id, vec![foreign]).await.is_err());
    for (path, id) in [(&Path::from("other"), &id), (&path, &"0".repeat(32)), (&path, &"../x".into())] {
        let missing = store.put_part(path, id, 0, "x".into()).await;
        assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    }
    store.complete_multipart(&path, &id, vec![replaced]).await.unwrap();
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), bytes(20));
    let id = store.create_multipart(&path).await.unwrap();
    store.put_part(&path, &id, 3, "x".into()).await.unwrap();
    store.abort_multipart(&path, &id).await.unwrap();
    assert!(store.abort_multipart(&path, &id).await.is_err());
    assert_eq!(store.client().list_all(":").await.unwrap(), []);
    assert!(store.client().list_uploads().await.unwrap().is_empty());
}

/// `rename_if_not_exists` and `copy_if_not_exists` replace nothing, and move nothing where something is there.
#[tokio::test]
async fn a_rename_or_copy_on_absence_replaces_nothing() {
    let store = store();
    let [from, to, free] = ["from", "to", "free"].map(Path::from);
    for path in [&from, &to] {
        store.put(path, path.as_ref().to_owned().into()).await.unwrap();
    }
    let text = async |path: &Path| store.get(path).await.unwrap().bytes().await.unwrap();
    for refused in [store.rename_if_not_exists(&from, &to).await, store.copy_if_not_exists(&from, &to).await]
    {
        assert!(matches!(&refused, Err(Error::AlreadyExists { path, .. }) if path == "to"), "{refused:?}");
        assert_eq!((text(&from).await, text(&to).await), ("from".into(), "to".into()));
    }
    store.copy_if_not_exists(&from, &free).await.unwrap();
    assert_eq!((text(&from).await, text(&free).await), ("from".into(), "from".into()));
    store.delete(&free).await.unwrap();
    store.rename_if_not_exists(&from, &free).await.unwrap();
    assert_eq!(text(&free).await, "from");
    assert!(matches!(store.head(&from).await, Err(Error::NotFound { .. })));
    let missing = store.rename_if_not_exists(&from, &free).await;
    assert!(matches!(&missing, Err(Error::NotFound { path, .. }) if path == "from"), "{missing:?}");
}

/// One node executes a query, and may lag the updates: an upload in parts sees its own writes.
#[tokio::test]
async fn an_upload_in_parts_needs_no_query_that_has_seen_it() {
    let [canister, stale] = [store(), store()].map(|store| store.client().transport().clone());
    let store = CanisterStore::new(Client::new(Lagging { canister, stale }));
    let path = Path::from("parts");
    let id = store.create_multipart(&path).await.unwrap();
    let part = store.put_part(&path, &id, 0, "part".into()).await.unwrap();
    store.complete_multipart(&path, &id, vec![part]).await.unwrap();
    assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "part");
    let id = store.create_multipart(&path).await.unwrap();
    store.abort_multipart(&path, &id).await.unwrap();
    let late = store.put_part(&path, &id, 0, "late".into()).await;
    assert!(matches!(late, Err(Error::NotFound { .. })), "{late:?}");
    assert_eq!(store.client().list_all_replicated(":").await.unwrap(), []);
}

/// The most parts that S3 allows, each as small as `compose` allows.
#[tokio::test]
async fn an_object_is_composed_of_ten_thousand_pieces() {
    const COUNT: usize = 10_000;
    const BYTES: usize = 2_048;
    let client = store().client().clone();
    let content = bytes((COUNT * BYTES) as u64);
    let mut pieces = Vec::with_capacity(COUNT);
    let objects: Vec<_> = (0..)
        .zip(content.chunks(BYTES))
        .map(|(at, part)| PutArgs::new(format!("part/{at:05}"), part))
        .collect();
    for batch in objects.chunks(500) {
        for (object, written) in batch.iter().zip(client.put_many(batch).await.unwrap()) {
            let range = 0..BYTES as u64;
            pieces.push(Piece { key: object.key.clone(), revision: written.revision, range });
        }
    }
    let whole = UploadArgs::unsized_new("whole");
    let (_, end) = client.compose(&pieces, &whole, TransferOptions::default()).await.unwrap();
    assert_eq!(end.size, content.len() as u64);
    let mut sink = Vec::new();
    client.download("whole", &mut sink, TransferOptions::default()).await.unwrap();
    assert!(sink == content);
    // A thousand pieces that are a byte short of a chunk together.
    for piece in &mut pieces[3_000..4_000] {
        piece.range.end = 2_031;
    }
    pieces[3_000].range.end += CHUNK_BYTES - 1 - 2_031_000;
    let refused = client.compose(&pieces, &UploadArgs::unsized_new("none"), TransferOptions::default()).await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(client.list_all("").await.unwrap().len(), COUNT + 1);
    assert!(client.list_uploads().await.unwrap().is_empty());
}

#[tokio::test]
async fn objects_of_any_size_are_read_whole_and_in_ranges() {
    let store = store();
    for size in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5] {
        let (path, all) = (Path::from(format!("size/{size}")), bytes(size));
        store.put(&path, all.clone().into()).await.unwrap();
        assert!(store.get(&path).await.unwrap().bytes().await.unwrap() == all, "{size}");
        let ranges: Vec<Range<u64>> = [0..1, size / 2..size, 0..size, CHUNK_BYTES - 1..CHUNK_BYTES + 1]
            .into_iter()
            .filter(|range| range.start < range.end && range.end <= size)
            .collect();
        let read = store.get_ranges(&path, &ranges).await.unwrap();
        for (range, read) in ranges.iter().zip(read) {
            assert!(read == all[range.start as usize..range.end as usize], "{size} {range:?}");
        }
    }
    let out = store.get_ranges(&Path::from("size/1"), &[0..1, 1..2]).await;
    assert!(matches!(out, Err(Error::Generic { .. })), "{out:?}");
}

/// A range that exceeds the object is cut at its end, whatever it states: nothing is reserved for bytes that do not exist.
#[tokio::test]
async fn a_range_past_the_end_is_cut_at_it() {
    let store = store();
    for size in [1, 5 * CHUNK_BYTES] {
        let (path, all) = (Path::from(format!("size/{size}")), bytes(size));
        store.put(&path, all.clone().into()).await.unwrap();
        let ranges = [0..size + 1, 0..1 << 40, 0..u64::MAX, size - 1..u64::MAX, size / 2..1 << 62];
        let read = store.get_ranges(&path, &ranges).await.unwrap();
        for (range, read) in ranges.iter().zip(read) {
            assert!(read == all[range.start as usize..], "{size} {range:?}");
            assert!(store.get_range(&path, range.clone()).await.unwrap() == read, "{size} {range:?}");
        }
        let [empty, backwards] = [0..0, Range { start: 1, end: 0 }];
        for range in [size..size + 1, size + 1..u64::MAX, u64::MAX - 1..u64::MAX, empty, backwards] {
            let out = store.get_ranges(&path, &[0..1, range.clone()]).await;
            assert!(matches!(out, Err(Error::Generic { .. })), "{size} {range:?} {out:?}");
        }
    }
}

/// A stream is of one version, also if the object is overwritten while it is read.
#[tokio::test]
async fn a_stream_never_mixes_two_versions() {
    let store = store();
    let path = Path::from("large");
    store.put(&path, bytes(9 * CHUNK_BYTES).into()).await.unwrap();
    let mut stream = store.get(&path).await.unwrap().into_stream();
    assert!(stream.next().await.unwrap().is_ok());
    store.put(&path, bytes(9 * CHUNK_BYTES).into()).await.unwrap();
    let rest: Result<Vec<_>, _> = stream.try_collect().await;
    assert!(matches!(rest, Err(Error::Precondition { .. })));
}

#[tokio::test]
async fn updates_of_large_objects_are_conditional() {
    let store = store();
    let path = Path::from("large");
    let put = |mode: PutMode| store.put_opts(&path, bytes(CHUNK_BYTES + 1).into(), mode.into());
    let first = put(PutMode::Create).await.unwrap();
    assert!(matches!(put(PutMode::Create).await, Err(Error::AlreadyExists { .. })));
    put(PutMode::Update(first.clone().into())).await.unwrap();
    assert!(matches!(put(PutMode::Update(first.into())).await, Err(Error::Precondition { .. })));
    let foreign = UpdateVersion { e_tag: Some("\"abc\"".into()), version: None };
    assert!(matches!(put(PutMode::Update(foreign)).await, Err(Error::Precondition { .. })));
    assert!(store.client().list_uploads().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_copy_has_the_metadata_and_the_digest_of_its_source() {
    let store = store();
    let (from, to) = (Path::from("from"), Path::from("to"));
    let attributes = Attributes::from_iter([
        (Attribute::ContentType, "text/csv"),
        (Attribute::CacheControl, "no-cache"),
        (Attribute::Metadata("name".into()), "value"),
    ]);
    let options = PutOptions { attributes: attributes.clone(), ..Default::default() };
    store.put_opts(&from, bytes(2 * CHUNK_BYTES).into(), options).await.unwrap();
    store.copy(&from, &to).await.unwrap();
    let copy = store.get(&to).await.unwrap();
    assert_eq!(copy.attributes, attributes);
    assert!(copy.bytes().await.unwrap() == bytes(2 * CHUNK_BYTES));
    let digest = async |key| store.client().stat(key).await.unwrap().sha256.unwrap().digest;
    assert_eq!(digest("from").await, digest("to").await);
}

/// Another gateway's metadata is not the user's, and is kept by a copy.
#[tokio::test]
async fn reserved_metadata_is_not_an_attribute() {
    let store = store();
    let metadata = Some(vec![MetadataPair::new(":etag", "abc"), MetadataPair::new("name", "value")]);
    store.client().put_with(PutArgs { metadata, ..PutArgs::new("key", "value") }).await.unwrap();
    let attributes = store.get(&Path::from("key")).await.unwrap().attributes;
    assert_eq!(attributes, Attributes::from_iter([(Attribute::Metadata("name".into()), "value")]));
    let attributes = Attributes::from_iter([(Attribute::Metadata(":etag".into()), "abc")]);
    let options = PutMultipartOptions { attributes, ..Default::default() };
    let refused = store.put_multipart_opts(&Path::from("key"), options).await;
    assert!(matches!(refused, Err(Error::NotSupported { .. })));
}

#[tokio::test]
async fn old_versions_are_not_read() {
    let store = store();
    let path = Path::from("key");
    store.put(&path, "value".into()).await.unwrap();
    let options = GetOptions::new().with_version(Some("1"));
    assert!(matches!(store.get_opts(&path, options).await, Err(Error::Precondition { .. })));
    let options = GetOptions::new().with_range(Some(GetRange::Suffix(2)));
    assert_eq!(store.get_opts(&path, options).await.unwrap().bytes().await.unwrap(), "ue");
}

/// Keys that no path expresses are left out, because a path with similar text is another key.
#[tokio::test]
async fn keys_that_are_not_paths_are_not_listed() {
    let store = store();
    for key in ["a/", "a//b", "/c", "d", "e/f"] {
        store.client().put(key, b"").await.unwrap();
    }
    let listed: Vec<_> =
        store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
    assert_eq!(listed, ["d", "e/f"]);
    let level = store.list_with_delimiter(None).await.unwrap();
    assert_eq!(level.common_prefixes, [Path::from("a"), Path::from("e")]);
}

/// A path that is too long for a key fails alone, and the others of its batch are deleted.
#[tokio::test]
async fn a_batch_deletes_each_path_that_is_a_key() {
    let store = store();
    let paths = ["a", "missing", &"k".repeat(1_025), "a", "b"].map(Path::from);
    for key in ["a", "b", "c"] {
        store.client().put(key, b"").await.unwrap();
    }
    let deleted: Vec<_> = store.delete_stream(stream::iter(paths).map(Ok).boxed()).collect().await;
    let is_deleted: Vec<_> = deleted.iter().map(Result::is_ok).collect();
    assert_eq!(is_deleted, [true, true, false, true, true]);
    assert_eq!(store.client().list_all("").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_caller_without_a_role_has_no_permission() {
    let owner = store();
    let reader = Principal::self_authenticating([1]);
    owner.client().set_role(reader, Some(Role::Reader)).await.unwrap();
    let store = CanisterStore::new(Client::new(owner.client().transport().with_sender(reader)));
    owner.put(&Path::from("key"), "value".into()).await.unwrap();
    assert_eq!(store.get(&Path::from("key")).await.unwrap().bytes().await.unwrap(), "value");
    let denied = |result: Result<(), Error>| matches!(result, Err(Error::PermissionDenied { .. }));
    assert!(denied(store.put(&Path::from("key"), "other".into()).await.map(drop)));
    assert!(denied(store.delete(&Path::from("key")).await));
    assert!(denied(store.rename(&Path::from("key"), &Path::from("other")).await));
    assert!(denied(store.copy(&Path::from("key"), &Path::from("other")).await));
    let shared: Arc<dyn ObjectStore> = Arc::new(store);
    assert_eq!(shared.to_string(), "CanisterStore");
}

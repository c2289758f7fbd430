//! Metadata of objects, and of the canister.

use integration_tests::{Harness, data, expect, stranger};
use sha2::Digest;
use stable_storage_api::{
    MetadataPair, PutArgs, Role, UploadArgs,
    limits::{MAX_STABLE_BYTES, MIN_CAPACITY_BYTES},
};

const SECOND_NS: u64 = 1_000_000_000;

/// Returns a put with a content type.
fn typed(key: &str, content_type: &str) -> PutArgs {
    PutArgs { content_type: Some(content_type.into()), ..PutArgs::new(key, "value") }
}

/// An object keeps the time of its first put, and its last change moves with the clock.
#[tokio::test]
async fn times_are_those_of_the_changes() {
    let harness = Harness::start().await;
    let client = harness.client();
    client.put("key", b"one").await.unwrap();
    let first = client.stat("key").await.unwrap();
    assert_eq!(first.created_ns, first.modified_ns);

    harness.advance_time(SECOND_NS).await;
    client.put("key", b"two").await.unwrap();
    let second = client.stat("key").await.unwrap();
    assert_eq!(second.created_ns, first.created_ns);
    assert!(second.modified_ns >= first.modified_ns + SECOND_NS);

    harness.advance_time(SECOND_NS).await;
    client.rename("key", "other").await.unwrap();
    let renamed = client.stat("other").await.unwrap();
    assert_eq!(renamed.created_ns, first.created_ns);
    assert!(renamed.modified_ns >= second.modified_ns + SECOND_NS);

    client.delete("other").await.unwrap();
    client.put("other", b"new").await.unwrap();
    let again = client.stat("other").await.unwrap();
    assert!(
        again.created_ns >= second.modified_ns + SECOND_NS,
        "a deleted object left its time to the new one"
    );
}

/// A content type is kept through a rename, and an overwrite replaces it together with the value.
#[tokio::test]
async fn a_content_type_belongs_to_its_value() {
    let client = Harness::start().await.client();
    let content_type = |info: stable_storage_api::ObjectInfo| info.content_type;
    client.put_with(typed("key", "image/png")).await.unwrap();
    assert_eq!(content_type(client.stat("key").await.unwrap()).as_deref(), Some("image/png"));
    client.rename("key", "moved").await.unwrap();
    assert_eq!(content_type(client.stat("moved").await.unwrap()).as_deref(), Some("image/png"));
    client.put("moved", b"something else").await.unwrap();
    assert_eq!(content_type(client.stat("moved").await.unwrap()), None);
}

/// A content type of 255 bytes is stored, and one of 256 is rejected.
#[tokio::test]
async fn a_content_type_has_at_most_255_bytes() {
    let client = Harness::start().await.client();
    let longest = "t".repeat(255);
    client.put_with(typed("key", &longest)).await.unwrap();
    let error = expect::refused(client.put_with(typed("key", &"t".repeat(256))).await);
    assert!(error.contains("invalid argument") && error.contains("255"), "{error}");
    assert_eq!(client.stat("key").await.unwrap().content_type, Some(longest));
}

/// Metadata, content encoding and digest are returned by every method and kept by a rename; so is the owner, unless it is an
/// admin.
#[tokio::test]
async fn metadata_is_returned_by_every_method() {
    let harness = Harness::start().await;
    let (client, value) = (harness.client(), b"value".to_vec());
    let digest = sha2::Sha256::digest(&value).to_vec();
    let pairs = vec![MetadataPair::new("name", "value"), MetadataPair::new("é", "")];
    let put = PutArgs {
        content_encoding: Some("gzip".into()),
        metadata: Some(pairs.clone()),
        sha256: Some(digest.clone().into()),
        ..typed("key", "a/b")
    };
    let written = client.put_with(put.clone()).await.unwrap();
    let info = client.stat("key").await.unwrap();
    assert_eq!(info.revision, written.revision);
    assert_eq!((&info.content_encoding, &info.metadata), (&put.content_encoding, &put.metadata));
    assert_eq!((info.sha256.as_ref().unwrap().digest.as_slice(), info.owner), (digest.as_slice(), None));
    assert_eq!(client.list_all("").await.unwrap(), std::slice::from_ref(&info));
    let object = client.get_with_info("key").await.unwrap();
    assert_eq!((object.info, object.value.into_vec()), (info, value));
    client.rename("key", "other").await.unwrap();
    assert_eq!(client.stat("other").await.unwrap().metadata, put.metadata);

    client.set_role(stranger(), Some(Role::Writer)).await.unwrap();
    let other = harness.client_as(stranger());
    other.put("own", b"1").await.unwrap();
    other.put_with(put).await.unwrap();
    for key in ["own", "key"] {
        assert_eq!(client.stat(key).await.unwrap().owner, Some(stranger()));
    }
    let upload = UploadArgs { metadata: Some(pairs), ..UploadArgs::new("uploaded", 1) };
    let id = other.create_upload(&upload).await.unwrap().id;
    assert_eq!(other.upload_status(id).await.unwrap().metadata, upload.metadata);
    other.write_chunk(id, 0, b"1").await.unwrap();
    client.commit_upload(id).await.unwrap();
    let info = client.stat("uploaded").await.unwrap();
    assert_eq!((info.metadata, info.owner), (upload.metadata, Some(stranger())));
}

/// Metadata has 16 pairs and 2,048 bytes, and each name once.
#[tokio::test]
async fn metadata_is_within_its_limits() {
    let client = Harness::start().await.client();
    let pairs = |count: usize, bytes: usize| {
        let pair = |at: usize| MetadataPair::new(format!("{at:02}"), "v".repeat(bytes / count - 2));
        Some((0..count).map(pair).collect::<Vec<_>>())
    };
    let put = |metadata| PutArgs { metadata, ..PutArgs::new("key", "value") };
    client.put_with(put(pairs(16, 2_048))).await.unwrap();
    let twice = Some(vec![MetadataPair::new("n", ""); 2]);
    for bad in [pairs(17, 170), pairs(1, 2_049), twice, Some(vec![MetadataPair::new("", "")])] {
        let error = expect::refused(client.put_with(put(bad)).await);
        assert!(error.contains("invalid argument") && error.contains("metadata"), "{error}");
    }
    assert_eq!(client.stat("key").await.unwrap().metadata, pairs(16, 2_048));
}

/// A new canister is empty, with almost no stable memory, and the platform's limit as capacity.
#[tokio::test]
async fn a_new_canister_is_empty() {
    let status = Harness::start().await.client().status().await.unwrap();
    assert_eq!(status.version, env!("CARGO_PKG_VERSION"));
    assert_eq!((status.layout_version, status.capacity_bytes), (1, MAX_STABLE_BYTES));
    assert_eq!((status.objects, status.object_bytes, status.log_entries), (0, 0, 0));
    assert_eq!((status.upgrades.count, status.upgrades.last_was_sealed), (0, false));
    assert!(status.stable_bytes < 1 << 20, "an empty store takes {} bytes", status.stable_bytes);
    assert!(status.cycles > 0 && status.heap_bytes > 0 && status.upgrades.open_instructions > 0);
}

/// The status counts what is stored, and stays within the stable memory that the canister has.
#[tokio::test]
async fn the_status_counts_what_is_stored() {
    let harness = Harness::start().await;
    let client = harness.client();
    for size in [0, 100, 10_000, 1_000_000] {
        client.put(&size.to_string(), &data::bytes(1, size)).await.unwrap();
    }
    client.append(&["a", "b", "c"]).await.unwrap();

    let status = client.status().await.unwrap();
    assert_eq!((status.objects, status.object_bytes, status.log_entries), (4, 1_010_100, 3));
    assert_eq!(status.revision, client.stat("1000000").await.unwrap().revision);
    assert!(status.arena.extents >= 1 && status.arena.used_bytes >= 1_000_000);
    assert!(status.arena.largest_free_bytes <= status.arena.free_bytes);
    let stores = status.stores;
    assert!(stores.objects > 0 && stores.arena > 1_000_000 && stores.log > 0);
    assert!(stores.objects + stores.arena + stores.log + stores.log_index <= status.stable_bytes);
    assert_eq!(status.stable_bytes, harness.stable_memory().await.len() as u64);
}

/// The capacity is set at install, kept by an upgrade without one, changed by an upgrade with one, and has a minimum.
#[tokio::test]
async fn the_capacity_is_configured_by_install_and_upgrade() {
    let capacity = stable_storage_api::InitArgs::capacity;
    let harness = Harness::start_with_capacity(1 << 30).await;
    let client = harness.client();
    assert_eq!(client.status().await.unwrap().capacity_bytes, 1 << 30);
    harness.upgrade().await;
    assert_eq!(client.status().await.unwrap().capacity_bytes, 1 << 30);
    harness.upgrade_with(stable_storage_api::InitArgs::default()).await.unwrap();
    assert_eq!(client.status().await.unwrap().capacity_bytes, 1 << 30);
    harness.upgrade_with(capacity(MIN_CAPACITY_BYTES)).await.unwrap();
    assert_eq!(client.status().await.unwrap().capacity_bytes, MIN_CAPACITY_BYTES);

    for too_small in [0, MIN_CAPACITY_BYTES - 1] {
        let message = expect::refusal(harness.upgrade_with(capacity(too_small)).await);
        assert!(message.contains(&MIN_CAPACITY_BYTES.to_string()), "{message}");
    }
    assert_eq!(client.status().await.unwrap().capacity_bytes, MIN_CAPACITY_BYTES);
    harness.reinstall_with(capacity(2 << 30)).await.unwrap();
    assert_eq!(client.status().await.unwrap().capacity_bytes, 2 << 30);
}

//! Copies that the canister makes.

use std::sync::Mutex;

use integration_tests::{Harness, data, expect, pattern::Pattern};
use stable_storage_api::{
    Condition, CopyArgs, CopyMetadata, CopySource, Error, MetadataPair, ObjectInfo, PutArgs, UploadArgs,
    limits::{CHUNK_BYTES, COPY_STEP_BYTES},
};
use storage_client::{Piece, TransferError, TransferOptions, transfer::Progress};

/// An object that takes two steps.
const SIZE: u64 = COPY_STEP_BYTES + 1_000_003;

/// What is safe after each step.
#[derive(Default)]
struct Steps(Mutex<Vec<(u64, u64)>>);

impl Progress for Steps {
    fn safe(&self, bytes: u64, size: u64) {
        self.0.lock().unwrap().push((bytes, size));
    }
}

/// Everything that a copy keeps.
fn kept(info: &ObjectInfo) -> ObjectInfo {
    ObjectInfo { key: String::new(), revision: 0, created_ns: 0, modified_ns: 0, ..info.clone() }
}

/// A copy of every kind of value has its bytes and its metadata, with the digest, and is independent of it.
#[tokio::test]
async fn a_copy_is_an_object_with_the_same_bytes_and_metadata() {
    let client = Harness::start().await.client();
    for size in [0, 10, 5_000, 1_000_000] {
        let value = data::bytes(size as u64, size);
        let put = PutArgs {
            content_type: Some("a/b".into()),
            metadata: Some(vec![MetadataPair::new("name", "value")]),
            ..PutArgs::new("from", &*value)
        };
        client.put_with(put).await.unwrap();
        client.verify("from").await.unwrap();
        let copied = client.copy(&CopyArgs::new("from", "to"), TransferOptions::default()).await.unwrap();
        let (from, to) = (client.stat("from").await.unwrap(), client.stat("to").await.unwrap());
        assert_eq!((to.revision, kept(&to)), (copied.revision, kept(&from)));
        assert!(client.delete("from").await.unwrap());
        assert!(client.get("to").await.unwrap() == value, "the copy of {size} bytes differs");
    }
}

/// An object of more than a step is copied in several, and has its digest; each step reports its progress.
#[tokio::test]
async fn a_large_object_is_copied_in_steps() {
    let client = Harness::start().await.client();
    let mut pattern = Pattern::new(1, SIZE);
    let args = UploadArgs { content_encoding: Some("gzip".into()), ..UploadArgs::new("from", SIZE) };
    client.upload(&mut pattern, &args, TransferOptions::default()).await.unwrap();
    client.verify("from").await.unwrap();
    client.verify("from").await.unwrap();
    let steps = Steps::default();
    let options = TransferOptions { progress: &steps, ..TransferOptions::default() };
    client.copy(&CopyArgs::new("from", "to"), options).await.unwrap();
    let first = COPY_STEP_BYTES / CHUNK_BYTES * CHUNK_BYTES;
    assert_eq!(steps.0.into_inner().unwrap(), [(first, SIZE), (SIZE, SIZE)]);
    let (from, to) = (client.stat("from").await.unwrap(), client.stat("to").await.unwrap());
    assert_eq!(to.content_encoding.as_deref(), Some("gzip"));
    assert_eq!(to.sha256.unwrap().digest, from.sha256.unwrap().digest);
    assert!(client.delete("from").await.unwrap());
    let downloaded = client.download("to", &mut std::io::sink(), TransferOptions::default()).await.unwrap();
    assert_eq!(downloaded.info.size, SIZE);
    assert_eq!(client.list_uploads().await.unwrap(), []);
}

/// A copy in steps has no state besides its upload, so it continues after both kinds of upgrade.
#[tokio::test]
async fn a_copy_in_steps_survives_upgrades() {
    let harness = Harness::start().await;
    let client = harness.client();
    client
        .upload(&mut Pattern::new(2, SIZE), &UploadArgs::new("from", SIZE), TransferOptions::default())
        .await
        .unwrap();
    let source = [CopySource::whole("from", client.stat("from").await.unwrap().revision)];
    let upload = client.create_upload(&UploadArgs::new("to", SIZE)).await.unwrap().id;
    assert!(client.copy_chunks(upload, 0, &source).await.unwrap().received < SIZE);
    harness.upgrade_skipping_pre_upgrade().await;
    assert_eq!(client.copy_chunks(upload, 0, &source).await.unwrap().received, SIZE);
    harness.upgrade().await;
    client.commit_upload(upload).await.unwrap();
    let last = client
        .read(&stable_storage_api::ReadArgs {
            key: "to".into(),
            offset: SIZE - 1_000,
            length: None,
            revision: None,
        })
        .await
        .unwrap();
    assert!(last == Pattern::new(2, SIZE).range(SIZE - 1_000, 1_000));
}

/// A source that was replaced, or a target that has come into being, ends the copy with a typed error, and nothing is left of it.
#[tokio::test]
async fn a_copy_on_a_condition_that_does_not_hold_changes_nothing() {
    let client = Harness::start().await.client();
    let from = client.put("from", b"value").await.unwrap().revision;
    let to = client.put("to", b"old").await.unwrap().revision;
    client
        .upload(&mut Pattern::new(3, SIZE), &UploadArgs::new("large", SIZE), TransferOptions::default())
        .await
        .unwrap();
    let large = client.stat("large").await.unwrap().revision;
    for (args, expected) in [
        (CopyArgs::new("from", "to").when(Condition::Absent), Error::AlreadyExists),
        (CopyArgs::new("large", "to").when(Condition::Absent), Error::AlreadyExists),
        (
            CopyArgs::new("large", "to").when(Condition::Revision(from)),
            Error::RevisionMismatch { current: Some(to) },
        ),
        (
            CopyArgs { revision: Some(to), ..CopyArgs::new("from", "to") },
            Error::RevisionMismatch { current: Some(from) },
        ),
        (
            CopyArgs { revision: Some(to), ..CopyArgs::new("large", "to") },
            Error::RevisionMismatch { current: Some(large) },
        ),
        (CopyArgs::new("none", "to"), Error::NotFound),
    ] {
        match client.copy(&args, TransferOptions::default()).await {
            Err(TransferError::Client(error)) => {
                assert_eq!(error.storage_error(), Some(&expected), "{args:?}")
            }
            other => panic!("{args:?}: {other:?}"),
        }
    }
    assert_eq!(client.get("to").await.unwrap(), b"old");
    assert_eq!(client.list_uploads().await.unwrap(), []);
}

/// With the same key twice, an object of any size gets other metadata in one call.
#[tokio::test]
async fn an_object_gets_other_metadata_without_its_bytes() {
    let client = Harness::start().await.client();
    client
        .upload(&mut Pattern::new(4, SIZE), &UploadArgs::new("key", SIZE), TransferOptions::default())
        .await
        .unwrap();
    let before = client.status().await.unwrap().arena;
    let metadata = CopyMetadata { content_type: Some("c/d".into()), ..CopyMetadata::default() };
    client.copy_small(&CopyArgs { metadata: Some(metadata), ..CopyArgs::new("key", "key") }).await.unwrap();
    assert_eq!(client.stat("key").await.unwrap().content_type.as_deref(), Some("c/d"));
    assert_eq!(client.status().await.unwrap().arena, before);
    let error = client.copy_small(&CopyArgs::new("key", "other")).await;
    assert_eq!(expect::storage_error(error), Error::TooLarge { size: SIZE, limit: COPY_STEP_BYTES });
}

/// Objects follow each other in a new one, whatever their sizes.
#[tokio::test]
async fn an_object_is_composed_of_others() {
    let client = Harness::start().await.client();
    let (mut pieces, mut expected) = (Vec::new(), Vec::new());
    for (number, size) in [3_000_000, 0, 5, 1_500_000, 2_031_616].into_iter().enumerate() {
        let (key, value) = (number.to_string(), data::bytes(number as u64, size));
        client
            .upload_stream(
                futures_util::stream::iter([Ok(value.clone())]),
                &UploadArgs::unsized_new(&*key),
                TransferOptions::default(),
            )
            .await
            .unwrap();
        pieces.push(Piece::whole(&client.stat(&key).await.unwrap()));
        expected.extend(value);
    }
    // A range of the last one once more.
    let last = pieces.last().unwrap().clone();
    let range = expected.len() - 2_031_616 + 7..expected.len() - 1;
    pieces.push(Piece { range: 7..2_031_615, ..last });
    expected.extend_from_within(range);
    let whole = UploadArgs { content_type: Some("a/b".into()), ..UploadArgs::unsized_new("whole") };
    let (written, end) = client.compose(&pieces, &whole, TransferOptions::default()).await.unwrap();
    assert_eq!(end.size, expected.len() as u64);
    let mut found = Vec::new();
    client.download("whole", &mut found, TransferOptions::default()).await.unwrap();
    assert!(found == expected);
    let info = client.stat("whole").await.unwrap();
    assert_eq!(
        (info.revision, info.content_type.as_deref(), info.sha256),
        (written.revision, Some("a/b"), None)
    );
    let (_, end) = client
        .compose(&pieces[1..2], &UploadArgs::unsized_new("none"), TransferOptions::default())
        .await
        .unwrap();
    assert_eq!((end.size, client.get("none").await.unwrap()), (0, vec![]));
}

/// More sources than one call has are copied in several.
#[tokio::test]
async fn an_object_is_composed_of_thousands_of_others() {
    let client = Harness::start().await.client();
    let keys: Vec<_> = (0..2_500).map(|number| format!("part/{number:05}")).collect();
    let value = |number: usize| data::bytes(number as u64, 2_100 + number % 7);
    for (batch, keys) in keys.chunks(500).enumerate() {
        let puts = keys.iter().enumerate().map(|(at, key)| PutArgs::new(&**key, value(500 * batch + at)));
        client.put_many(&puts.collect::<Vec<_>>()).await.unwrap();
    }
    let parts = client.list_all("part/").await.unwrap();
    let pieces: Vec<_> = parts.iter().map(Piece::whole).collect();
    let args = UploadArgs::unsized_new("whole");
    let (_, end) = client.compose(&pieces, &args, TransferOptions::default()).await.unwrap();
    let expected: Vec<u8> = (0..2_500).flat_map(value).collect();
    assert_eq!(end.size, expected.len() as u64);
    let mut found = Vec::new();
    client.download("whole", &mut found, TransferOptions::default()).await.unwrap();
    assert!(found == expected);
}

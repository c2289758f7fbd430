//! Uploads resumed by another process.

use std::io::Cursor;
use std::num::NonZeroUsize;

use candid::Principal;
use embedded_ic::EmbeddedIc;
use serde_bytes::ByteBuf;
use stable_storage_api::{Condition, PutArgs, UploadArgs, UploadCondition};
use storage_client::{Client, EmbeddedTransport, TransferError, TransferOptions, Transport};

use crate::network::{Fate, Network};
use crate::{config, content, declared, install, network, owner};

/// Sends one chunk at a time, so that the upload breaks off after a known number of chunks.
fn one_by_one(resume: Option<u64>) -> TransferOptions<'static> {
    TransferOptions { concurrency: NonZeroUsize::MIN, resume, ..TransferOptions::default() }
}

/// An interrupted upload is found and completed by another process, and no chunk is sent twice.
#[tokio::test(start_paused = true)]
async fn another_process_resumes_the_upload() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let content = content(5, 1);
    let args = declared("key", &content);

    let network = Network::over(install(EmbeddedIc::create_dir(&path, config()).unwrap()));
    network.script("write_chunk", &[Fate::Arrives, Fate::Arrives, Fate::RequestLost]);
    let client = Client::new(network.clone());
    client.upload(&mut Cursor::new(&content), &args, one_by_one(None)).await.unwrap_err();
    drop(client);
    network.into_canister().into_host().unwrap().close().unwrap();

    let host = EmbeddedIc::open_dir(&path, config()).unwrap();
    let network = Network::over(EmbeddedTransport::new(host, owner()));
    let client = Client::new(network.clone());
    let found = client.find_upload(&args).await.unwrap();
    assert_eq!(found, Some(1));
    client.upload(&mut Cursor::new(&content), &args, one_by_one(found)).await.unwrap();
    assert_eq!((network.sent("create_upload"), network.sent("write_chunk")), (0, 3));
    assert!(download(&client, "key").await == content);
    assert_eq!(client.find_upload(&args).await.unwrap(), None);
}

async fn download<T: Transport>(client: &Client<T>, key: &str) -> Vec<u8> {
    let mut sink = Vec::new();
    client.download(key, &mut sink, TransferOptions::default()).await.unwrap();
    sink
}

/// Only the newest of the caller's own uploads of the key and size is found.
#[tokio::test(start_paused = true)]
async fn other_uploads_are_not_found() {
    let network = network();
    let friend = Principal::self_authenticating(b"another controller");
    network.canister().with_host(|host| host.set_controllers(vec![owner(), friend])).unwrap();
    let client = Client::new(network.clone());
    let args = UploadArgs::new("key", 10);
    assert_eq!(client.find_upload(&args).await.unwrap(), None);

    let theirs = Client::new(network.canister().with_sender(friend));
    theirs.create_upload(&args).await.unwrap();
    client.create_upload(&UploadArgs::new("key", 11)).await.unwrap();
    client.create_upload(&UploadArgs::new("other key", 10)).await.unwrap();
    assert_eq!(client.find_upload(&args).await.unwrap(), None);

    client.create_upload(&args).await.unwrap();
    let newest = client.create_upload(&args).await.unwrap().id;
    theirs.create_upload(&args).await.unwrap();
    assert_eq!(client.find_upload(&args).await.unwrap(), Some(newest));
}

/// An upload that declared another digest, or none, is not resumed: its chunks may have other bytes.
#[tokio::test(start_paused = true)]
async fn an_upload_of_another_digest_is_not_found() {
    let client = Client::new(network());
    let (content, other) = (content(1, 1), content(1, 2));
    client.create_upload(&declared("key", &other)).await.unwrap();
    client.create_upload(&UploadArgs::new("key", content.len() as u64)).await.unwrap();
    let args = declared("key", &content);
    assert_eq!(client.find_upload(&args).await.unwrap(), None);
    let uploaded = client.upload(&mut Cursor::new(&content), &args, one_by_one(Some(1))).await;
    assert!(matches!(uploaded, Err(TransferError::OtherUpload { id: 1, .. })), "{uploaded:?}");
    let same = client.create_upload(&args).await.unwrap().id;
    assert_eq!(client.find_upload(&args).await.unwrap(), Some(same));
}

/// An upload with another condition or content type is not resumed: it would overwrite an object that the new one must not,
/// or store another type.
#[tokio::test(start_paused = true)]
async fn an_upload_with_another_condition_or_type_is_not_resumed() {
    let client = Client::new(network());
    client.put("key", b"somebody else's").await.unwrap();
    let content = content(2, 1);
    let typed = |kind: &str| UploadArgs { content_type: Some(kind.into()), ..declared("key", &content) };
    let open = client.create_upload(&typed("image/png")).await.unwrap().id;
    let absent = UploadArgs { condition: Some(Condition::Absent), ..typed("image/png") };
    for args in [typed("text/plain"), absent, declared("key", &content)] {
        assert_eq!(client.find_upload(&args).await.unwrap(), None, "{args:?}");
        let uploaded = client.upload(&mut Cursor::new(&content), &args, one_by_one(Some(open))).await;
        assert!(matches!(uploaded, Err(TransferError::OtherUpload { .. })), "{uploaded:?}");
    }
    assert_eq!(client.get("key").await.unwrap(), b"somebody else's");
    let status = client.upload_status(open).await.unwrap();
    assert_eq!((status.content_type.as_deref(), status.condition), (Some("image/png"), UploadCondition::Any));

    // An absent type equals the empty one, and an absent condition equals `Any`.
    let plain = declared("plain", &content);
    let open = client.create_upload(&plain).await.unwrap().id;
    let same = UploadArgs { content_type: Some(String::new()), condition: Some(Condition::Any), ..plain };
    assert_eq!(client.find_upload(&same).await.unwrap(), Some(open));
}

/// An upload on the condition of a digest is resumed as long as the object that has it is the same.
#[tokio::test(start_paused = true)]
async fn an_upload_on_a_digest_is_resumed_while_the_object_is_there() {
    let client = Client::new(network());
    let digest = ByteBuf::from([9; 32]);
    let put = || PutArgs { sha256: Some(digest.clone()), ..PutArgs::new("key", "old") };
    let content = content(2, 1);
    let args = UploadArgs { condition: Some(Condition::Sha256(digest.clone())), ..declared("key", &content) };
    assert_eq!(client.find_upload(&args).await.unwrap(), None);
    client.put_with(put()).await.unwrap();
    let open = client.create_upload(&args).await.unwrap().id;
    assert_eq!(client.find_upload(&args).await.unwrap(), Some(open));
    client.put_with(put()).await.unwrap();
    assert_eq!(client.find_upload(&args).await.unwrap(), None, "its commit would fail");
    let open = client.create_upload(&args).await.unwrap().id;
    let found = client.find_upload(&args).await.unwrap();
    assert_eq!(found, Some(open));
    client.upload(&mut Cursor::new(&content), &args, one_by_one(found)).await.unwrap();
    assert!(download(&client, "key").await == content);
}

//! Copies that the canister makes, while calls are lost.

use std::io::Cursor;

use serde_bytes::ByteBuf;
use stable_storage_api::{
    Checksum, ChecksumState, Condition, CopyArgs, Error, PutArgs, UploadArgs,
    limits::{CHUNK_BYTES, COPY_STEP_BYTES},
};
use storage_client::{Client, ClientError, TransferError, TransferOptions, transfer::Unobserved};

use crate::network::Fate;
use crate::{content, declared, network, patient};

/// A step that is lost, as a request or as a reply, is sent again. A repeated step copies the next chunks.
#[tokio::test(start_paused = true)]
async fn a_copy_in_steps_completes_over_a_network_that_loses_calls() {
    let network = network();
    let content = content(40, 1);
    assert!(content.len() as u64 > COPY_STEP_BYTES);
    let client = patient(&network);
    let args = declared("from", &content);
    client.upload(&mut Cursor::new(&content), &args, TransferOptions::default()).await.unwrap();
    for fates in [
        &[Fate::Arrives, Fate::Arrives][..],
        &[Fate::RequestLost, Fate::Arrives, Fate::Busy, Fate::Arrives],
        &[Fate::ReplyLost, Fate::Arrives],
    ] {
        network.script("copy_chunks", fates);
        network.script("commit_upload", &[Fate::ReplyLost, Fate::Arrives]);
        let before = network.sent("copy_chunks");
        let written = client.copy(&CopyArgs::new("from", "to"), TransferOptions::default()).await.unwrap();
        assert_eq!(network.sent("copy_chunks") - before, fates.len(), "{fates:?}");
        let info = client.stat("to").await.unwrap();
        assert_eq!((info.revision, info.size), (written.revision, content.len() as u64));
        let mut found = Vec::new();
        client.download("to", &mut found, TransferOptions::default()).await.unwrap();
        assert!(found == content);
    }
}

/// A copy in one call is sent once, because a second one could overwrite what another caller has stored in between.
#[tokio::test(start_paused = true)]
async fn a_copy_in_one_call_is_not_repeated() {
    let network = network();
    let client = patient(&network);
    client.put("from", b"value").await.unwrap();
    network.script("copy", &[Fate::ReplyLost]);
    let error = client.copy(&CopyArgs::new("from", "to"), TransferOptions::default()).await.unwrap_err();
    assert!(
        matches!(error, TransferError::Client(ClientError::Transport { method: "copy", .. })),
        "{error:?}"
    );
    assert_eq!((network.sent("copy"), client.get("to").await.unwrap()), (1, b"value".to_vec()));
}

/// The upload of a copy that has failed is aborted.
#[tokio::test(start_paused = true)]
async fn a_copy_that_fails_leaves_no_upload() {
    let network = network();
    let content = content(40, 2);
    let client = patient(&network);
    client
        .upload(&mut Cursor::new(&content), &declared("from", &content), TransferOptions::default())
        .await
        .unwrap();
    for method in ["commit_upload", "copy_chunks"] {
        network.always(method, Fate::RequestLost);
        client.copy(&CopyArgs::new("from", "to"), TransferOptions::default()).await.unwrap_err();
        assert_eq!(client.list_uploads().await.unwrap(), [], "{method}");
        assert!(client.stat("to").await.is_err());
    }
}

/// A digest that the canister found wrong is not declared for a copy in steps, whose bytes do not have it either, and no copy is
/// made on the condition of it.
#[tokio::test(start_paused = true)]
async fn a_copy_in_steps_does_not_declare_a_digest_that_is_known_to_be_wrong() {
    let client = Client::new(network());
    let wrong = ByteBuf::from([7; 32]);
    let content = content(40, 3);
    let args = UploadArgs { sha256: Some(wrong.clone()), ..UploadArgs::new("from", content.len() as u64) };
    let upload = client.create_upload(&args).await.unwrap().id;
    for (index, chunk) in (0..).zip(content.chunks(CHUNK_BYTES as usize)) {
        client.write_chunk(upload, index, chunk).await.unwrap();
    }
    client.commit_upload(upload).await.unwrap();
    let pinned = |to| CopyArgs { sha256: Some(wrong.clone()), ..CopyArgs::new("from", to) };
    client.copy(&pinned("declared"), TransferOptions::default()).await.unwrap();
    let declared = Some(Checksum { digest: wrong.clone(), state: ChecksumState::Declared });
    assert_eq!(client.stat("declared").await.unwrap().sha256, declared);

    assert_eq!(client.verify_all("from", &Unobserved).await.unwrap(), ChecksumState::Mismatch);
    client.copy(&CopyArgs::new("from", "to"), TransferOptions::default()).await.unwrap();
    assert_eq!(client.stat("to").await.unwrap().sha256, None);
    let refused = client.copy(&pinned("to"), TransferOptions::default()).await.unwrap_err();
    let TransferError::Client(refused) = refused else { panic!("{refused}") };
    assert!(matches!(refused.storage_error(), Some(Error::RevisionMismatch { .. })), "{refused}");
    let put = PutArgs { condition: Some(Condition::Sha256(wrong)), ..PutArgs::new("to", "value") };
    let refused = client.put_with(put).await.unwrap_err();
    assert!(matches!(refused.storage_error(), Some(Error::RevisionMismatch { .. })), "{refused}");
}

//! Copies that the canister makes, while calls are lost.

use std::io::Cursor;

use stable_storage_api::{CopyArgs, limits::COPY_STEP_BYTES};
use storage_client::{ClientError, TransferError, TransferOptions};

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

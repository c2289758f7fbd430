//! Commits without a reply.

use std::{io::Cursor, time::Duration};

use stable_storage_api::{Condition, MetadataPair, PutArgs, UploadArgs, headers};
use storage_client::{Client, ClientError, Piece, TransferError, TransferOptions, Transport};

use crate::network::{Fate, Network};
use crate::{content, declared, network, patient};

/// Uploads an object; the commits have these fates.
async fn upload(
    network: &Network,
    content: &[u8],
    args: &UploadArgs,
    fates: &[Fate],
) -> Result<u64, ClientError> {
    network.script("commit_upload", fates);
    let uploaded = patient(network).upload(&mut Cursor::new(content), args, TransferOptions::default()).await;
    match uploaded {
        Ok(written) => {
            let info = patient(network).stat(&args.key).await.unwrap();
            assert_eq!(info.revision, written.revision);
            Ok(info.revision)
        }
        Err(TransferError::Client(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

/// A commit that is lost, as a request or as a reply, is sent again and executed once.
#[tokio::test(start_paused = true)]
async fn outcome_of_a_lost_commit_is_determined() {
    let network = network();
    let content = content(2, 1);
    let args = declared("key", &content);
    let mut revision = 0;
    for fates in [
        &[Fate::Arrives][..],
        &[Fate::RequestLost, Fate::Arrives],
        &[Fate::Busy, Fate::Busy, Fate::Arrives],
        &[Fate::ReplyLost, Fate::Arrives],
        &[Fate::ReplyLost, Fate::RequestLost, Fate::Busy, Fate::Arrives],
        &[Fate::Busy, Fate::ReplyLost, Fate::ReplyLost, Fate::Arrives],
    ] {
        let before = network.sent("commit_upload");
        let next = upload(&network, &content, &args, fates).await.unwrap();
        assert_eq!(next, revision + 1, "{fates:?}");
        assert_eq!(network.sent("commit_upload") - before, fates.len());
        revision = next;
    }
    // With a condition that no longer holds after the commit.
    let absent = UploadArgs { condition: Some(Condition::Absent), ..declared("new", &content) };
    upload(&network, &content, &absent, &[Fate::ReplyLost, Fate::Arrives]).await.unwrap();
}

/// Returns arguments of an upload without a digest, which the metadata identifies.
fn identified(key: &str, content: &[u8], identifier: &str) -> UploadArgs {
    let metadata = Some(vec![MetadataPair::new(headers::UPLOAD, identifier)]);
    UploadArgs { metadata, ..UploadArgs::new(key, content.len() as u64) }
}

/// Without a digest, an identifier in the metadata shows the outcome of a lost commit.
#[tokio::test(start_paused = true)]
async fn outcome_of_a_lost_commit_is_determined_by_the_identifier_of_the_upload() {
    let network = network();
    let content = content(2, 1);
    for (identifier, fates) in [
        ("1", &[Fate::ReplyLost, Fate::Arrives][..]),
        ("2", &[Fate::RequestLost, Fate::Arrives]),
        ("3", &[Fate::Busy, Fate::ReplyLost, Fate::ReplyLost, Fate::Busy, Fate::Arrives]),
    ] {
        let args = identified("key", &content, identifier);
        upload(&network, &content, &args, fates).await.unwrap();
        assert_eq!(patient(&network).stat("key").await.unwrap().metadata, args.metadata);
    }
    // An object that consists of others, and a condition that no longer holds after the commit.
    let client = patient(&network);
    let source = Piece::whole(&client.stat("key").await.unwrap());
    let absent = UploadArgs { condition: Some(Condition::Absent), ..identified("new", &content, "4") };
    network.script("commit_upload", &[Fate::ReplyLost, Fate::Arrives]);
    let (written, _) = client.compose(&[source], &absent, TransferOptions::default()).await.unwrap();
    assert_eq!(client.stat("new").await.unwrap().revision, written.revision);
}

/// If no attempt at a commit has a reply, the abort that follows shows that the upload has ended, and the object that it was
/// committed. An upload that was not committed is aborted.
#[tokio::test(start_paused = true)]
async fn outcome_of_a_commit_without_any_reply_is_determined_by_the_abort() {
    let network = network();
    let client = patient(&network);
    let content = content(2, 1);
    client.put("source", &content[..1_000]).await.unwrap();
    let source = [Piece::whole(&client.stat("source").await.unwrap())];
    let args = identified("key", &content[..1_000], "1");
    let pieces = || futures_util::stream::iter([Ok(content.clone())]);
    for fate in [Fate::RequestLost, Fate::ReplyLost] {
        network.always("commit_upload", fate);
        let composed = client.compose(&source, &args, TransferOptions::default()).await;
        let stream = UploadArgs::unsized_new("stream");
        let streamed = client.upload_stream(pieces(), &stream, TransferOptions::default()).await;
        for (key, outcome) in [("key", composed), ("stream", streamed)] {
            let stored = client.stat(key).await.ok().map(|info| info.revision);
            assert_eq!(outcome.ok().map(|(written, _)| written.revision), stored, "{key} {fate:?}");
            assert_eq!(stored.is_some(), fate == Fate::ReplyLost, "{key}");
        }
        assert_eq!(client.list_uploads().await.unwrap(), []);
    }
    // Nothing shows that the object is the composed one.
    let plain = UploadArgs::new("plain", 1_000);
    let error = client.compose(&source, &plain, TransferOptions::default()).await.unwrap_err();
    assert!(matches!(error, TransferError::Client(ClientError::Transport { .. })), "{error:?}");
}

/// An upload that was aborted while its commit was lost is not found in an object that somebody else has stored since, or
/// before, of the same size and type.
#[tokio::test(start_paused = true)]
async fn somebody_elses_object_is_not_taken_for_one_without_a_digest() {
    let network = network();
    let content = content(1, 1);
    // Nothing identifies the upload; the other object has no identifier; it has another one; it is older.
    let plain = UploadArgs::new("key", content.len() as u64);
    for (number, (args, other, is_newer)) in [
        (plain.clone(), plain.clone(), true),
        (identified("key", &content, "1"), plain, true),
        (identified("key", &content, "1"), identified("key", &content, "2"), true),
        (identified("key", &content, "1"), identified("key", &content, "1"), false),
    ]
    .into_iter()
    .enumerate()
    {
        let direct = Client::new(network.canister().clone());
        let store = async || {
            let UploadArgs { key, metadata, .. } = other.clone();
            direct.put_with(PutArgs { metadata, ..PutArgs::new(key, content.clone()) }).await.unwrap();
        };
        if !is_newer {
            store().await;
        }
        let sent = network.sent("commit_upload");
        let stealing = async {
            while network.sent("commit_upload") == sent {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            for open in direct.list_uploads().await.unwrap() {
                direct.abort_upload(open.upload.id).await.unwrap();
            }
            if is_newer {
                store().await;
            }
        };
        let fates = [&[Fate::RequestLost; 4][..], &[Fate::Arrives]].concat();
        let (uploaded, ()) =
            futures_util::future::join(upload(&network, &content, &args, &fates), stealing).await;
        let error = uploaded.unwrap_err();
        assert!(
            matches!(error, ClientError::Transport { method: "commit_upload", .. }),
            "{number}: {error:?}"
        );
        assert!(error.to_string().contains("does not show which"), "{number}: {error}");
    }
}

/// Without a declared digest, the outcome of a lost commit is unknown, and the error says what to check.
#[tokio::test(start_paused = true)]
async fn outcome_is_unknown_without_a_digest() {
    let network = network();
    let content = content(1, 1);
    let args = UploadArgs::new("key", content.len() as u64);
    let fates = [Fate::ReplyLost, Fate::Arrives];
    let error = upload(&network, &content, &args, &fates).await.unwrap_err();
    assert!(matches!(error, ClientError::Transport { method: "commit_upload", .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("The object may be stored"));
    assert!(error.to_string().contains("it was committed, aborted or has expired"), "{error}");
    // A lost request is sent again.
    upload(&network, &content, &args, &[Fate::RequestLost, Fate::Arrives]).await.unwrap();
}

/// An older object with the same bytes is not mistaken for the upload's: another caller aborted the upload while the commit
/// was lost.
#[tokio::test(start_paused = true)]
async fn an_older_object_is_not_taken_for_the_new_one() {
    let network = network();
    let content = content(1, 1);
    let args = declared("key", &content);
    let revision = upload(&network, &content, &args, &[]).await.unwrap();
    let other = network.clone();
    // The first attempt at the second commit is lost, and the upload is aborted before the next attempt.
    let aborting = async {
        while other.sent("commit_upload") < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let abort = candid::encode_one(2_u64).unwrap();
        let answer = other.canister().update("abort_upload", abort).await.unwrap();
        let (aborted,): (stable_storage_api::Result<()>,) = candid::decode_args(&answer).unwrap();
        aborted.unwrap();
    };
    let fates = [Fate::RequestLost, Fate::RequestLost, Fate::RequestLost, Fate::RequestLost, Fate::Arrives];
    let (uploaded, ()) =
        futures_util::future::join(upload(&network, &content, &args, &fates), aborting).await;
    let error = uploaded.unwrap_err();
    assert!(matches!(error, ClientError::Transport { method: "commit_upload", .. }), "{error:?}");
    assert_eq!(patient(&network).stat("key").await.unwrap().revision, revision);
}

/// An upload that does not exist is an error if no commit was lost.
#[tokio::test(start_paused = true)]
async fn error_without_a_lost_commit_is_returned() {
    let network = network();
    let content = content(1, 1);
    let fates = [Fate::Twice];
    let error = upload(&network, &content, &declared("key", &content), &fates).await.unwrap_err();
    assert_eq!(error.storage_error(), Some(&stable_storage_api::Error::NotFound));
}

/// If the last attempt is rejected, the error still reports that an earlier attempt may have been executed.
#[tokio::test(start_paused = true)]
async fn final_reject_does_not_hide_a_lost_reply() {
    let network = network();
    let content = content(1, 1);
    network.always("commit_upload", Fate::Busy);
    let fates = [Fate::ReplyLost];
    let error = upload(&network, &content, &declared("key", &content), &fates).await.unwrap_err();
    assert!(matches!(error, ClientError::Transport { method: "commit_upload", .. }), "{error:?}");
    let busy = upload(&network, &content, &declared("other", &content), &[]).await.unwrap_err();
    assert!(matches!(busy, ClientError::Rejected { code: 2, .. }), "{busy:?}");
}

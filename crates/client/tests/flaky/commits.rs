//! Commits without a reply.

use std::io::Cursor;

use stable_storage_api::{Condition, UploadArgs};
use storage_client::{ClientError, TransferError, TransferOptions, Transport};

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

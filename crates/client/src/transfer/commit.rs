//! Committing an upload, and determining whether it was committed.

use stable_storage_api::{Error, ObjectInfo, UploadArgs, UploadEnd, Written, headers};

use super::TransferError;
use crate::{Client, ClientError, Result, Transport, retry::Attempts};

/// Revision of an object that does not exist yet.
const NO_REVISION: u64 = 0;

/// What is known of an upload whose commit had no reply, if the object under its key does not show the outcome.
const UNKNOWN: &str = "the upload has ended since: it was committed, aborted or has expired, and the object under its key does not show which";

impl<T: Transport> Client<T> {
    /// Commits an upload, with retries if the client has a retry policy.
    ///
    /// Identifiers of uploads are never reused, so the commit is executed at most once, however often it is sent. Only the
    /// reply differs: a second commit reports that there is no such upload. Then the object under the key shows whether the first
    /// commit was executed. It is taken for the upload's if it is newer than the object
    /// [`before`](Self::revision_before_commit), has the size and the metadata, and one of:
    ///
    /// - the SHA-256 that `end` declares,
    /// - the pair [`headers::UPLOAD`] of the metadata, which identifies the upload.
    ///
    /// An object without either may be somebody else's, also if everything else is equal.
    ///
    /// # Errors
    ///
    /// Those of the call. [`ClientError::Transport`] if it is unknown whether the commit was executed: there was no reply, and
    /// the object does not show it.
    pub async fn commit_reliably(
        &self,
        id: u64,
        args: &UploadArgs,
        end: &UploadEnd,
        before: Option<u64>,
    ) -> Result<Written> {
        let mut attempts = Attempts::new(self.retry_policy());
        let mut silence = None;
        loop {
            match (self.commit_upload_with(id, end).await, silence.take()) {
                (Err(error), earlier) if error.is_transient() && attempts.another().await => {
                    // A reject means that this attempt was not executed. An earlier attempt may have been.
                    let unanswered = matches!(error, ClientError::Transport { .. });
                    silence = if unanswered { Some(error) } else { earlier };
                }
                (Err(error), Some(earlier)) if error.storage_error() == Some(&Error::NotFound) => {
                    return self.committed(args, end, before).await.ok_or_else(|| unknown(earlier));
                }
                // The last attempt was rejected, but an earlier one may have been executed.
                (Err(error), Some(earlier)) if error.is_transient() || error.is_refused() => {
                    return Err(earlier);
                }
                (answer, _) => return answer,
            }
        }
    }

    /// Commits an upload that cannot be resumed, if its chunks were sent, and aborts it if that or the commit failed: for example
    /// on its condition. If it cannot be aborted, it expires. If no attempt at the commit had a reply, the abort shows whether the
    /// upload has ended.
    pub(super) async fn commit_or_abort(
        &self,
        id: u64,
        args: &UploadArgs,
        sent: std::result::Result<UploadEnd, TransferError>,
        before: Option<u64>,
    ) -> std::result::Result<(Written, UploadEnd), TransferError> {
        let end = match sent {
            Ok(end) => end,
            Err(error) => {
                let _ = self.abort_upload(id).await;
                return Err(error);
            }
        };
        let error = match self.commit_reliably(id, args, &end, before).await {
            Ok(written) => return Ok((written, end)),
            Err(error) => error,
        };
        let aborted = self.abort_upload(id).await;
        let has_ended = aborted.is_err_and(|error| error.storage_error() == Some(&Error::NotFound));
        if has_ended
            && matches!(error, ClientError::Transport { .. })
            && let Some(written) = self.committed(args, &end, before).await
        {
            return Ok((written, end));
        }
        Err(error.into())
    }

    /// Returns the object that the upload became, if it certainly did.
    async fn committed(&self, args: &UploadArgs, end: &UploadEnd, before: Option<u64>) -> Option<Written> {
        let before = before.filter(|_| end.sha256.is_some() || has_identifier(args))?;
        let info = self.stat_replicated(&args.key).await.ok()?;
        (info.revision > before && is_of(&info, args, end)).then_some(Written { revision: info.revision })
    }

    /// Returns the revision of the object that an upload replaces, or 0 if there is none, for
    /// [`commit_reliably`](Self::commit_reliably). It is needed only to recover from a commit without a reply, so it is not read
    /// without a second attempt, nor if no object would show the outcome: the commit declares no digest, and the metadata does
    /// not identify the upload.
    pub async fn revision_before_commit(&self, args: &UploadArgs, has_digest: bool) -> Result<Option<u64>> {
        let is_recognised = has_digest || has_identifier(args);
        if !is_recognised || self.retry_policy().attempts.get() <= 1 {
            return Ok(None);
        }
        let info = self.find_replicated(&args.key).await?;
        Ok(Some(info.map_or(NO_REVISION, |info| info.revision)))
    }
}

/// Returns whether the metadata has a pair that identifies the bytes of the upload.
fn has_identifier(args: &UploadArgs) -> bool {
    args.pairs().iter().any(|pair| pair.name == headers::UPLOAD)
}

/// Adds to the error of a commit without a reply what is known of its outcome.
fn unknown(error: ClientError) -> ClientError {
    match error {
        ClientError::Transport { method, message } => {
            ClientError::Transport { method, message: format!("{message}; {UNKNOWN}") }
        }
        other => other,
    }
}

fn is_of(info: &ObjectInfo, args: &UploadArgs, end: &UploadEnd) -> bool {
    let digest = info.sha256.as_ref().map(|checksum| &checksum.digest);
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    info.size == end.size
        && (end.sha256.is_none() || digest == end.sha256.as_ref())
        && info.content_type == given(&args.content_type)
        && info.content_encoding == given(&args.content_encoding)
        && info.metadata.as_deref().unwrap_or_default() == args.pairs()
}

//! Committing an upload, and determining whether it was committed.

use stable_storage_api::{Error, ObjectInfo, UploadArgs, UploadEnd, Written};

use super::TransferError;
use crate::{Client, ClientError, Result, Transport, retry::Attempts};

/// Revision of an object that does not exist yet.
const NO_REVISION: u64 = 0;

impl<T: Transport> Client<T> {
    /// Commits an upload, with retries if the client has a retry policy.
    ///
    /// Identifiers of uploads are never reused, so the commit is executed at most once, however often it is sent. Only the
    /// reply differs: a second commit reports that there is no such upload. Then the object itself shows whether the first
    /// commit was executed, because it is newer than the object `before`: the revision, or 0 for none. Where it is `None`, the
    /// error of a commit without a reply is returned.
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
                    let Some(before) = before else { return Err(earlier) };
                    return self.committed(args, end, before).await.ok_or(earlier);
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
    /// on its condition. If it cannot be aborted, it expires.
    pub(super) async fn commit_or_abort(
        &self,
        id: u64,
        args: &UploadArgs,
        sent: std::result::Result<UploadEnd, TransferError>,
        before: Option<u64>,
    ) -> std::result::Result<(Written, UploadEnd), TransferError> {
        let error = match sent {
            Ok(end) => match self.commit_reliably(id, args, &end, before).await {
                Ok(written) => return Ok((written, end)),
                Err(error) => error.into(),
            },
            Err(error) => error,
        };
        let _ = self.abort_upload(id).await;
        Err(error)
    }

    /// Returns the object that the upload became, if it certainly did: one of this size, digest and type, and newer than the
    /// object before.
    async fn committed(&self, args: &UploadArgs, end: &UploadEnd, before: u64) -> Option<Written> {
        let info = self.stat_replicated(&args.key).await.ok()?;
        (info.revision > before && is_of(&info, args, end)).then_some(Written { revision: info.revision })
    }

    /// Returns the revision of the object that an upload replaces. It is needed only to recover from a commit without a
    /// reply, so it is not read without a digest or a second attempt.
    pub(super) async fn revision_before_commit(&self, key: &str, has_digest: bool) -> Result<Option<u64>> {
        if !has_digest || self.retry_policy().attempts.get() <= 1 {
            return Ok(None);
        }
        let info = self.find_replicated(key).await?;
        Ok(Some(info.map_or(NO_REVISION, |info| info.revision)))
    }
}

fn is_of(info: &ObjectInfo, args: &UploadArgs, end: &UploadEnd) -> bool {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    info.size == end.size
        && info.sha256.as_ref().map(|checksum| &checksum.digest) == end.sha256.as_ref()
        && info.content_type == given(&args.content_type)
        && info.content_encoding == given(&args.content_encoding)
        && info.metadata.as_deref().unwrap_or_default() == args.pairs()
}

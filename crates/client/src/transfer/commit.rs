//! Committing an upload, and finding out whether it was committed.

use stable_storage_api::{Error, ObjectInfo, UploadArgs, UploadEnd, Written};

use crate::{Client, ClientError, Result, Transport, retry::Attempts};

/// What an object that is not there yet counts as.
const NO_REVISION: u64 = 0;

impl<T: Transport> Client<T> {
    /// Commits an upload, again and again where there is no answer and the client tries again.
    ///
    /// Identifiers of uploads are never used twice, so however often it is sent, it is carried out once. Only its answer
    /// differs: the second time there is no such upload. Whether that is because the first time did it, the object
    /// itself tells, if it is newer than what was there `before`.
    pub(super) async fn commit_surely(
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
                (Err(error), earlier) if error.is_passing() && attempts.another().await => {
                    // A reject says that this time it was not carried out, and nothing about an earlier time.
                    let unanswered = matches!(error, ClientError::Transport { .. });
                    silence = if unanswered { Some(error) } else { earlier };
                }
                (Err(error), Some(earlier)) if error.storage_error() == Some(&Error::NotFound) => {
                    let Some(before) = before else { return Err(earlier) };
                    return self.committed(args, end, before).await.ok_or(earlier);
                }
                // The last attempt was rejected, and an earlier one may have been carried out.
                (Err(error), Some(earlier)) if error.is_passing() || error.is_refused() => {
                    return Err(earlier);
                }
                (answer, _) => return answer,
            }
        }
    }

    /// The object that the upload has become, if it certainly has: one of this size, digest and type, and newer than what
    /// was there before.
    async fn committed(&self, args: &UploadArgs, end: &UploadEnd, before: u64) -> Option<Written> {
        let info = self.stat_surely(&args.key).await.ok()?;
        (info.revision > before && is_of(&info, args, end)).then_some(Written { revision: info.revision })
    }

    /// The revision of the object that an upload will replace, where a commit without an answer will be looked for: not
    /// without a digest or a second attempt.
    pub(super) async fn revision_before_commit(&self, key: &str, has_digest: bool) -> Result<Option<u64>> {
        if !has_digest || self.retry_policy().attempts.get() <= 1 {
            return Ok(None);
        }
        match self.stat_surely(key).await {
            Ok(info) => Ok(Some(info.revision)),
            Err(error) if error.storage_error() == Some(&Error::NotFound) => Ok(Some(NO_REVISION)),
            Err(error) => Err(error),
        }
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

//! Committing an upload, and finding out whether it was committed.

use storage_api::{Error, ObjectInfo, UploadArgs};

use crate::{Client, ClientError, Result, Transport, retry::Attempts};

/// What an object that is not there yet counts as.
const NO_REVISION: u64 = 0;

impl<T: Transport> Client<T> {
    /// Commits an upload, again and again where there is no answer and the client tries again.
    ///
    /// Identifiers of uploads are never used twice, so however often it is sent, it is carried out once. Only its answer
    /// differs: the second time there is no such upload. Whether that is because the first time did it, the object
    /// itself tells, if a digest was declared.
    pub(super) async fn commit_surely(&self, id: u64, args: &UploadArgs) -> Result<ObjectInfo> {
        // Without a digest, or a second attempt, nothing will be looked for.
        let looks = args.sha256.is_some() && self.retry_policy().attempts.get() > 1;
        let before = if looks { Some(self.revision(&args.key).await?) } else { None };
        let mut attempts = Attempts::new(self.retry_policy());
        let mut silence = None;
        loop {
            match (self.commit_upload(id).await, silence.take()) {
                (Err(error), earlier) if error.is_passing() && attempts.another().await => {
                    // A reject says that this time it was not carried out, and nothing about an earlier time.
                    let unanswered = matches!(error, ClientError::Transport { .. });
                    silence = if unanswered { Some(error) } else { earlier };
                }
                (Err(error), Some(earlier)) if error.storage_error() == Some(&Error::NotFound) => {
                    let Some(before) = before else { return Err(earlier) };
                    return self.committed(args, before).await.ok_or(earlier);
                }
                // The last attempt was rejected, and an earlier one may have been carried out.
                (Err(error), Some(earlier)) if error.is_passing() => return Err(earlier),
                (answer, _) => return answer,
            }
        }
    }

    /// The object that the upload has become, if it certainly has: one of this size, digest and type, and newer than what
    /// was there before. A replica that lags behind may be asked first, so it is looked for more than once.
    async fn committed(&self, args: &UploadArgs, before: u64) -> Option<ObjectInfo> {
        let mut attempts = Attempts::new(self.retry_policy());
        loop {
            match self.stat(&args.key).await {
                Ok(info) if info.revision > before && is_of(&info, args) => return Some(info),
                Err(error) if error.storage_error() != Some(&Error::NotFound) => return None,
                _ => {}
            }
            if !attempts.another().await {
                return None;
            }
        }
    }

    async fn revision(&self, key: &str) -> Result<u64> {
        match self.stat(key).await {
            Ok(info) => Ok(info.revision),
            Err(error) if error.storage_error() == Some(&Error::NotFound) => Ok(NO_REVISION),
            Err(error) => Err(error),
        }
    }
}

fn is_of(info: &ObjectInfo, args: &UploadArgs) -> bool {
    let declared = args.content_type.as_deref().filter(|text| !text.is_empty());
    info.size == args.size
        && info.sha256.as_ref().map(|checksum| &checksum.digest) == args.sha256.as_ref()
        && info.content_type.as_deref() == declared
}

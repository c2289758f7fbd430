//! Finding an upload to resume.

use std::borrow::Cow;

use stable_storage_api::{Checksum, Condition, Error, UploadArgs};

use crate::{Client, Result, Transport};

impl<T: Transport> Client<T> {
    /// Returns the open upload that [`upload`](Self::upload) can resume: the newest of the caller's own uploads with the same
    /// key, size, declared SHA-256, metadata and condition. Another process may have opened it.
    ///
    /// Without a digest, there is no proof that the received chunks have the same content. If the source has changed since,
    /// but not its size, the result is a mix of both versions. A digest excludes that.
    pub async fn find_upload(&self, args: &UploadArgs) -> Result<Option<u64>> {
        let Some(args) = self.with_kept_condition(args).await? else { return Ok(None) };
        let caller = self.transport().caller();
        let open = self.list_uploads_replicated().await?;
        let mine = open.into_iter().filter(|open| {
            // The list of an admin includes the uploads of others.
            caller.is_none_or(|caller| caller == open.creator) && open.may_be_of(&args)
        });
        let mut newest_first: Vec<_> = mine.map(|open| open.upload.id).collect();
        newest_first.sort_unstable_by(|one, other| other.cmp(one));
        for id in newest_first {
            match self.upload_status_replicated(id).await {
                Ok(status) if status.is_of(&args) => return Ok(Some(id)),
                Ok(_) => {}
                // It has just been committed or has expired.
                Err(error) if error.storage_error() == Some(&Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Returns the arguments with the condition as an upload keeps it: with the revision of the object that has the SHA-256.
    /// Returns `None` if no object has it, so that no upload can be opened with these arguments.
    pub(super) async fn with_kept_condition<'a>(
        &self,
        args: &'a UploadArgs,
    ) -> Result<Option<Cow<'a, UploadArgs>>> {
        let Some(Condition::Sha256(digest)) = &args.condition else { return Ok(Some(Cow::Borrowed(args))) };
        let Some(info) = self.find_replicated(&args.key).await? else { return Ok(None) };
        let held = info.sha256.as_ref().and_then(Checksum::held);
        let condition = (held == Some(digest)).then_some(Condition::Revision(info.revision));
        Ok(condition.map(|condition| Cow::Owned(UploadArgs { condition: Some(condition), ..args.clone() })))
    }
}

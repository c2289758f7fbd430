//! Finding an upload to resume.

use stable_storage_api::{Error, UploadArgs};

use crate::{Client, Result, Transport};

impl<T: Transport> Client<T> {
    /// Returns the open upload that [`upload`](Self::upload) can resume: the newest of the caller's own uploads with the same
    /// key, size, declared SHA-256, metadata and condition. Another process may have opened it.
    ///
    /// Without a digest, there is no proof that the received chunks have the same content. If the source has changed since,
    /// but not its size, the result is a mix of both versions. A digest excludes that.
    pub async fn find_upload(&self, args: &UploadArgs) -> Result<Option<u64>> {
        let caller = self.transport().caller();
        let open = self.list_uploads_replicated().await?;
        let mine = open.into_iter().filter(|open| {
            // The list of an admin includes the uploads of others.
            caller.is_none_or(|caller| caller == open.creator) && open.may_be_of(args)
        });
        let mut newest_first: Vec<_> = mine.map(|open| open.upload.id).collect();
        newest_first.sort_unstable_by(|one, other| other.cmp(one));
        for id in newest_first {
            match self.upload_status_replicated(id).await {
                Ok(status) if status.is_of(args) => return Ok(Some(id)),
                Ok(_) => {}
                // It has just been committed or has expired.
                Err(error) if error.storage_error() == Some(&Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

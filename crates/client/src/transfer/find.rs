//! Finding an upload to resume.

use stable_storage_api::{Error, UploadArgs};

use crate::{Client, Result, Transport};

impl<T: Transport> Client<T> {
    /// The open upload that [`upload`](Self::upload) can resume: the caller's own that was opened with the same key, size,
    /// declared SHA-256, metadata and condition, the newest where there are several. It may have been opened by another
    /// process.
    ///
    /// Without a digest, nothing tells that the chunks that were received are of the same content: a source that has
    /// changed since, and not in size, makes an object that is neither. With one, both are of the same bytes.
    pub async fn find_upload(&self, args: &UploadArgs) -> Result<Option<u64>> {
        let caller = self.transport().caller();
        let open = self.list_uploads_surely().await?;
        let mine = open.into_iter().filter(|open| {
            // An admin is told of the uploads of others too.
            caller.is_none_or(|caller| caller == open.creator) && open.may_be_of(args)
        });
        let mut newest_first: Vec<_> = mine.map(|open| open.upload.id).collect();
        newest_first.sort_unstable_by(|one, other| other.cmp(one));
        for id in newest_first {
            match self.upload_status_surely(id).await {
                Ok(status) if status.is_of(args) => return Ok(Some(id)),
                Ok(_) => {}
                // It has just been committed, or has expired.
                Err(error) if error.storage_error() == Some(&Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

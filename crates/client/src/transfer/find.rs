//! Finding an upload to go on with.

use storage_api::UploadArgs;

use crate::{Client, Result, Transport};

impl<T: Transport> Client<T> {
    /// The open upload that [`upload`](Self::upload) can go on with: the caller's own with this key, size and declared
    /// SHA-256, the newest where there are several. It may have been opened by another process.
    ///
    /// Without a digest, nothing tells that the chunks that were received are of the same content: a source that has
    /// changed since, and not in size, makes an object that is neither. With one, both are of the same bytes.
    pub async fn find_upload(&self, args: &UploadArgs) -> Result<Option<u64>> {
        let caller = self.transport().caller();
        let open = self.list_uploads().await?;
        let same = open.into_iter().filter(|open| {
            // An admin is told of the uploads of others too.
            caller.is_none_or(|caller| caller == open.creator)
                && (open.upload.key == args.key && open.upload.size == args.size)
                && open.sha256 == args.sha256
        });
        Ok(same.map(|open| open.upload.id).max())
    }
}

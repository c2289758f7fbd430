//! Finding an upload to go on with.

use candid::{CandidType, Principal};
use serde::Deserialize;
use serde_bytes::ByteBuf;
use storage_api::{Upload, UploadArgs};

use crate::{Client, Result, Transport, call::Kind};

/// What is looked at of an [`UploadStatus`](storage_api::UploadStatus). A canister that does not tell the declared digest
/// counts as one whose uploads have none.
#[derive(CandidType, Deserialize)]
struct Open {
    upload: Upload,
    creator: Principal,
    sha256: Option<ByteBuf>,
}

impl<T: Transport> Client<T> {
    /// The open upload that [`upload`](Self::upload) can go on with: the caller's own with this key, size and declared
    /// SHA-256, the newest where there are several. It may have been opened by another process.
    ///
    /// Without a digest, nothing tells that the chunks that were received are of the same content: a source that has
    /// changed since, and not in size, makes an object that is neither. With one, both are of the same bytes.
    pub async fn find_upload(&self, args: &UploadArgs) -> Result<Option<u64>> {
        let caller = self.transport().caller();
        let open: Vec<Open> = self.call(Kind::Query, "list_uploads", ()).await?;
        let same = open.into_iter().filter(|open| {
            // An admin is told of the uploads of others too.
            caller.is_none_or(|caller| caller == open.creator)
                && (open.upload.key == args.key && open.upload.size == args.size)
                && open.sha256 == args.sha256
        });
        Ok(same.map(|open| open.upload.id).max())
    }
}

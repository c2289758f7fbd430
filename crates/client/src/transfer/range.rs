//! Reading a range of one version of an object as a stream, and storing an object that consists of others.

use std::{io, num::NonZeroUsize, ops::Deref, ops::Range, sync::Arc};

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use stable_storage_api::{Error, ObjectInfo, UploadArgs, UploadEnd, Written, limits::MAX_REPLY_BYTES};

use super::{
    TransferError, TransferOptions,
    download::{has_not_seen, more_certain},
};
use crate::{Client, Result, Transport};

/// Returns a range of an object as a stream of pieces of at most 2,031,616 bytes, in order. Up to `concurrency` pieces are
/// requested at the same time, all of the revision in `info`: the stream never mixes two versions. A range that exceeds the
/// object is cut at its end.
///
/// `client` is a reference, or a pointer like [`Arc`] for a stream that outlives its caller.
///
/// # Errors
///
/// [`stable_storage_api::Error::RevisionMismatch`] if the object is overwritten while it is read,
/// [`TransferError::WrongLength`], and the errors of the calls.
pub fn read_stream<T, C>(
    client: C,
    info: Arc<ObjectInfo>,
    range: Range<u64>,
    concurrency: NonZeroUsize,
) -> impl Stream<Item = std::result::Result<Vec<u8>, TransferError>> + Send
where
    C: Deref<Target = Client<T>> + Clone + Send + Sync,
    T: Transport,
{
    let end = range.end.min(info.size);
    let offsets = (range.start.min(end)..end).step_by(MAX_REPLY_BYTES as usize);
    let pieces = offsets.map(move |offset| {
        let (client, info) = (client.clone(), Arc::clone(&info));
        async move { client.range(&info, offset, MAX_REPLY_BYTES.min(end - offset)).await }
    });
    stream::iter(pieces).buffered(concurrency.get())
}

impl<T: Transport> Client<T> {
    /// Returns the metadata of an object. A query that finds none is repeated as a replicated call, because the node that
    /// executes a query may lag the update that stored the object.
    pub async fn stat_confirmed(&self, key: &str) -> Result<ObjectInfo> {
        match self.stat(key).await {
            Err(error) if has_not_seen(&error, 0) => {
                self.stat_replicated(key).await.map_err(|agreed| more_certain(agreed, error))
            }
            done => done,
        }
    }

    /// Stores an object that consists of the bytes of other objects, in this order. They are read and sent again, a few
    /// pieces at a time, so the size is not limited by memory. Each source is read at the revision in its metadata.
    /// Computes the SHA-256 and declares it.
    ///
    /// # Errors
    ///
    /// Those of [`upload_stream`](Self::upload_stream), with [`TransferError::Read`] where a source cannot be read;
    /// [`stable_storage_api::Error::TooLarge`] if the sizes of the sources exceed a 64-bit number. After an error, nothing is
    /// stored.
    pub async fn compose(
        &self,
        sources: &[Arc<ObjectInfo>],
        args: &UploadArgs,
        options: TransferOptions<'_>,
    ) -> std::result::Result<(Written, UploadEnd), TransferError> {
        let size = sources.iter().try_fold(0_u64, |sum, info| sum.checked_add(info.size));
        self.check("create_upload", || {
            size.map(drop).ok_or(Error::TooLarge { size: u64::MAX, limit: u64::MAX })
        })?;
        let whole = |info: &Arc<ObjectInfo>| {
            let range = 0..info.size;
            read_stream(self, Arc::clone(info), range, options.concurrency).map_err(io::Error::other)
        };
        let pieces = stream::iter(sources.iter().map(whole)).flatten();
        self.upload_stream(pieces, &UploadArgs { size, ..args.clone() }, options).await
    }
}

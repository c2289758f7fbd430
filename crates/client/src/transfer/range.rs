//! Reading a range of one version of an object as a stream.

use std::{num::NonZeroUsize, ops::Deref, ops::Range, sync::Arc};

use futures_util::{Stream, StreamExt, stream};
use stable_storage_api::{Object, ObjectInfo, limits::MAX_REPLY_BYTES};

use super::{
    TransferError,
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

    /// Returns the value under a key and its metadata. A query that finds none is repeated as a replicated call, as in
    /// [`stat_confirmed`](Self::stat_confirmed).
    pub async fn get_with_info_confirmed(&self, key: &str) -> Result<Object> {
        match self.get_with_info(key).await {
            Err(error) if has_not_seen(&error, 0) => {
                self.get_with_info_replicated(key).await.map_err(|agreed| more_certain(agreed, error))
            }
            done => done,
        }
    }
}

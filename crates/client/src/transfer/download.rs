//! Downloading an object of any size.

use std::{io::Write, sync::Arc};

use futures_util::{StreamExt, stream::FuturesOrdered};
use stable_storage_api::{Error, ObjectInfo, ReadArgs, limits::MAX_REPLY_BYTES};

use super::{Hasher, TransferError, TransferOptions};
use crate::{Client, ClientError, Transport};

/// Result of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downloaded {
    /// Metadata of the object.
    pub info: ObjectInfo,
    /// SHA-256 of the bytes that arrived.
    pub sha256: [u8; 32],
}

impl<T: Transport> Client<T> {
    /// Downloads an object of any size to a sink, in order, and compares its SHA-256 with the declared one, if there is one.
    /// Several ranges are requested concurrently, all of the revision that the object has at the start. Progress is reported
    /// in bytes that the sink has accepted.
    ///
    /// # Errors
    ///
    /// [`stable_storage_api::Error::RevisionMismatch`] if the object is overwritten during the download;
    /// [`TransferError::WrongDigest`], [`TransferError::WrongLength`] and [`TransferError::Write`]; and the errors of the
    /// calls. After an error, discard what the sink has received.
    pub async fn download<W: Write>(
        &self,
        key: &str,
        sink: &mut W,
        options: TransferOptions<'_>,
    ) -> Result<Downloaded, TransferError> {
        let info = self.stat_confirmed(key).await?;
        self.download_object(info, sink, options).await
    }

    /// Downloads an object whose metadata is known: from [`stat`](Self::stat), or from the update that stored it. The reply
    /// of that update can be newer than that of a query, because the node that executes a query may lag some blocks.
    ///
    /// # Errors
    ///
    /// The same as [`download`](Self::download).
    pub async fn download_object<W: Write>(
        &self,
        info: ObjectInfo,
        sink: &mut W,
        options: TransferOptions<'_>,
    ) -> Result<Downloaded, TransferError> {
        let sha256 = self.fetch(&info, sink, options).await?;
        if let Some(declared) = &info.sha256
            && declared.digest.as_slice() != sha256
        {
            return Err(TransferError::WrongDigest {
                declared: hex::encode(&declared.digest),
                computed: hex::encode(sha256),
            });
        }
        Ok(Downloaded { info, sha256 })
    }

    /// Writes all ranges of an object to the sink, and hashes them.
    async fn fetch<W: Write>(
        &self,
        info: &ObjectInfo,
        sink: &mut W,
        options: TransferOptions<'_>,
    ) -> Result<[u8; 32], TransferError> {
        options.progress.safe(0, info.size);
        let mut offsets = (0..info.size).step_by(MAX_REPLY_BYTES as usize);
        let mut under_way = FuturesOrdered::new();
        let mut hasher = Hasher::default();
        let mut written = 0;
        loop {
            // Ranges that arrived out of order count as well, so that a slow range does not fill the memory.
            while under_way.len() < options.concurrency.get() {
                let Some(offset) = offsets.next() else { break };
                under_way.push_back(self.range(info, offset, MAX_REPLY_BYTES.min(info.size - offset)));
            }
            let Some(bytes) = under_way.next().await else { break };
            let bytes = bytes?;
            sink.write_all(&bytes).map_err(|error| TransferError::Write { offset: written, error })?;
            written += bytes.len() as u64;
            hasher.update(Arc::new(bytes));
            options.progress.safe(written, info.size);
        }
        sink.flush().map_err(|error| TransferError::Write { offset: written, error })?;
        Ok(hasher.finish())
    }

    /// Returns a range of an object, which must have this revision and all of these bytes.
    pub(super) async fn range(
        &self,
        info: &ObjectInfo,
        offset: u64,
        length: u64,
    ) -> Result<Vec<u8>, TransferError> {
        let args =
            ReadArgs { key: info.key.clone(), offset, length: Some(length), revision: Some(info.revision) };
        let bytes = match self.read(&args).await {
            Err(error) if has_not_seen(&error, info.revision) => {
                self.read_replicated(&args).await.map_err(|agreed| more_certain(agreed, error))?
            }
            done => done?,
        };
        if bytes.len() as u64 != length {
            return Err(TransferError::WrongLength { offset, expected: length, found: bytes.len() as u64 });
        }
        Ok(bytes)
    }
}

/// Returns the replicated error if it explains the failure. Where reads are public, a caller may query but not update.
pub(super) fn more_certain(agreed: ClientError, of_one_node: ClientError) -> ClientError {
    match agreed.storage_error() {
        Some(Error::NotFound | Error::RevisionMismatch { .. }) => agreed,
        _ => of_one_node,
    }
}

/// Returns whether the error may come from a node that has not executed the change with this revision yet.
pub(super) fn has_not_seen(error: &ClientError, revision: u64) -> bool {
    match error.storage_error() {
        Some(Error::NotFound) => true,
        Some(Error::RevisionMismatch { current }) => current.is_none_or(|current| current < revision),
        _ => false,
    }
}

//! Uploading an object of any size.

use std::io::{Read, Seek};

use futures_util::{StreamExt, stream::FuturesUnordered};
use stable_storage_api::limits::CHUNK_BYTES;
use stable_storage_api::{ChunkRange, Upload, UploadArgs, UploadEnd, UploadStatus, Written};

use super::source::Source;
use super::{TransferError, TransferOptions};
use crate::{Client, Transport};

impl<T: Transport> Client<T> {
    /// Stores an object of any size from a seekable source: opens an upload, sends its chunks, and commits it. Progress is
    /// reported in bytes that the canister has received. If `args` has no size, the size of the source is used.
    ///
    /// With [`TransferOptions::resume`], resumes an open upload that was opened with the same arguments. Chunks that the
    /// canister has are not sent again and not compared, so the source must be the one that they came from. A declared
    /// SHA-256 verifies that.
    ///
    /// A client with a retry policy also repeats a commit without a reply and determines its outcome: the commit is executed
    /// at most once. That takes a declared SHA-256, or the pair [`UPLOAD`](stable_storage_api::headers::UPLOAD) in the
    /// metadata; otherwise, the outcome of a commit that was executed without a reply is an error that says that it is unknown.
    ///
    /// # Errors
    ///
    /// [`TransferError::SourceEndsEarly`] and [`TransferError::SourceIsLonger`] if the source does not have the declared
    /// size, at the start or at the end; [`TransferError::SourceChanged`] if the bytes that were sent do not have the declared
    /// SHA-256; [`TransferError::OtherUpload`] if the upload to resume was opened with other arguments;
    /// [`TransferError::Read`], and the errors of the calls. After an error, the upload stays open.
    pub async fn upload<S: Read + Seek>(
        &self,
        source: &mut S,
        args: &UploadArgs,
        options: TransferOptions<'_>,
    ) -> Result<Written, TransferError> {
        let mut source =
            Source::new(source, args.size, args.sha256.as_ref().map(|digest| digest.as_slice()))?;
        let size = source.size();
        let args = &UploadArgs { size: Some(size), ..args.clone() };
        let (upload, mut open) = match options.resume {
            Some(id) => {
                let status = self.upload_status_replicated(id).await?;
                self.check_same(&status, args).await?;
                (status.upload.clone(), Open::of(status))
            }
            None => {
                let upload = self.create_upload(args).await?;
                let open = Open::new(size);
                (upload, open)
            }
        };
        let before = self.revision_before_commit(args, args.sha256.is_some()).await?;
        loop {
            options.progress.safe(open.received, size);
            self.send(&mut source, &upload, &open.missing, options).await?;
            // A very large upload with many gaps lacks more ranges than one reply can list.
            if !open.more_missing {
                break;
            }
            open = Open::of(self.upload_status_replicated(upload.id).await?);
        }
        source.check().await?;
        let end = UploadEnd { size, sha256: args.sha256.clone() };
        Ok(self.commit_reliably(upload.id, args, &end, before).await?)
    }

    /// Sends chunks, several concurrently. Reads the next one when one has been received.
    async fn send<S: Read + Seek>(
        &self,
        source: &mut Source<'_, S>,
        upload: &Upload,
        missing: &[ChunkRange],
        options: TransferOptions<'_>,
    ) -> Result<(), TransferError> {
        let size = source.size();
        let mut indexes = missing.iter().flat_map(|range| range.first..=range.last);
        let mut under_way = FuturesUnordered::new();
        let mut received = 0;
        loop {
            while under_way.len() < options.concurrency.get() {
                let Some(index) = indexes.next() else { break };
                let offset = index * upload.chunk_size;
                let bytes = source.read(offset, upload.chunk_size.min(size - offset)).await?;
                under_way.push(async move { self.write_chunk(upload.id, index, &bytes).await });
            }
            let Some(answer) = under_way.next().await else { return Ok(()) };
            // Replies may arrive out of order.
            received = answer?.received.max(received);
            options.progress.safe(received, size);
        }
    }

    /// Rejects resuming an upload that was opened with other arguments.
    pub(super) async fn check_same(
        &self,
        status: &UploadStatus,
        args: &UploadArgs,
    ) -> Result<(), TransferError> {
        let kept = self.with_kept_condition(args).await?;
        if kept.is_some_and(|args| status.is_of(&args)) {
            return Ok(());
        }
        let Upload { id, key, .. } = status.upload.clone();
        Err(TransferError::OtherUpload { id, key })
    }
}

/// Progress of an upload, from an update or a replicated query. A plain query may be executed by a node that has not
/// executed this client's last update yet.
struct Open {
    received: u64,
    missing: Vec<ChunkRange>,
    more_missing: bool,
}

impl Open {
    /// An upload that was just opened: all chunks are missing.
    fn new(size: u64) -> Self {
        let all = ChunkRange { first: 0, last: size.div_ceil(CHUNK_BYTES) - 1 };
        Self { received: 0, missing: vec![all], more_missing: false }
    }

    fn of(status: UploadStatus) -> Self {
        let UploadStatus { received, missing, more_missing, .. } = status;
        Self { received, missing, more_missing }
    }
}

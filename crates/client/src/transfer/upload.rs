//! Sending an object of any size.

use std::io::{Read, Seek};

use futures_util::{StreamExt, stream::FuturesUnordered};
use stable_storage_api::limits::CHUNK_BYTES;
use stable_storage_api::{ChunkRange, Upload, UploadArgs, UploadEnd, UploadStatus, Written};

use super::source::Source;
use super::{TransferError, TransferOptions};
use crate::{Client, Transport};

impl<T: Transport> Client<T> {
    /// Stores an object of any size from a source that can be read again from any place: opens an upload, sends the chunks
    /// that it lacks, and commits it. Progress is told in bytes that the canister has received. Where `args` has no size, it
    /// is the source's.
    ///
    /// With [`TransferOptions::resume`], it resumes an upload that is open and was opened with the same arguments. Chunks
    /// that the canister has are not sent again, and not compared either: the source must be the one that they came from.
    /// A declared SHA-256 makes sure of that.
    ///
    /// A client that tries again commits again too, where there was no answer, and finds out what came of it: the commit
    /// is carried out once at most.
    ///
    /// # Errors
    ///
    /// [`TransferError::SourceEndsEarly`] and [`TransferError::SourceIsLonger`] where the source does not have the bytes
    /// that `args` declares, at the start or at the end; [`TransferError::SourceChanged`] where what was sent does not have
    /// the SHA-256 that `args` declares; [`TransferError::OtherUpload`] where the upload to resume was opened with other
    /// arguments; [`TransferError::Read`], and the errors of the calls. The upload stays open then.
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
                let status = self.upload_status_surely(id).await?;
                check_same(&status, args)?;
                (status.upload.clone(), Open::of(status))
            }
            None => {
                let upload = self.create_upload(args).await?;
                let open = Open::new(size);
                (upload, open)
            }
        };
        let before = self.revision_before_commit(&args.key, args.sha256.is_some()).await?;
        loop {
            options.progress.safe(open.received, size);
            self.send(&mut source, &upload, &open.missing, options).await?;
            // A very large upload with gaps all over lacks more than one reply can list.
            if !open.more_missing {
                break;
            }
            open = Open::of(self.upload_status_surely(upload.id).await?);
        }
        source.check().await?;
        let end = UploadEnd { size, sha256: args.sha256.clone() };
        Ok(self.commit_surely(upload.id, args, &end, before).await?)
    }

    /// Sends chunks, several at once. The next one is read when one has been received.
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
            // Answers may overtake each other.
            received = answer?.received.max(received);
            options.progress.safe(received, size);
        }
    }
}

/// How far an upload is, by what an update or a replicated query answered: the node that is asked by a query may not have
/// seen yet what another one has done for this client.
struct Open {
    received: u64,
    missing: Vec<ChunkRange>,
    more_missing: bool,
}

impl Open {
    /// An upload of so many bytes that has just been opened lacks everything.
    fn new(size: u64) -> Self {
        let all = ChunkRange { first: 0, last: size.div_ceil(CHUNK_BYTES) - 1 };
        Self { received: 0, missing: vec![all], more_missing: false }
    }

    fn of(status: UploadStatus) -> Self {
        let UploadStatus { received, missing, more_missing, .. } = status;
        Self { received, missing, more_missing }
    }
}

/// Refuses to resume an upload that was opened with other arguments.
fn check_same(status: &UploadStatus, args: &UploadArgs) -> Result<(), TransferError> {
    if status.is_of(args) {
        return Ok(());
    }
    let Upload { id, key, .. } = status.upload.clone();
    Err(TransferError::OtherUpload { id, key })
}

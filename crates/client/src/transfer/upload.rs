//! Sending an object of any size.

use std::io::{Read, Seek};

use futures_util::{StreamExt, stream::FuturesUnordered};
use storage_api::{ChunkRange, ObjectInfo, Upload, UploadArgs, UploadStatus};

use super::source::Source;
use super::{TransferError, TransferOptions};
use crate::{Client, Transport};

impl<T: Transport> Client<T> {
    /// Stores an object of any size from a source that can be read again from any place: opens an upload, sends the chunks
    /// that it lacks, and commits it. Progress is told in bytes that the canister has received.
    ///
    /// With [`TransferOptions::resume`], it goes on with an upload that is open. Chunks that the canister has are not sent
    /// again, and not compared either: the source must be the one that they came from. A declared SHA-256 makes sure of
    /// that.
    ///
    /// A client that tries again commits again too, where there was no answer, and finds out what came of it: the commit
    /// is carried out once at most.
    ///
    /// # Errors
    ///
    /// [`TransferError::SourceEndsEarly`] and [`TransferError::SourceIsLonger`] where the source does not have the bytes
    /// that `args` declares, at the start or at the end; [`TransferError::OtherUpload`] where the upload to go on with is of
    /// another key, size or digest; [`TransferError::Read`], and the errors of the calls. The upload stays open then.
    pub async fn upload<S: Read + Seek>(
        &self,
        source: &mut S,
        args: &UploadArgs,
        options: TransferOptions<'_>,
    ) -> Result<ObjectInfo, TransferError> {
        let mut source = Source::new(source, args.size)?;
        let id = match options.resume {
            Some(id) => id,
            None => self.create_upload(args).await?.id,
        };
        loop {
            let status = self.upload_status(id).await?;
            check_same(&status, args)?;
            options.progress.safe(status.received, args.size);
            self.send(&mut source, &status.upload, &status.missing, options).await?;
            // A very large upload with gaps all over lacks more than one reply can list.
            if !status.more_missing {
                break;
            }
        }
        source.check_length()?;
        Ok(self.commit_surely(id, args).await?)
    }

    /// Sends chunks, several at once. The next one is read when one has been received.
    async fn send<S: Read + Seek>(
        &self,
        source: &mut Source<'_, S>,
        upload: &Upload,
        missing: &[ChunkRange],
        options: TransferOptions<'_>,
    ) -> Result<(), TransferError> {
        let mut indexes = missing.iter().flat_map(|range| range.first..=range.last);
        let mut under_way = FuturesUnordered::new();
        let mut received = 0;
        loop {
            while under_way.len() < options.concurrency.get() {
                let Some(index) = indexes.next() else { break };
                let offset = index * upload.chunk_size;
                let bytes = source.read(offset, upload.chunk_size.min(upload.size - offset))?;
                under_way.push(async move { self.write_chunk(upload.id, index, &bytes).await });
            }
            let Some(answer) = under_way.next().await else { return Ok(()) };
            // Answers may overtake each other.
            received = answer?.received.max(received);
            options.progress.safe(received, upload.size);
        }
    }
}

/// Refuses to go on with an upload of something else. Where one of the two has no digest, the caller knows what it does.
fn check_same(status: &UploadStatus, args: &UploadArgs) -> Result<(), TransferError> {
    let Upload { id, key, size, .. } = &status.upload;
    let declares_another =
        status.sha256.as_ref().zip(args.sha256.as_ref()).is_some_and(|(theirs, ours)| theirs != ours);
    if *key == args.key && *size == args.size && !declares_another {
        return Ok(());
    }
    Err(TransferError::OtherUpload { id: *id, key: key.clone(), size: *size })
}

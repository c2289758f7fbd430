//! Copies that the canister makes: no byte of them is sent.

use std::ops::Range;

use stable_storage_api::{
    Checksum, CopyArgs, CopySource, Error, ObjectInfo, Received, UploadArgs, UploadEnd, Written,
    limits::{CHUNK_BYTES, MAX_BATCH_ITEMS},
};

use super::{TransferError, TransferOptions, stream::put};
use crate::{Client, ClientError, Result, Transport, call::method};

/// A range of an object, whose bytes [`compose`](Client::compose) copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The key of the object.
    pub key: String,
    /// The revision that the object must have.
    pub revision: u64,
    /// The range, in bytes from the start of the object.
    pub range: Range<u64>,
}

impl Piece {
    /// Returns all bytes of an object.
    #[must_use]
    pub fn whole(info: &ObjectInfo) -> Self {
        Self { key: info.key.clone(), revision: info.revision, range: 0..info.size }
    }

    fn bytes(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    /// Returns the source without its first bytes.
    fn source_from(&self, skipped: u64) -> CopySource {
        CopySource {
            key: self.key.clone(),
            revision: self.revision,
            offset: Some(self.range.start + skipped),
            length: Some(self.bytes() - skipped),
        }
    }
}

impl<T: Transport> Client<T> {
    /// Copies an object of at most 64 MiB in one call.
    pub async fn copy_small(&self, args: &CopyArgs) -> Result<Written> {
        self.check("copy", || args.check())?;
        self.call(method!("copy"), (args,)).await
    }

    /// Fills missing chunks of an upload with bytes of existing objects, which follow each other and begin with chunk `first`. At
    /// most 64 MiB per call.
    pub async fn copy_chunks(&self, upload: u64, first: u64, sources: &[CopySource]) -> Result<Received> {
        self.check("copy_chunks", || CopySource::check_all(sources))?;
        self.call(method!("copy_chunks"), (upload, first, sources)).await
    }

    /// Copies an object of any size to another key, with its metadata or other metadata. The canister copies the bytes: in one
    /// call, or for an object of more than 64 MiB in steps of that size, of which each reports its progress. With the same key
    /// twice, an object of any size gets other metadata in one call.
    ///
    /// # Errors
    ///
    /// Those of the calls: [`Error::NotFound`] if there is no object under `from`, [`Error::AlreadyExists`] and
    /// [`Error::RevisionMismatch`] for conditions that do not hold, also if the object is overwritten while it is copied. After
    /// an error, nothing is stored under `to`.
    pub async fn copy(
        &self,
        args: &CopyArgs,
        options: TransferOptions<'_>,
    ) -> std::result::Result<Written, TransferError> {
        match self.copy_small(args).await {
            Err(error) if matches!(error.storage_error(), Some(Error::TooLarge { .. })) => {}
            done => return Ok(done?),
        }
        let info = self.stat_replicated(&args.from).await?;
        let digest = info.sha256.as_ref().and_then(Checksum::held);
        self.check("copy", || args.check_source(info.revision, digest))?;
        let upload = args.upload_of(&info);
        Ok(self.compose(&[Piece::whole(&info)], &upload, options).await?.0)
    }

    /// Stores an object that consists of the bytes of other objects, in this order. The canister copies them, in steps of 64 MiB,
    /// each from its revision. The SHA-256 is the one that `args` declares, if any:
    /// [`verify`](Self::verify) can compute it.
    ///
    /// # Errors
    ///
    /// Those of the calls; [`Error::InvalidArgument`] if a thousand sources that follow each other have less than a chunk of
    /// 2,031,616 bytes together, and [`Error::TooLarge`] if the sizes exceed a 64-bit number. After an error, nothing is stored,
    /// unless it is [`ClientError::Transport`]: then the commit may have been executed. If `args` has neither a SHA-256 nor the
    /// pair [`UPLOAD`](stable_storage_api::headers::UPLOAD), a single lost reply of the commit has that result.
    pub async fn compose(
        &self,
        sources: &[Piece],
        args: &UploadArgs,
        options: TransferOptions<'_>,
    ) -> std::result::Result<(Written, UploadEnd), TransferError> {
        let size = sources.iter().try_fold(0_u64, |sum, piece| sum.checked_add(piece.bytes()));
        let too_large = Error::TooLarge { size: u64::MAX, limit: u64::MAX };
        let size = size.ok_or(ClientError::Storage { method: "copy_chunks", error: too_large })?;
        let end = UploadEnd { size, sha256: args.sha256.clone() };
        if size == 0 {
            return Ok((self.put_with(put(args, Vec::new(), end.clone())).await?, end));
        }
        let args = UploadArgs { size: Some(size), ..args.clone() };
        let before = self.revision_before_commit(&args, args.sha256.is_some()).await?;
        let id = self.create_upload(&args).await?.id;
        let sent = self.copy_all_chunks(id, sources, size, options).await;
        self.commit_or_abort(id, &args, sent.map(|()| end), before).await
    }

    /// Copies the chunks of an upload, in order.
    async fn copy_all_chunks(
        &self,
        id: u64,
        sources: &[Piece],
        size: u64,
        options: TransferOptions<'_>,
    ) -> std::result::Result<(), TransferError> {
        let mut received = 0;
        while received < size {
            let first = received / CHUNK_BYTES;
            let sources = sources_from(sources, first * CHUNK_BYTES);
            let reply = self.copy_chunks(id, first, &sources).await?;
            if reply.received <= received {
                let (offset, expected) = (received, size - received);
                return Err(TransferError::WrongLength { offset, expected, found: 0 });
            }
            received = reply.received;
            options.progress.safe(received, size);
        }
        Ok(())
    }
}

/// Returns as many sources as one call may have, from an offset in the bytes of all of them on.
fn sources_from(pieces: &[Piece], mut offset: u64) -> Vec<CopySource> {
    let mut rest = pieces.iter();
    let mut found = Vec::new();
    for piece in rest.by_ref() {
        if offset < piece.bytes() {
            found.push(piece.source_from(offset));
            break;
        }
        offset -= piece.bytes();
    }
    found.extend(rest.take(MAX_BATCH_ITEMS as usize - 1).map(|piece| piece.source_from(0)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(number: u64, range: Range<u64>) -> Piece {
        Piece { key: number.to_string(), revision: number, range }
    }

    #[test]
    fn sources_continue_at_an_offset_and_fit_one_call() {
        let pieces = [piece(1, 0..10), piece(2, 4..4), piece(3, 100..105)];
        let found = |offset| {
            let sources = sources_from(&pieces, offset).into_iter();
            sources.map(|source| (source.revision, source.offset, source.length)).collect::<Vec<_>>()
        };
        let of = |revision, offset, length| (revision, Some(offset), Some(length));
        assert_eq!(found(0), [of(1, 0, 10), of(2, 4, 0), of(3, 100, 5)]);
        assert_eq!(found(9), [of(1, 9, 1), of(2, 4, 0), of(3, 100, 5)]);
        assert_eq!(found(10), [of(3, 100, 5)]);
        assert_eq!(found(14), [of(3, 104, 1)]);
        let many: Vec<_> = (0..2_000).map(|number| piece(number, 0..10)).collect();
        assert_eq!(sources_from(&many, 0).len(), 1_000);
        assert_eq!(sources_from(&many, 15).len(), 1_000);
    }
}

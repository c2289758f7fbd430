//! Uploading a stream whose size is known only at its end.

use std::{io, mem, pin::Pin, pin::pin, sync::Arc};

use futures_util::{
    Stream, StreamExt,
    future::{Either, select},
    stream::FuturesUnordered,
};
use serde_bytes::ByteBuf;
use stable_storage_api::{PutArgs, UploadArgs, UploadEnd, UploadStatus, Written, limits::CHUNK_BYTES};

use super::{Hasher, TransferError, TransferOptions};
use crate::{Client, Transport};

impl<T: Transport> Client<T> {
    /// Stores an object from a stream of pieces of any lengths, for example of a pipe. The number of bytes need not be known
    /// before the last piece has arrived. A few chunks are in memory, whatever the size of the object. The SHA-256 is
    /// declared at the end. An object that fits one call is stored by `put_with`.
    ///
    /// Returns the revision, and the size and the SHA-256 of the object.
    ///
    /// Progress is reported in bytes that the canister has received.
    /// A stream cannot be read again, so an upload that fails is aborted.
    ///
    /// # Errors
    ///
    /// [`TransferError::Read`] if the stream returns an error; [`TransferError::WrongDigest`],
    /// [`TransferError::SourceEndsEarly`] and [`TransferError::SourceIsLonger`] if `args` declares a SHA-256 or size that
    /// differs from the stream's; and the errors of the calls. After an error, nothing is stored.
    pub async fn upload_stream<B: AsRef<[u8]>>(
        &self,
        pieces: impl Stream<Item = io::Result<B>>,
        args: &UploadArgs,
        options: TransferOptions<'_>,
    ) -> Result<(Written, UploadEnd), TransferError> {
        // The end is looked for again after it has been found.
        let pieces = pin!(pieces.fuse());
        let mut chunks = Chunks::of(pieces);
        let first = chunks.next().await?.unwrap_or_default();
        let Some(second) = chunks.next().await? else {
            let end = chunks.end(args)?;
            let put = put(args, Arc::unwrap_or_clone(first), end.clone());
            let written = self.put_with(put).await?;
            options.progress.safe(end.size, end.size);
            return Ok((written, end));
        };
        let before = self.revision_before_commit(args, true).await?;
        let id = self.create_upload(&UploadArgs { size: None, ..args.clone() }).await?.id;
        let new = Sent { received: 0, is_there: |_| false };
        let sent = self.send_all(id, vec![second, first], &mut chunks, new, options).await;
        self.commit_or_abort(id, args, sent.and_then(|()| chunks.end(args)), before).await
    }

    /// Completes an open upload from a stream of the whole object, which can be opened again, for example another object. The
    /// upload was opened with these arguments, which declare size and SHA-256. The stream is read to its end to check the
    /// digest, but chunks that the canister has are not sent again.
    ///
    /// # Errors
    ///
    /// As for [`upload_stream`](Self::upload_stream), and [`TransferError::OtherUpload`] if the upload was opened with other
    /// arguments. After an error, the upload stays open.
    pub async fn resume_stream<B: AsRef<[u8]>>(
        &self,
        id: u64,
        pieces: impl Stream<Item = io::Result<B>>,
        args: &UploadArgs,
        options: TransferOptions<'_>,
    ) -> Result<Written, TransferError> {
        let pieces = pin!(pieces.fuse());
        let mut chunks = Chunks::of(pieces);
        let status = self.upload_status_replicated(id).await?;
        self.check_same(&status, args).await?;
        let before = self.revision_before_commit(args, true).await?;
        let UploadStatus { received, missing, more_missing, .. } = status;
        options.progress.safe(received, args.size.unwrap_or_default());
        let listed = missing.last().map_or(0, |range| range.last);
        // A very large upload with many gaps lacks more ranges than one reply can list. A chunk may be sent again.
        let is_there = |index| {
            let is_missing = missing.iter().any(|range| (range.first..=range.last).contains(&index));
            !is_missing && (!more_missing || index <= listed)
        };
        self.send_all(id, Vec::new(), &mut chunks, Sent { received, is_there }, options).await?;
        let end = chunks.end(args)?;
        Ok(self.commit_reliably(id, args, &end, before).await?)
    }

    /// Sends chunks as they arrive, several concurrently. `ready` has the first ones, in reverse.
    async fn send_all<S: Stream<Item = io::Result<B>>, B: AsRef<[u8]>>(
        &self,
        id: u64,
        mut ready: Vec<Arc<Vec<u8>>>,
        chunks: &mut Chunks<'_, S, B>,
        Sent { mut received, is_there }: Sent<impl Fn(u64) -> bool>,
        options: TransferOptions<'_>,
    ) -> Result<(), TransferError> {
        let mut under_way = FuturesUnordered::new();
        let (mut index, mut has_ended) = (0, false);
        loop {
            let has_slot = !has_ended && under_way.len() < options.concurrency.get();
            let event = match (has_slot, under_way.is_empty()) {
                (false, true) => return Ok(()),
                (false, false) => Event::Answered(under_way.next().await),
                (true, _) if !ready.is_empty() => Event::Came(ready.pop()),
                (true, true) => Event::Came(chunks.next().await?),
                (true, false) => match select(under_way.next(), pin!(chunks.next())).await {
                    Either::Left((answer, _)) => Event::Answered(answer),
                    Either::Right((chunk, _)) => Event::Came(chunk?),
                },
            };
            match event {
                Event::Came(None) => has_ended = true,
                Event::Came(Some(chunk)) => {
                    let of_chunk = index;
                    index += 1;
                    if !is_there(of_chunk) {
                        under_way.push(async move { self.write_chunk(id, of_chunk, &chunk).await });
                    }
                }
                Event::Answered(None) => {}
                Event::Answered(Some(answer)) => {
                    // Replies may arrive out of order.
                    received = answer?.received.max(received);
                    options.progress.safe(received, chunks.size);
                }
            }
        }
    }
}

/// What the canister has of an upload: the bytes, and whether a chunk is there.
struct Sent<F> {
    received: u64,
    is_there: F,
}

/// Event while chunks are sent.
enum Event<A> {
    /// A chunk is ready, or there are no more.
    Came(Option<Arc<Vec<u8>>>),
    /// A chunk was received by the canister.
    Answered(Option<A>),
}

/// Returns the arguments of a put of the whole object in one call.
pub(super) fn put(args: &UploadArgs, value: Vec<u8>, end: UploadEnd) -> PutArgs {
    let UploadArgs { key, content_type, content_encoding, metadata, condition, .. } = args.clone();
    let put = PutArgs::new(key, value);
    PutArgs { content_type, content_encoding, metadata, sha256: end.sha256, condition, ..put }
}

/// Stream of pieces of any lengths, cut into chunks.
struct Chunks<'a, S, B> {
    pieces: Pin<&'a mut S>,
    /// Current piece, and how much of it has been consumed.
    piece: Option<(B, usize)>,
    chunk: Vec<u8>,
    hasher: Hasher,
    /// Number of bytes that have arrived.
    size: u64,
}

impl<'a, S: Stream<Item = io::Result<B>>, B: AsRef<[u8]>> Chunks<'a, S, B> {
    fn of(pieces: Pin<&'a mut S>) -> Self {
        Self { pieces, piece: None, chunk: Vec::new(), hasher: Hasher::default(), size: 0 }
    }

    /// Returns the next chunk: a full one, or the rest at the end. Cancel safe.
    async fn next(&mut self) -> Result<Option<Arc<Vec<u8>>>, TransferError> {
        loop {
            self.fill();
            if self.chunk.len() as u64 == CHUNK_BYTES {
                return Ok(Some(self.take()));
            }
            match self.pieces.next().await {
                Some(Ok(piece)) => {
                    self.size += piece.as_ref().len() as u64;
                    self.piece = Some((piece, 0));
                }
                Some(Err(error)) => return Err(TransferError::Read { offset: self.size, error }),
                None => return Ok((!self.chunk.is_empty()).then(|| self.take())),
            }
        }
    }

    /// Returns the collected bytes, and hashes them.
    fn take(&mut self) -> Arc<Vec<u8>> {
        let chunk = Arc::new(mem::take(&mut self.chunk));
        self.hasher.update(Arc::clone(&chunk));
        chunk
    }

    /// Moves as much of the piece as fits into the chunk.
    fn fill(&mut self) {
        let Some((piece, taken)) = &mut self.piece else { return };
        let rest = &piece.as_ref()[*taken..];
        let count = rest.len().min(CHUNK_BYTES as usize - self.chunk.len());
        self.chunk.extend_from_slice(&rest[..count]);
        *taken += count;
        if count == rest.len() {
            self.piece = None;
        }
    }

    /// Returns what the commit states, if it does not contradict what was declared.
    fn end(&mut self, args: &UploadArgs) -> Result<UploadEnd, TransferError> {
        match args.size {
            Some(size) if self.size < size => {
                return Err(TransferError::SourceEndsEarly { length: self.size, size });
            }
            Some(size) if self.size > size => return Err(TransferError::SourceIsLonger { size }),
            _ => {}
        }
        let digest = self.hasher.finish();
        match &args.sha256 {
            Some(declared) if declared.as_slice() != digest.as_slice() => Err(TransferError::WrongDigest {
                declared: hex::encode(declared),
                computed: hex::encode(digest),
            }),
            _ => Ok(UploadEnd { size: self.size, sha256: Some(ByteBuf::from(digest.to_vec())) }),
        }
    }
}

//! Sending an object whose size is known at its end.

use std::{io, mem, pin::Pin, pin::pin, sync::Arc};

use futures_util::{
    Stream, StreamExt,
    future::{Either, select},
    stream::FuturesUnordered,
};
use serde_bytes::ByteBuf;
use stable_storage_api::{PutArgs, UploadArgs, UploadEnd, Written, limits::CHUNK_BYTES};

use super::{Hasher, TransferError, TransferOptions};
use crate::{Client, Transport};

impl<T: Transport> Client<T> {
    /// Stores an object from pieces that come one after the other, of any lengths, such as those of a pipe: how many bytes
    /// there are need not be known before the last one has come. A few chunks are in memory at once, however large the
    /// object, and its SHA-256 is declared at the end. What fits one call is put by one.
    ///
    /// Returns the revision, and the size and the SHA-256 of what came.
    ///
    /// Progress is told in bytes that the canister has received, of those that have come. What has gone by cannot be sent
    /// again, so an upload that fails is aborted.
    ///
    /// # Errors
    ///
    /// [`TransferError::Read`] where a piece is an error; [`TransferError::WrongDigest`],
    /// [`TransferError::SourceEndsEarly`] and [`TransferError::SourceIsLonger`] where `args` declares another SHA-256 or
    /// size than that of the bytes that came; and the errors of the calls. Nothing is stored then.
    pub async fn upload_stream<B: AsRef<[u8]>>(
        &self,
        pieces: impl Stream<Item = io::Result<B>>,
        args: &UploadArgs,
        options: TransferOptions<'_>,
    ) -> Result<(Written, UploadEnd), TransferError> {
        let pieces = pin!(pieces);
        let mut chunks = Chunks::of(pieces);
        let first = chunks.next().await?.unwrap_or_default();
        let Some(second) = chunks.next().await? else {
            let end = chunks.end(args)?;
            let put = put(args, Arc::unwrap_or_clone(first), end.clone());
            let written = self.put_with(put).await?;
            options.progress.safe(end.size, end.size);
            return Ok((written, end));
        };
        let before = self.revision_before_commit(&args.key, true).await?;
        let id = self.create_upload(&UploadArgs { size: None, ..args.clone() }).await?.id;
        let sent = self.send_all(id, vec![second, first], &mut chunks, options).await;
        match sent.and_then(|()| chunks.end(args)) {
            Ok(end) => Ok((self.commit_surely(id, args, &end, before).await?, end)),
            Err(error) => {
                // Where it cannot be aborted, it expires.
                let _ = self.abort_upload(id).await;
                Err(error)
            }
        }
    }

    /// Sends chunks as they come, several at once. `ready` are the first ones, in reverse.
    async fn send_all<S: Stream<Item = io::Result<B>>, B: AsRef<[u8]>>(
        &self,
        id: u64,
        mut ready: Vec<Arc<Vec<u8>>>,
        chunks: &mut Chunks<'_, S, B>,
        options: TransferOptions<'_>,
    ) -> Result<(), TransferError> {
        let mut under_way = FuturesUnordered::new();
        let (mut index, mut received, mut has_ended) = (0, 0, false);
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
                    under_way.push(async move { self.write_chunk(id, of_chunk, &chunk).await });
                    index += 1;
                }
                Event::Answered(None) => {}
                Event::Answered(Some(answer)) => {
                    // Answers may overtake each other.
                    received = answer?.received.max(received);
                    options.progress.safe(received, chunks.size);
                }
            }
        }
    }
}

/// What happens while chunks are sent.
enum Event<A> {
    /// A chunk has come, or there are no more.
    Came(Option<Arc<Vec<u8>>>),
    /// A chunk has been received.
    Answered(Option<A>),
}

/// A put of all there is.
fn put(args: &UploadArgs, value: Vec<u8>, end: UploadEnd) -> PutArgs {
    let UploadArgs { key, content_type, content_encoding, metadata, condition, .. } = args.clone();
    let put = PutArgs::new(key, value);
    PutArgs { content_type, content_encoding, metadata, sha256: end.sha256, condition, ..put }
}

/// Pieces of any lengths, cut into chunks.
struct Chunks<'a, S, B> {
    pieces: Pin<&'a mut S>,
    /// A piece that has come, and how much of it has been taken.
    piece: Option<(B, usize)>,
    chunk: Vec<u8>,
    hasher: Hasher,
    /// How many bytes have come.
    size: u64,
}

impl<'a, S: Stream<Item = io::Result<B>>, B: AsRef<[u8]>> Chunks<'a, S, B> {
    fn of(pieces: Pin<&'a mut S>) -> Self {
        Self { pieces, piece: None, chunk: Vec::new(), hasher: Hasher::default(), size: 0 }
    }

    /// The next chunk: a full one, or what is there at the end. Nothing is lost where the caller does not wait for it.
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

    /// What has been collected, which is hashed.
    fn take(&mut self) -> Arc<Vec<u8>> {
        let chunk = Arc::new(mem::take(&mut self.chunk));
        self.hasher.update(Arc::clone(&chunk));
        chunk
    }

    /// Takes as much of the piece as the chunk has room for.
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

    /// What the commit tells, where it is not other than what was declared.
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

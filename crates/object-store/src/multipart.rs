//! Multipart uploads: parts of any sizes, cut into the chunks of an upload.
//!
//! The offset of a part is known when it is handed over, because the parts before it are. A chunk that one part covers is
//! sent from that part. A chunk that several parts share is collected until all of its bytes have arrived. So memory holds
//! at most one incomplete chunk of 2 MiB for each boundary between parts that are still under way, and never a whole object.
//!
//! An upload is completed when all of its parts were sent to their end, and refused before. If that fails, it stays open for
//! another attempt or an abort. An abort leaves no upload, also if a part is under way; parts that come later are refused.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{Attributes, MultipartUpload, PutPayload, PutResult, Result, UploadPart, path::Path};
use stable_storage_api::{Condition, PutArgs, UploadArgs, UploadEnd, limits::CHUNK_BYTES};
use storage_client::{Client, Transport};

use crate::{
    attributes::Described,
    error::{generic, of_call},
    shared::SharedUpload,
    write::{identified, put_result, upload_args},
};

/// Number of chunks of one part that are sent at the same time.
const CONCURRENCY: usize = 4;

/// A multipart upload.
pub(crate) struct Multipart<T> {
    open: Arc<Open<T>>,
    /// Number of bytes of the parts so far.
    size: u64,
}

/// What the parts of an upload share.
struct Open<T> {
    client: Arc<Client<T>>,
    args: UploadArgs,
    /// The upload, which the first complete chunk opens. An object of less than a chunk does not need one.
    upload: SharedUpload<T>,
    /// Number of parts with bytes that were handed over and are not sent to their end.
    unfinished: AtomicUsize,
    incomplete: Mutex<BTreeMap<u64, Incomplete>>,
}

/// A chunk that several parts share.
struct Incomplete {
    bytes: Vec<u8>,
    /// Number of bytes that have arrived.
    arrived: usize,
}

impl<T: Transport + 'static> Multipart<T> {
    /// Prepares an upload. No call is made before the first chunk is complete.
    pub(crate) fn new(client: Arc<Client<T>>, location: &Path, attributes: &Attributes) -> Result<Self> {
        let args = upload_args(location.as_ref(), Described::of(attributes)?, Condition::Any);
        args.check().map_err(generic)?;
        let upload = SharedUpload::new(Arc::clone(&client), identified(&args)?);
        let open =
            Open { client, args, upload, unfinished: AtomicUsize::new(0), incomplete: Mutex::default() };
        Ok(Self { open: Arc::new(open), size: 0 })
    }
}

impl<T> fmt::Debug for Multipart<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Multipart")
            .field("key", &self.open.args.key)
            .field("upload", &self.open.upload.opened())
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl<T: Transport + 'static> MultipartUpload for Multipart<T> {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let open = Arc::clone(&self.open);
        let length = data.content_length() as u64;
        if length == 0 || open.upload.check_open().is_err() {
            return Box::pin(async move { open.upload.check_open() });
        }
        let start = self.size;
        self.size += length;
        open.unfinished.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            open.upload.check_open()?;
            open.send_part(start, data).await?;
            open.unfinished.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.open.upload.check_open()?;
        let result = self.open.complete(self.size).await?;
        self.open.upload.end_with_commit();
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.open.incomplete().clear();
        self.open.upload.abort().await
    }
}

impl<T: Transport + 'static> Open<T> {
    fn error(&self, error: storage_client::ClientError) -> object_store::Error {
        of_call(&self.args.key, error)
    }

    fn incomplete(&self) -> MutexGuard<'_, BTreeMap<u64, Incomplete>> {
        self.incomplete.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the chunks that a part covers or completes.
    async fn send_part(&self, start: u64, data: PutPayload) -> Result<()> {
        let end = start + data.content_length() as u64;
        let chunks = start / CHUNK_BYTES..end.div_ceil(CHUNK_BYTES);
        stream::iter(chunks)
            .map(|index| {
                let chunk = index * CHUNK_BYTES..(index + 1) * CHUNK_BYTES;
                let of_chunk = chunk.start.max(start) - chunk.start..chunk.end.min(end) - chunk.start;
                let of_part = chunk.start.max(start) - start..chunk.end.min(end) - start;
                let bytes = self.collect(index, &of_chunk, |to| copy(&data, &of_part, to));
                async move {
                    match bytes {
                        Some(bytes) => self.send(index, &bytes).await,
                        None => Ok(()),
                    }
                }
            })
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await
    }

    /// Adds bytes to a chunk, and returns it if it is complete.
    fn collect(&self, index: u64, range: &Range<u64>, fill: impl FnOnce(&mut [u8])) -> Option<Vec<u8>> {
        let range = range.start as usize..range.end as usize;
        if range.len() as u64 == CHUNK_BYTES {
            let mut bytes = vec![0; range.len()];
            fill(&mut bytes);
            return Some(bytes);
        }
        let mut incomplete = self.incomplete();
        let chunk = incomplete.entry(index).or_insert_with(|| Incomplete { bytes: Vec::new(), arrived: 0 });
        if chunk.bytes.len() < range.end {
            chunk.bytes.resize(range.end, 0);
        }
        chunk.arrived += range.len();
        fill(&mut chunk.bytes[range]);
        let is_complete = chunk.arrived as u64 == CHUNK_BYTES;
        is_complete.then(|| incomplete.remove(&index)).flatten().map(|chunk| chunk.bytes)
    }

    /// Sends a chunk. The first one opens the upload.
    async fn send(&self, index: u64, bytes: &[u8]) -> Result<()> {
        let upload = self.upload.id().await?;
        self.client.write_chunk(upload, index, bytes).await.map_err(|error| self.error(error))?;
        Ok(())
    }

    /// Sends the last chunk and commits.
    async fn complete(&self, size: u64) -> Result<PutResult> {
        if self.unfinished.load(Ordering::SeqCst) > 0 {
            return Err(unfinished());
        }
        let last = size / CHUNK_BYTES;
        let rest = self.rest(last, (size % CHUNK_BYTES) as usize)?;
        if last == 0 {
            return self.put(rest).await;
        }
        if !rest.is_empty() {
            self.send(last, &rest).await?;
        }
        let upload = self.upload.id().await?;
        let (args, end) = (self.upload.args(), UploadEnd { size, sha256: None });
        let before = self.client.revision_before_commit(args, false).await;
        let before = before.map_err(|error| self.error(error))?;
        let written = self.client.commit_reliably(upload, args, &end, before).await;
        Ok(put_result(written.map_err(|error| self.error(error))?.revision))
    }

    /// Returns the bytes of the last chunk, which is shorter than the others. No other chunk may be incomplete.
    fn rest(&self, last: u64, length: usize) -> Result<Vec<u8>> {
        let incomplete = self.incomplete();
        let chunk = incomplete.get(&last);
        let others = incomplete.len() - usize::from(chunk.is_some());
        match (chunk, others) {
            (None, 0) if length == 0 => Ok(Vec::new()),
            (Some(chunk), 0) if chunk.arrived == length => Ok(chunk.bytes.clone()),
            _ => Err(unfinished()),
        }
    }

    /// Stores an object of less than a chunk.
    async fn put(&self, value: Vec<u8>) -> Result<PutResult> {
        let UploadArgs { key, content_type, content_encoding, metadata, condition, .. } = self.args.clone();
        let put = PutArgs { content_type, content_encoding, metadata, condition, ..PutArgs::new(key, value) };
        let written = self.client.put_with(put).await.map_err(|error| self.error(error))?;
        Ok(put_result(written.revision))
    }
}

fn unfinished() -> object_store::Error {
    generic("a part of the upload was not sent to its end")
}

/// Copies a range of a payload, which may consist of several buffers.
fn copy(data: &PutPayload, range: &Range<u64>, to: &mut [u8]) {
    let mut offset = 0;
    for buffer in data {
        let (start, end) = (offset, offset + buffer.len() as u64);
        let (first, last) = (start.max(range.start), end.min(range.end));
        if first < last {
            let at = (first - range.start) as usize..(last - range.start) as usize;
            to[at].copy_from_slice(&buffer[(first - start) as usize..(last - start) as usize]);
        }
        offset = end;
    }
}

//! `PutObject`, and storing a body under any key.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use s3s::{
    S3Request, S3Result,
    dto::{ETag, PutObjectInput, PutObjectOutput},
    s3_error,
};
use stable_storage_api::{UploadArgs, limits::CHUNK_BYTES};
use storage_client::{TransferOptions, Transport};

use crate::{
    body::{self, Checked},
    conditions,
    error::of_transfer,
    etag,
    headers::{described, with_pair},
    keys,
    store::Store,
    sums::{Sums, Verified, given},
};

/// A body that was stored.
pub(crate) struct Stored {
    pub(crate) verified: Verified,
    pub(crate) etag: String,
    pub(crate) size: u64,
}

/// Stores an object.
pub(crate) async fn put<T: Transport>(
    store: &Store<T>,
    mut request: S3Request<PutObjectInput>,
) -> S3Result<PutObjectOutput> {
    let given = given!(request);
    let mut input = request.input;
    let key = keys::object_key(&input.bucket, &input.key)?;
    store.require_bucket(&input.bucket).await?;
    let (if_match, if_none_match) = (input.if_match.as_ref(), input.if_none_match.as_ref());
    let condition = conditions::of_write(store, &key, if_match, if_none_match).await?;
    let args = UploadArgs {
        condition: Some(condition.clone()),
        ..described!(input, request.extensions).args(&key)?
    };
    let body = Checked::new(body::pieces(input.body), Sums::new(given)?);
    let stored = self::store(store, args, body).await;
    let Stored { verified, etag, size } = stored.map_err(|error| conditions::named(error, &condition))?;
    let checksum = verified.checksum;
    Ok(PutObjectOutput {
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        e_tag: Some(ETag::Strong(etag)),
        size: i64::try_from(size).ok(),
        ..Default::default()
    })
}

/// Stores a body and records its ETag. A few pieces of it are in memory.
///
/// The ETag is the MD5 where it is known in time: if the body fits one chunk, or the client gives it. The metadata of a
/// larger object is sent before its last byte has arrived.
///
/// # Errors
/// Those of the body, which is verified before the commit, and of the calls.
pub(crate) async fn store<T: Transport, S>(
    store: &Store<T>,
    args: UploadArgs,
    mut body: Checked<S>,
) -> S3Result<Stored>
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin,
{
    let given_md5 = body.given_md5();
    let start = first_chunk(&mut body).await?;
    let small = body.verified();
    let md5 = small.as_ref().map(|verified| verified.md5.clone()).or(given_md5);
    let args = match &md5 {
        Some(md5) => with_pair(args, etag::pair(md5))?,
        None => args,
    };
    let pieces = stream::iter(start.into_iter().map(io::Result::Ok)).chain(&mut body);
    let options = TransferOptions::default();
    let (written, end) = store.client().upload_stream(pieces, &args, options).await.map_err(of_transfer)?;
    let verified = small.or_else(|| body.verified()).ok_or_else(|| s3_error!(IncompleteBody))?;
    let sha256 = end.sha256.as_ref().map(|digest| digest.as_slice());
    let etag = md5.unwrap_or_else(|| etag::without_md5(sha256, written.revision));
    Ok(Stored { verified, etag, size: end.size })
}

/// Reads more than a chunk, or all of a body that is not larger, which is verified then.
async fn first_chunk<S>(body: &mut Checked<S>) -> S3Result<Vec<Bytes>>
where
    S: Stream<Item = io::Result<Bytes>> + Unpin,
{
    let (mut pieces, mut size) = (Vec::new(), 0);
    while size <= CHUNK_BYTES {
        let Some(piece) = body.next().await else { break };
        let piece = piece
            .map_err(|error| of_transfer(storage_client::TransferError::Read { offset: size, error }))?;
        size += piece.len() as u64;
        pieces.push(piece);
    }
    Ok(pieces)
}

//! Multipart uploads whose parts have no known offsets, as `MultipartStore` has them.
//!
//! ```text
//! :multipart/uploads/ID       the path, with the attributes of the object to be
//! :multipart/parts/ID/INDEX   a part
//! ```
//!
//! The canister puts the parts together when the upload is completed. Keys that start with `:multipart/` are not listed, nor those
//! of the S3 gateway.

use std::io;

use futures_util::stream;
use object_store::{
    Attributes, Error, MultipartId, PutPayload, PutResult, Result, multipart::PartId, path::Path,
};
use stable_storage_api::{Condition, Error as Reason, Object, ObjectInfo, PutArgs, UploadArgs};
use storage_client::{Client, Piece, TransferOptions, Transport};

use crate::{
    attributes::Described,
    error::{generic, of_call, of_transfer},
    meta::RESERVED,
    write::{ID_BYTES, identified, put_result, random_id, upload_args},
};

fn record_key(id: &str) -> String {
    format!("{RESERVED}uploads/{id}")
}

fn parts_prefix(id: &str) -> String {
    format!("{RESERVED}parts/{id}/")
}

fn part_key(id: &str, index: usize) -> String {
    format!("{}{index:010}", parts_prefix(id))
}

/// Records an upload to a path, and returns its identifier.
pub(crate) async fn create<T: Transport>(
    client: &Client<T>,
    path: &Path,
    attributes: &Attributes,
) -> Result<MultipartId> {
    let id = random_id()?;
    let UploadArgs { content_type, content_encoding, metadata, .. } =
        upload_args(path.as_ref(), Described::of(attributes)?, Condition::Any);
    let record = PutArgs {
        content_type,
        content_encoding,
        metadata,
        ..PutArgs::new(record_key(&id), path.as_ref().as_bytes())
    };
    client.put_with(record).await.map_err(|error| of_call(path.as_ref(), error))?;
    Ok(id)
}

/// Stores a part. A part that is sent again replaces the earlier one.
pub(crate) async fn put<T: Transport>(
    client: &Client<T>,
    path: &Path,
    id: &MultipartId,
    index: usize,
    data: PutPayload,
) -> Result<PartId> {
    find(client, path, id).await?;
    let pieces = stream::iter(data.into_iter().map(io::Result::Ok));
    let args = UploadArgs::unsized_new(part_key(id, index));
    let stored = client.upload_stream(pieces, &args, TransferOptions::default()).await;
    let (written, end) = stored.map_err(|error| of_transfer(path.as_ref(), error))?;
    // If the upload has ended in the meantime, no other call removes this part.
    if let Err(error) = client.stat_replicated(&record_key(id)).await {
        let _ = client.delete(&args.key).await;
        return Err(of_call(path.as_ref(), error));
    }
    Ok(PartId { content_id: format!("{}-{}", written.revision, end.size) })
}

/// Puts the parts together, in the canister, and removes the upload.
pub(crate) async fn complete<T: Transport>(
    client: &Client<T>,
    path: &Path,
    id: &MultipartId,
    parts: Vec<PartId>,
) -> Result<PutResult> {
    let ObjectInfo { content_type, content_encoding, metadata, .. } = find(client, path, id).await?;
    let args =
        UploadArgs { content_type, content_encoding, metadata, ..UploadArgs::unsized_new(path.as_ref()) };
    let parts = parts.iter().enumerate().map(|(index, part)| source(id, index, part));
    let parts = parts.collect::<Result<Vec<_>>>()?;
    let composed = client.compose(&parts, &identified(&args)?, TransferOptions::default()).await;
    let (written, _) = composed.map_err(|error| of_transfer(path.as_ref(), error))?;
    // The object is stored. If this fails, the parts stay until the upload is aborted.
    let _ = remove(client, path, id).await;
    Ok(put_result(written.revision))
}

/// Removes an upload and its parts.
pub(crate) async fn abort<T: Transport>(client: &Client<T>, path: &Path, id: &MultipartId) -> Result<()> {
    find(client, path, id).await?;
    remove(client, path, id).await
}

/// Removes the parts of an upload, then its record, so that what fails can be repeated; then the parts that came in between.
async fn remove<T: Transport>(client: &Client<T>, path: &Path, id: &str) -> Result<()> {
    let error = |error| of_call(path.as_ref(), error);
    client.delete_all(&parts_prefix(id)).await.map_err(error)?;
    client.delete(&record_key(id)).await.map_err(error)?;
    client.delete_all(&parts_prefix(id)).await.map_err(error)?;
    Ok(())
}

/// Returns the metadata of the record of an upload to a path.
///
/// # Errors
/// `NotFound` if there is no such upload.
async fn find<T: Transport>(client: &Client<T>, path: &Path, id: &str) -> Result<ObjectInfo> {
    let none = || Error::NotFound {
        path: path.to_string(),
        source: format!("there is no multipart upload {id:?} to this path").into(),
    };
    let is_id = id.len() == 2 * ID_BYTES && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(none());
    }
    match client.get_with_info_confirmed(&record_key(id)).await {
        Ok(Object { info, value }) if value.as_slice() == path.as_ref().as_bytes() => Ok(info),
        Ok(_) => Err(none()),
        Err(error) if error.storage_error() == Some(&Reason::NotFound) => Err(none()),
        Err(error) => Err(of_call(path.as_ref(), error)),
    }
}

/// Returns a part as a source of bytes.
fn source(id: &str, index: usize, part: &PartId) -> Result<Piece> {
    let numbers = part
        .content_id
        .split_once('-')
        .and_then(|(revision, size)| Some((revision.parse::<u64>().ok()?, size.parse::<u64>().ok()?)));
    let (revision, size) =
        numbers.ok_or_else(|| generic(format!("part {index} has another store's identifier")))?;
    Ok(Piece { key: part_key(id, index), revision, range: 0..size })
}

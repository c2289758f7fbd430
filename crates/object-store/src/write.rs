//! Storing and copying objects.

use std::io;

use futures_util::stream;
use object_store::{
    CopyMode, CopyOptions, PutMode, PutOptions, PutPayload, PutResult, RenameOptions, RenameTargetMode,
    Result, path::Path,
};
use stable_storage_api::{Condition, CopyArgs, Error, MetadataPair, UploadArgs, headers};
use storage_client::{Client, TransferError, TransferOptions, Transport};

use crate::{
    attributes::Described,
    error::{generic, of_call, of_transfer, precondition},
    meta::{e_tag, required},
};

/// Returns the arguments of an upload of an object with these attributes.
pub(crate) fn upload_args(key: &str, described: Described, condition: Condition) -> UploadArgs {
    let Described { content_type, content_encoding, metadata } = described;
    UploadArgs {
        content_type,
        content_encoding,
        metadata,
        condition: Some(condition),
        ..UploadArgs::unsized_new(key)
    }
}

/// Number of bytes of a random identifier.
pub(crate) const ID_BYTES: usize = 16;

/// Returns a random identifier in hexadecimal.
pub(crate) fn random_id() -> Result<String> {
    let mut bytes = [0; ID_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| generic(format!("no random bytes: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Adds a random identifier to the metadata of an upload without a digest, by which the client recognises the object if the
/// reply of the commit is lost. Metadata that leaves no space for it stays as it is.
pub(crate) fn identified(args: &UploadArgs) -> Result<UploadArgs> {
    let mut pairs = args.pairs().to_vec();
    pairs.push(MetadataPair::new(headers::UPLOAD, random_id()?));
    let identified = UploadArgs { metadata: Some(pairs), ..args.clone() };
    Ok(if identified.check().is_ok() { identified } else { args.clone() })
}

/// Returns the result of a write that has this revision.
pub(crate) fn put_result(revision: u64) -> PutResult {
    PutResult { e_tag: Some(e_tag(revision)), version: None, extensions: Default::default() }
}

/// Stores a payload of any size on a condition.
pub(crate) async fn put<T: Transport>(
    client: &Client<T>,
    location: &Path,
    payload: PutPayload,
    options: PutOptions,
) -> Result<PutResult> {
    let key = location.as_ref();
    let condition = match &options.mode {
        PutMode::Overwrite => Condition::Any,
        PutMode::Create => Condition::Absent,
        PutMode::Update(version) => Condition::Revision(
            required(version).ok_or_else(|| precondition(key, "no object has this ETag and version"))?,
        ),
    };
    let args = upload_args(key, Described::of(&options.attributes)?, condition);
    let args = UploadArgs { size: Some(payload.content_length() as u64), ..args };
    let pieces = stream::iter(payload.into_iter().map(io::Result::Ok));
    let (written, _) = client
        .upload_stream(pieces, &args, TransferOptions::default())
        .await
        .map_err(|error| of_transfer(key, error))?;
    Ok(put_result(written.revision))
}

/// Copies an object with its metadata, inside the canister.
pub(crate) async fn copy<T: Transport>(
    client: &Client<T>,
    from: &Path,
    to: &Path,
    options: CopyOptions,
) -> Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    let condition = match options.mode {
        CopyMode::Overwrite => Condition::Any,
        CopyMode::Create => Condition::Absent,
    };
    let args = CopyArgs::new(from, to).when(condition);
    let Err(error) = client.copy(&args, TransferOptions::default()).await else { return Ok(()) };
    Err(of_transfer(missing_or(&error, from, to), error))
}

/// Returns the path that an error of a copy is about: what is missing is the source; what exists is the target.
fn missing_or<'p>(error: &TransferError, from: &'p str, to: &'p str) -> &'p str {
    match error {
        TransferError::Client(error) if error.storage_error() == Some(&Error::NotFound) => from,
        _ => to,
    }
}

/// Moves an object in one call.
pub(crate) async fn rename<T: Transport>(
    client: &Client<T>,
    from: &Path,
    to: &Path,
    options: RenameOptions,
) -> Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    let condition = match options.target_mode {
        RenameTargetMode::Overwrite => Condition::Any,
        RenameTargetMode::Create => Condition::Absent,
    };
    let renamed = client.rename_when(from, to, condition).await;
    let Err(error) = renamed else { return Ok(()) };
    // What is missing is the source; what exists is the target.
    let path = if error.storage_error() == Some(&Error::NotFound) { from } else { to };
    Err(of_call(path, error))
}

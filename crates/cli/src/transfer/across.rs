//! Objects to keys in the same store or in another one.

use std::{io, ptr, sync::Arc};

use anyhow::{Error, Result, bail};
use futures_util::{Stream, StreamExt, stream};
use stable_storage_api::{CopyArgs, CopyMetadata, ObjectInfo, UploadArgs, limits::MAX_PAYLOAD_BYTES};
use storage_client::{
    Progress, TransferError, TransferOptions,
    transfer::{Unobserved, read_stream},
};

use super::{
    batch::Batch,
    copy::Copy,
    each,
    plan::Plan,
    tally::{Outcome, Tally},
};
use crate::{
    context::Context,
    failure::{Interrupted, add_help, is_interrupted},
    failures::ends_all,
    store::StoreClient,
    tree::known_digest,
    upload::{self, ObjectSpec},
};

/// Copies the objects of a plan. Ctrl-C aborts the uploads that are open.
pub(super) async fn all(
    from: &StoreClient,
    to: &StoreClient,
    context: &Context,
    plan: &Plan,
    tally: &mut Tally<'_>,
) -> Result<()> {
    let make = async |copy: &Copy, progress: &dyn Progress| one(from, to, context, copy, progress).await;
    // The stores of a command are opened once.
    if ptr::eq(from, to) {
        return each::copy(context, plan, tally, make).await;
    }
    each::copy_in_batches(from, context, plan, tally, make, async |values, add| {
        let (mut batch, mut ended) = (Batch::default(), Ok(()));
        for (copy, value) in values {
            let Copy::Across { spec, .. } = copy else { continue };
            if batch.push(copy, spec, value).is_some() {
                ended = ended.and(add(Outcome::of(copy, one(from, to, context, copy, &Unobserved).await)));
            }
        }
        if context.interrupt.is_pressed() {
            return ended.and(Err(Interrupted.into()));
        }
        ended.and(batch.store(to, add).await)
    })
    .await
}

/// Copies an object. Within a store, the canister copies it, and a step that has begun is completed also after Ctrl-C. To
/// another store, it is streamed: a few pieces of it are in memory.
async fn one(
    from: &StoreClient,
    to: &StoreClient,
    context: &Context,
    copy: &Copy,
    progress: &dyn Progress,
) -> Result<u64> {
    let Copy::Across { info, spec } = copy else { bail!("only an object can be copied to a store") };
    if context.interrupt.is_pressed() {
        return Err(Interrupted.into());
    }
    if ptr::eq(from, to) {
        to.copy(&within(info, spec), context.transfer(progress)).await?;
        return Ok(info.size);
    }
    let options = context.transfer(progress);
    let mut args = spec.clone().upload(info.size);
    args.sha256 = info.sha256.as_ref().map(|checksum| checksum.digest.clone());
    let pieces = read_stream(from, Arc::new((**info).clone()), 0..info.size, options.concurrency);
    let pieces = until_interrupted(context, pieces);
    match info.size > MAX_PAYLOAD_BYTES && known_digest(info).is_some() {
        true => resumable(to, context, pieces, &args, options).await?,
        false => drop(to.upload_stream(pieces, &args, options).await.map_err(cause)?),
    }
    Ok(info.size)
}

/// Uploads an object of known digest, or resumes the upload of an earlier copy that was killed or whose network failed. If it
/// cannot be resumed, because the object has changed or cannot be stored, it is aborted. So it is after Ctrl-C.
async fn resumable(
    to: &StoreClient,
    context: &Context,
    pieces: impl Stream<Item = io::Result<Vec<u8>>>,
    args: &UploadArgs,
    options: TransferOptions<'_>,
) -> Result<()> {
    let id = upload::open(to, context, args).await?;
    let Err(error) = to.resume_stream(id, pieces, args, options).await.map_err(cause) else { return Ok(()) };
    if is_interrupted(&error) || !ends_all(&error) {
        // If that fails, it expires.
        let _ = to.abort_upload(id).await;
        return Err(error);
    }
    Err(add_help(error, format!("upload {id} is incomplete"), "resume it with the same command"))
}

/// Returns the arguments of a copy within a store.
pub(super) fn within(info: &ObjectInfo, spec: &ObjectSpec) -> CopyArgs {
    let ObjectSpec { key, content_type, content_encoding, metadata, condition } = spec.clone();
    let is_same = content_type == info.content_type
        && content_encoding == info.content_encoding
        && metadata == info.metadata;
    let metadata = CopyMetadata { content_type, content_encoding, metadata };
    CopyArgs {
        from: info.key.clone(),
        to: key,
        condition: Some(condition),
        revision: Some(info.revision),
        sha256: None,
        metadata: (!is_same).then_some(metadata),
    }
}

/// Returns the stream, which ends with an error on Ctrl-C.
fn until_interrupted<S>(context: &Context, pieces: S) -> impl Stream<Item = io::Result<Vec<u8>>>
where
    S: Stream<Item = Result<Vec<u8>, TransferError>>,
{
    stream::unfold(Box::pin(pieces), move |mut pieces| async move {
        tokio::select! {
            biased;
            () = context.interrupt.wait() => Some((Err(io::Error::other(Interrupted)), pieces)),
            piece = pieces.next() => Some((piece?.map_err(io::Error::other), pieces)),
        }
    })
}

/// Returns the error of reading the source, instead of one that wraps it.
fn cause(error: TransferError) -> Error {
    match error {
        TransferError::Read { offset, error } => match error.downcast::<TransferError>() {
            Ok(cause) => cause.into(),
            Err(error) => match error.downcast::<Interrupted>() {
                Ok(interrupted) => interrupted.into(),
                Err(error) => TransferError::Read { offset, error }.into(),
            },
        },
        error => error.into(),
    }
}

//! Storing content of any size, and resuming uploads.

use std::io::Read;

use anyhow::{Result, anyhow};
use serde_bytes::ByteBuf;
use sha2::{Digest as _, Sha256};
use stable_storage_api::{Condition, MetadataPair, PutArgs, UploadArgs};
use storage_client::{Progress, TransferError, TransferOptions};

use crate::{
    context::Context,
    disk_space,
    failure::{Changed, Interrupted, add_help},
    input::{Input, LargeInput},
    store::StoreClient,
    stream,
};

/// Object that was stored.
pub(crate) struct Stored {
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) revision: u64,
}

/// Key, metadata and condition of an object to store.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObjectSpec {
    pub(crate) key: String,
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) metadata: Option<Vec<MetadataPair>>,
    pub(crate) condition: Condition,
}

impl ObjectSpec {
    /// Returns the arguments of a put of these bytes.
    pub(crate) fn put(self, value: Vec<u8>) -> PutArgs {
        let Self { key, content_type, content_encoding, metadata, condition } = self;
        let put = PutArgs::new(key, value).when(condition);
        PutArgs { content_type, content_encoding, metadata, ..put }
    }

    /// Returns the arguments of an upload of `size` bytes.
    pub(crate) fn upload(self, size: u64) -> UploadArgs {
        let Self { key, content_type, content_encoding, metadata, condition } = self;
        let condition = Some(condition);
        UploadArgs { content_type, content_encoding, metadata, condition, ..UploadArgs::new(key, size) }
    }
}

/// Stores content under a key, with progress bars.
pub(crate) async fn store(
    client: &StoreClient,
    context: &Context,
    input: Input,
    spec: ObjectSpec,
) -> Result<Stored> {
    match input {
        Input::Small(value) => {
            let (key, size) = (spec.key.clone(), value.len() as u64);
            let revision = client.put_with(with_digest(spec.put(value))).await?.revision;
            Ok(Stored { key, size, revision })
        }
        Input::Large(input) => {
            disk_space::check(client, &spec.key, input.size()).await?;
            let sha256 = {
                let bar = context.bars.bar("hashing", input.size());
                input.sha256(&bar).await?
            };
            let bar = context.bars.bar("storing", input.size());
            upload(client, context, input, spec, sha256, &bar).await
        }
    }
}

/// Stores a stream, with bounded memory. If it fails, nothing is stored and no upload stays open.
pub(crate) async fn store_stream(
    client: &StoreClient,
    context: &Context,
    source: impl Read + Send + 'static,
    spec: ObjectSpec,
) -> Result<Stored> {
    let key = spec.key.clone();
    let args = UploadArgs { size: None, ..spec.upload(0) };
    let counter = context.bars.counter("storing");
    let progress = counter.part(0);
    let stored =
        client.upload_stream(stream::pieces(source, context), &args, context.transfer(&progress)).await;
    let stored = stored.map(|(written, end)| Stored { key, size: end.size, revision: written.revision });
    stored.map_err(|error| match error {
        TransferError::Read { error, .. }
            if error.get_ref().is_some_and(|cause| cause.is::<Interrupted>()) =>
        {
            anyhow!(Interrupted).context("nothing was stored")
        }
        error => error.into(),
    })
}

/// Adds the SHA-256 of the bytes, so that they can be compared later without reading them.
pub(crate) fn with_digest(mut args: PutArgs) -> PutArgs {
    args.sha256 = Some(ByteBuf::from(Sha256::digest(&args.value).to_vec()));
    args
}

/// Uploads content with a known SHA-256, or resumes an open upload of the same content.
pub(crate) async fn upload(
    client: &StoreClient,
    context: &Context,
    mut input: LargeInput,
    spec: ObjectSpec,
    sha256: [u8; 32],
    progress: &dyn Progress,
) -> Result<Stored> {
    let args = UploadArgs { sha256: Some(ByteBuf::from(sha256)), ..spec.upload(input.size()) };
    let id = open(client, context, &args).await?;
    finish(client, context, &mut input, &args, id, progress).await
}

/// Returns the open upload with these arguments, which an earlier command has left, or opens one.
pub(crate) async fn open(client: &StoreClient, context: &Context, args: &UploadArgs) -> Result<u64> {
    match client.find_upload(args).await? {
        Some(id) => {
            context.output.note(&format!("resuming upload {id}"));
            Ok(id)
        }
        None => Ok(client.create_upload(args).await?.id),
    }
}

/// Sends the missing chunks of an upload, and commits it.
pub(crate) async fn finish(
    client: &StoreClient,
    context: &Context,
    input: &mut LargeInput,
    args: &UploadArgs,
    id: u64,
    progress: &dyn Progress,
) -> Result<Stored> {
    let options = TransferOptions { resume: Some(id), ..context.transfer(progress) };
    let done = tokio::select! {
        biased;
        () = context.interrupt.wait() => {
            return Err(incomplete(Interrupted, id));
        }
        done = client.upload(input, args, options) => done,
    };
    match done {
        Ok(written) => Ok(Stored { key: args.key.clone(), size: input.size(), revision: written.revision }),
        Err(error) if has_changed(&error) => {
            // Its chunks are of two versions of the file, so it cannot be resumed. If it cannot be aborted, it expires.
            let _ = client.abort_upload(id).await;
            Err(Changed.into())
        }
        Err(error) => Err(incomplete(error, id)),
    }
}

/// Adds to an error that the upload stays open, and how to resume it.
fn incomplete(error: impl Into<anyhow::Error>, id: u64) -> anyhow::Error {
    let help = format!(
        "resume it with the same command, or with: storage uploads resume {id} FILE; discard it with: storage uploads abort {id}"
    );
    add_help(error, format!("upload {id} is incomplete"), help)
}

/// Returns whether the source has changed since the start.
fn has_changed(error: &TransferError) -> bool {
    match error {
        TransferError::SourceEndsEarly { .. }
        | TransferError::SourceIsLonger { .. }
        | TransferError::SourceChanged { .. } => true,
        TransferError::Read { error, .. } => error.get_ref().is_some_and(|cause| cause.is::<Changed>()),
        _ => false,
    }
}

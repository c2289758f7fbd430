//! Storing content of any size, and going on with what was begun.

use std::io::Read;

use anyhow::{Context as _, Result, anyhow};
use serde_bytes::ByteBuf;
use sha2::{Digest as _, Sha256};
use stable_storage_api::{Condition, MetadataPair, PutArgs, UploadArgs};
use storage_client::{Progress, TransferError, TransferOptions};

use crate::{
    context::Context,
    failure::Interrupted,
    input::{Changed, Input, LargeInput},
    room,
    store::StoreClient,
    stream,
};

/// What was stored.
pub(crate) struct Stored {
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) revision: u64,
}

/// What an object is to be.
#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) key: String,
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) metadata: Option<Vec<MetadataPair>>,
    pub(crate) condition: Condition,
}

impl Wanted {
    /// An upload of so many bytes of it.
    fn upload(self, size: u64) -> UploadArgs {
        let Self { key, content_type, content_encoding, metadata, condition } = self;
        let condition = Some(condition);
        UploadArgs { content_type, content_encoding, metadata, condition, ..UploadArgs::new(key, size) }
    }
}

/// Stores content under a key, with bars on the way.
pub(crate) async fn store(
    client: &StoreClient,
    context: &Context,
    input: Input,
    wanted: Wanted,
) -> Result<Stored> {
    match input {
        Input::Small(value) => {
            let Wanted { key, content_type, content_encoding, metadata, condition } = wanted;
            let size = value.len() as u64;
            let put = PutArgs::new(key.clone(), value).when(condition);
            let args = PutArgs { content_type, content_encoding, metadata, ..put };
            let revision = client.put_with(with_digest(args)).await?.revision;
            Ok(Stored { key, size, revision })
        }
        Input::Large(input) => {
            room::check(client, &wanted.key, input.size()).await?;
            let sha256 = {
                let bar = context.bars.bar("hashing", input.size());
                input.sha256(&bar).await?
            };
            let bar = context.bars.bar("storing", input.size());
            upload(client, context, input, wanted, sha256, &bar).await
        }
    }
}

/// Stores what comes once, with bounded memory. Where it breaks off, nothing is stored and no upload stays open.
pub(crate) async fn store_stream(
    client: &StoreClient,
    context: &Context,
    source: impl Read + Send + 'static,
    wanted: Wanted,
) -> Result<Stored> {
    let key = wanted.key.clone();
    let args = UploadArgs { size: None, ..wanted.upload(0) };
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

/// The same put with the SHA-256 of its bytes, so that nobody has to read them to know them again.
pub(crate) fn with_digest(mut args: PutArgs) -> PutArgs {
    args.sha256 = Some(ByteBuf::from(Sha256::digest(&args.value).to_vec()));
    args
}

/// Uploads content whose SHA-256 is known, or goes on with an upload of the same that is open.
pub(crate) async fn upload(
    client: &StoreClient,
    context: &Context,
    mut input: LargeInput,
    wanted: Wanted,
    sha256: [u8; 32],
    progress: &dyn Progress,
) -> Result<Stored> {
    let args = UploadArgs { sha256: Some(ByteBuf::from(sha256)), ..wanted.upload(input.size()) };
    let id = match client.find_upload(&args).await? {
        Some(id) => {
            context.output.note(&format!("resuming upload {id}"));
            id
        }
        None => client.create_upload(&args).await?.id,
    };
    finish(client, context, &mut input, &args, id, progress).await
}

/// Sends what an upload lacks, and commits it.
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
            return Err(Interrupted).context(stays_open(id));
        }
        done = client.upload(input, args, options) => done,
    };
    match done {
        Ok(written) => Ok(Stored { key: args.key.clone(), size: input.size(), revision: written.revision }),
        Err(error) if has_changed(&error) => {
            // Its chunks are of two versions of the file, so nobody can go on with it. Where it cannot be ended, it expires.
            let _ = client.abort_upload(id).await;
            Err(Changed.into())
        }
        Err(error) => Err(error).context(stays_open(id)),
    }
}

fn stays_open(id: u64) -> String {
    format!(
        "upload {id} is incomplete and stays open, storage uploads ls tells until when; to resume it, run the same command again, or \
         storage uploads resume {id} FILE; to give it up, storage uploads abort {id}"
    )
}

/// Whether the source is another one than at the start.
fn has_changed(error: &TransferError) -> bool {
    match error {
        TransferError::SourceEndsEarly { .. }
        | TransferError::SourceIsLonger { .. }
        | TransferError::SourceChanged { .. } => true,
        TransferError::Read { error, .. } => error.get_ref().is_some_and(|cause| cause.is::<Changed>()),
        _ => false,
    }
}

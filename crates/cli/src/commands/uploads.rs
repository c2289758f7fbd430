//! The command `uploads`, for incomplete uploads.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Serialize;
use stable_storage_api::{Error, Upload, UploadArgs, UploadStatus};
use storage_client::ClientError;

use super::objects::tell_change;
use crate::{
    args::UploadsCommand,
    context::Context,
    failure::{NotFound, with_help},
    input::Input,
    output::Output,
    size::Sizes,
    store::StoreClient,
    text,
    time::rfc3339,
    upload::{Stored, finish},
    view,
};

pub(crate) async fn run(client: &StoreClient, context: &Context, command: UploadsCommand) -> Result<()> {
    match command {
        UploadsCommand::Ls(human) => ls(client, &context.output.human(&human)).await,
        UploadsCommand::Resume { id, file } => resume(client, context, id, &file).await,
        UploadsCommand::Abort { id } => abort(client, &context.output, id).await,
    }
}

async fn ls(client: &StoreClient, output: &Output) -> Result<()> {
    let uploads = client.list_uploads().await?;
    let views: Vec<_> = uploads.iter().map(view::Upload::new).collect();
    output.print(&views, |_| uploads.iter().map(|upload| describe(upload, output.sizes)).collect())
}

/// Resumes an upload with a known identifier.
async fn resume(client: &StoreClient, context: &Context, id: u64, file: &Path) -> Result<()> {
    let status = client.upload_status(id).await.map_err(|error| explain(error, id))?;
    let UploadStatus {
        upload, content_type, content_encoding, metadata, sha256: declared, condition, ..
    } = status;
    let Upload { key, size: Some(size), .. } = upload else {
        return Err(with_help(
            format!("upload {id} of a stream cannot be resumed"),
            format!("discard it with: storage uploads abort {id}"),
        ));
    };
    let input = Input::open(file, &context.output.idle)?;
    if input.size() != size {
        bail!(
            "{} is not the file of upload {id} ({key:?}): it has {}, the upload {}",
            text::path(file),
            context.output.sizes.full(input.size()),
            context.output.sizes.full(size)
        );
    }
    let mut input = input.into_large()?;
    let sha256 = {
        let bar = context.bars.bar("hashing", size);
        input.sha256(&bar).await?
    };
    // Chunks of two different files would make a corrupt object.
    if declared.as_ref().is_some_and(|declared| declared.as_slice() != sha256) {
        bail!("{} is not the file of upload {id} ({key:?}): the SHA-256 differs", text::path(file));
    }
    // The upload is resumed with the arguments that it was opened with.
    let args = UploadArgs {
        content_type,
        content_encoding,
        metadata,
        sha256: declared,
        condition: Some(condition.into()),
        ..UploadArgs::new(key, size)
    };
    let stored = {
        let bar = context.bars.bar("storing", size);
        finish(client, context, &mut input, &args, id, &bar).await
    };
    let Stored { key, revision, .. } =
        stored.with_context(|| format!("cannot store {}", text::path(file)))?;
    let text = format!("stored {} under {key:?}, revision {revision}", context.output.sizes.full(size));
    tell_change(client, &context.output, &key, revision, &text).await
}

/// Aborted upload, as JSON.
#[derive(Serialize)]
struct Aborted {
    aborted: u64,
}

async fn abort(client: &StoreClient, output: &Output, id: u64) -> Result<()> {
    client.abort_upload(id).await.map_err(|error| explain(error, id))?;
    output.done(&Aborted { aborted: id }, &format!("aborted upload {id}"))
}

fn explain(error: ClientError, id: u64) -> anyhow::Error {
    match error.storage_error() {
        Some(Error::NotFound) => anyhow!(NotFound::upload(id)),
        _ => error.into(),
    }
}

fn describe(status: &UploadStatus, sizes: Sizes) -> String {
    let upload = &status.upload;
    let expires = rfc3339(upload.expires_ns);
    let received = sizes.short(status.received);
    let size = upload.size.map_or_else(|| "unknown size".to_owned(), |size| sizes.full(size));
    format!("{}  {received} of {size}  expires {expires}  {}", upload.id, upload.key)
}

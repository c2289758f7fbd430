//! Commands for objects.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use anyhow::{Context, Error as AnyError, Result, anyhow, bail};
use serde_bytes::ByteBuf;
use storage_api::{Checksum, ChecksumState, Error, ObjectInfo, UploadArgs};
use storage_client::{ClientError, TransferError, TransferOptions};

use crate::{
    input::{Input, LargeInput, is_stream},
    output::Output,
    progress::Bars,
    store::StoreClient,
    target::Target,
    time::rfc3339,
};

pub(crate) async fn put(
    client: &StoreClient,
    output: Output,
    bars: Bars,
    file: &Path,
    key: Option<String>,
) -> Result<()> {
    let key = match key {
        Some(key) => key,
        None => key_of(file)?,
    };
    let info = match Input::open(file)? {
        Input::Small(value) => client.put(&key, &value).await?,
        Input::Large(input) => upload(client, bars, input, key)
            .await
            .with_context(|| format!("cannot store {}", file.display()))?,
    };
    if output.json {
        return output.print(&info, describe);
    }
    output.note(&format!("stored {} bytes under {:?}, revision {}", info.size, info.key, info.revision));
    Ok(())
}

/// Stores what is too large for one put, with its SHA-256.
async fn upload(client: &StoreClient, bars: Bars, mut input: LargeInput, key: String) -> Result<ObjectInfo> {
    let sha256 = input.sha256(bars)?;
    let args = UploadArgs { sha256: Some(ByteBuf::from(sha256)), ..UploadArgs::new(key, input.size) };
    let id = client.create_upload(&args).await?.id;
    let bar = bars.bar("storing", input.size);
    let options = TransferOptions { resume: Some(id), progress: &bar, ..TransferOptions::default() };
    let done = client.upload(&mut input.file, &args, options).await;
    if done.is_err() {
        // Nobody will go on with it, so that its space should not wait for it to expire. Where this fails as well, the
        // first error says more.
        let _ = client.abort_upload(id).await;
    }
    Ok(done?)
}

pub(crate) async fn get(client: &StoreClient, bars: Bars, key: &str, file: Option<&Path>) -> Result<()> {
    match file.filter(|file| !is_stream(file)) {
        // The bar would be drawn into the data where both are shown on one terminal.
        None => download(client, Bars::new(true), key, &mut io::stdout().lock()).await,
        Some(file) if Target::is_device(file) => {
            let mut device = File::options().write(true).open(file);
            let device =
                device.as_mut().map_err(|error| anyhow!("cannot write {}: {error}", file.display()))?;
            download(client, bars, key, device).await
        }
        Some(file) => {
            let mut target = Target::create(file)?;
            download(client, bars, key, target.sink()).await?;
            target.finish()
        }
    }
}

async fn download(client: &StoreClient, bars: Bars, key: &str, sink: &mut impl Write) -> Result<()> {
    let size = client.stat(key).await.map_err(|error| explain(error, key))?.size;
    let bar = bars.bar("reading", size);
    let options = TransferOptions { progress: &bar, ..TransferOptions::default() };
    match client.download(key, sink, options).await {
        Ok(_) => Ok(()),
        Err(TransferError::Client(error)) => Err(explain(error, key)),
        Err(error @ TransferError::WrongDigest { .. }) => {
            Err(AnyError::new(error)
                .context(format!("the bytes under {key:?} are damaged; store them again")))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn ls(client: &StoreClient, output: Output, prefix: &str) -> Result<()> {
    let objects = client.list_all(prefix).await?;
    output.print(&objects, |objects| objects.iter().map(|info| info.key.clone()).collect())
}

pub(crate) async fn stat(client: &StoreClient, output: Output, key: &str) -> Result<()> {
    let info = client.stat(key).await.map_err(|error| explain(error, key))?;
    output.print(&info, describe)
}

pub(crate) async fn rm(client: &StoreClient, output: Output, key: &str) -> Result<()> {
    if client.delete(key).await? {
        output.note(&format!("removed {key:?}"));
        return Ok(());
    }
    bail!("{}", nothing_under(key))
}

pub(crate) async fn mv(client: &StoreClient, output: Output, from: &str, to: &str) -> Result<()> {
    let info = client.rename(from, to).await.map_err(|error| explain(error, from))?;
    output.note(&format!("moved {from:?} to {to:?}, revision {}", info.revision));
    Ok(())
}

fn describe(info: &ObjectInfo) -> Vec<String> {
    vec![
        format!("key           {}", info.key),
        format!("size          {} bytes", info.size),
        format!("revision      {}", info.revision),
        format!("content type  {}", info.content_type.as_deref().unwrap_or("-")),
        format!("created       {}", rfc3339(info.created_ns)),
        format!("modified      {}", rfc3339(info.modified_ns)),
        format!("sha256        {}", info.sha256.as_ref().map_or_else(|| "-".to_owned(), shown)),
    ]
}

fn shown(checksum: &Checksum) -> String {
    let state = match checksum.state {
        ChecksumState::Declared => "declared",
        ChecksumState::Verified => "verified",
        ChecksumState::Mismatch => "declared, and the bytes have another one",
    };
    format!("{} ({state})", hex::encode(&checksum.digest))
}

/// The key of a file that was given without one: its name.
fn key_of(file: &Path) -> Result<String> {
    if is_stream(file) {
        bail!("standard input has no name to store it under; give a key: storage put - KEY");
    }
    let name = file.file_name().with_context(|| format!("{} is not a file", file.display()))?;
    let key = name.to_str().map(str::to_owned);
    key.with_context(|| {
        format!("the name {name:?} is not UTF-8, as keys must be; give a key: storage put FILE KEY")
    })
}

/// Says which key was not found, and where to look.
pub(super) fn explain(error: ClientError, key: &str) -> anyhow::Error {
    match error.storage_error() {
        Some(Error::NotFound) => anyhow!(nothing_under(key)),
        _ => error.into(),
    }
}

fn nothing_under(key: &str) -> String {
    format!("there is no object under {key:?}; storage ls lists the keys")
}

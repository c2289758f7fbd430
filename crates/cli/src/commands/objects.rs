//! Commands for objects.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail};
use storage_api::{Error, ObjectInfo, limits::MAX_PAYLOAD_BYTES};
use storage_client::ClientError;

use crate::{
    output::{Output, note, write_bytes},
    store::StoreClient,
    time::rfc3339,
};

pub(crate) async fn put(
    client: &StoreClient,
    output: Output,
    file: &Path,
    key: Option<String>,
) -> Result<()> {
    let key = match key {
        Some(key) => key,
        None => key_of(file)?,
    };
    let value = read_input(file)?;
    let info = client.put(&key, &value).await?;
    if output.json {
        return output.print(&info, describe);
    }
    note(&format!("stored {} bytes under {:?}, revision {}", info.size, info.key, info.revision));
    Ok(())
}

pub(crate) async fn get(client: &StoreClient, key: &str, file: Option<&Path>) -> Result<()> {
    let value = client.get(key).await.map_err(|error| explain(error, key))?;
    match file.filter(|file| !is_stream(file)) {
        None => write_bytes(&value),
        Some(file) => fs::write(file, &value).with_context(|| format!("cannot write {}", file.display())),
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

pub(crate) async fn rm(client: &StoreClient, key: &str) -> Result<()> {
    if client.delete(key).await? {
        note(&format!("removed {key:?}"));
        return Ok(());
    }
    bail!("{}", nothing_under(key))
}

pub(crate) async fn mv(client: &StoreClient, from: &str, to: &str) -> Result<()> {
    let info = client.rename(from, to).await.map_err(|error| explain(error, from))?;
    note(&format!("moved {from:?} to {to:?}, revision {}", info.revision));
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
    ]
}

/// Whether a path stands for standard input or output.
fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
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

/// The content of a file or of standard input, if it is small enough to be put at once.
fn read_input(file: &Path) -> Result<Vec<u8>> {
    let (name, input): (_, Box<dyn Read>) = if is_stream(file) {
        ("standard input".to_owned(), Box::new(io::stdin().lock()))
    } else {
        let name = file.display().to_string();
        let opened = File::open(file).with_context(|| format!("cannot open {name}"))?;
        (name, Box::new(opened))
    };
    let mut value = Vec::new();
    // One byte more than fits is enough to know that it does not, however much there is.
    input
        .take(MAX_PAYLOAD_BYTES + 1)
        .read_to_end(&mut value)
        .with_context(|| format!("cannot read {name}"))?;
    if value.len() as u64 > MAX_PAYLOAD_BYTES {
        bail!(
            "{name} has more than {MAX_PAYLOAD_BYTES} bytes, the most that one put takes, and larger files cannot be \
             stored yet; split it, for example: split -b {MAX_PAYLOAD_BYTES} FILE"
        );
    }
    Ok(value)
}

/// Says which key was not found, and where to look.
fn explain(error: ClientError, key: &str) -> anyhow::Error {
    match error.storage_error() {
        Some(Error::NotFound) => anyhow!(nothing_under(key)),
        _ => error.into(),
    }
}

fn nothing_under(key: &str) -> String {
    format!("there is no object under {key:?}; storage ls lists the keys")
}

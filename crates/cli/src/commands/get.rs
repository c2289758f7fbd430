//! The command that reads an object.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use anyhow::{Context as _, Error as AnyError, Result, anyhow, bail};
use storage_api::Error;
use storage_client::TransferError;

use super::objects::explain;
use crate::{context::Context, input::is_stream, store::StoreClient, target::Target};

pub(crate) async fn run(
    client: &StoreClient,
    context: &Context,
    key: &str,
    file: Option<&Path>,
) -> Result<()> {
    match file.filter(|file| !is_stream(file)) {
        // The bar would be drawn into the data where both are shown on one terminal.
        None => download(client, &context.without_bars(), key, &mut io::stdout().lock()).await,
        Some(file) if file.is_dir() => {
            bail!("{} is a folder; give the name that the file is to have in it", file.display());
        }
        Some(file) if Target::is_device(file) => {
            let mut device = File::options().write(true).open(file);
            let device =
                device.as_mut().map_err(|error| anyhow!("cannot write {}: {error}", file.display()))?;
            download(client, context, key, device).await
        }
        Some(file) => {
            let mut target = Target::create(file)?;
            download(client, context, key, target.sink()).await?;
            target.finish().with_context(|| format!("cannot write {}", file.display()))
        }
    }
}

async fn download(client: &StoreClient, context: &Context, key: &str, sink: &mut impl Write) -> Result<()> {
    let bar = context.bars.bar("reading", 0);
    match client.download(key, sink, context.transfer(&bar)).await {
        Ok(_) => Ok(()),
        Err(TransferError::Client(error)) => match error.storage_error() {
            Some(Error::RevisionMismatch { .. }) => {
                Err(anyhow!("{key:?} was replaced while it was read; run the command again"))
            }
            _ => Err(explain(error, key)),
        },
        Err(error @ TransferError::WrongDigest { .. }) => {
            Err(AnyError::new(error)
                .context(format!("the bytes under {key:?} are damaged; store them again")))
        }
        Err(error) => Err(error.into()),
    }
}

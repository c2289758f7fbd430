//! The command that reads an object.

use std::{fs::File, io::Write, path::Path};

use anyhow::{Context as _, Error as AnyError, Result, anyhow, bail};
use stable_storage_api::{Error, ObjectInfo};
use storage_client::TransferError;

use super::objects::{explain, is_folder};
use crate::{
    context::Context,
    failure::NotFound,
    idle::Stdout,
    input::is_stream,
    screen::{NoText, Screen},
    store::StoreClient,
    target::Target,
    text,
    view::Object,
};

pub(crate) async fn run(
    client: &StoreClient,
    context: &Context,
    key: &str,
    file: Option<&Path>,
) -> Result<()> {
    match file.filter(|file| !is_stream(file)) {
        None => print(client, context, key).await,
        Some(file) if file.is_dir() => {
            bail!("{} is a folder; give the name that the file is to have in it", text::path(file));
        }
        Some(file) if Target::is_device(file) => {
            let mut device = File::options().write(true).open(file);
            let device =
                device.as_mut().map_err(|error| anyhow!("cannot write {}: {error}", text::path(file)))?;
            download(client, context, key, device).await.map(drop)
        }
        Some(file) => {
            let mut target = Target::create(file)?;
            let info = download(client, context, key, target.sink()).await?;
            target.finish().with_context(|| format!("cannot write {}", text::path(file)))?;
            if context.output.json {
                context.output.print(&Object::new(&info), |_| Vec::new())
            } else {
                Ok(())
            }
        }
    }
}

/// Writes an object to standard output, to a terminal as text.
async fn print(client: &StoreClient, context: &Context, key: &str) -> Result<()> {
    // The bar would be drawn into the data where both are shown on one terminal.
    let context = context.without_bars();
    let mut out = Stdout::open(&context.output.idle);
    if context.output.is_guarded {
        let mut screen = Screen::new(out);
        download(client, &context, key, &mut screen).await?;
        out = screen.finish().with_context(|| format!("cannot show {key:?}"))?;
    } else {
        download(client, &context, key, &mut out).await?;
    }
    Ok(out.finish()?)
}

pub(super) async fn download(
    client: &StoreClient,
    context: &Context,
    key: &str,
    sink: &mut impl Write,
) -> Result<ObjectInfo> {
    let bar = context.bars.bar("reading", 0);
    match client.download(key, sink, context.transfer(&bar)).await {
        Ok(downloaded) => Ok(downloaded.info),
        Err(TransferError::Client(error)) => match error.storage_error() {
            Some(Error::RevisionMismatch { .. }) => {
                Err(anyhow!("{key:?} was replaced while it was read; run the command again"))
            }
            // If this cannot be known either, what is known has to do.
            Some(Error::NotFound) if is_folder(client, key).await.unwrap_or(false) => {
                Err(NotFound::but_folder(key).into())
            }
            _ => Err(explain(error, key)),
        },
        Err(error @ TransferError::WrongDigest { .. }) => {
            Err(AnyError::new(error)
                .context(format!("the bytes under {key:?} are damaged; store them again")))
        }
        Err(TransferError::Write { error, .. })
            if error.get_ref().is_some_and(|error| error.is::<NoText>()) =>
        {
            Err(AnyError::new(error).context(format!("cannot show {key:?}")))
        }
        Err(error) => Err(error.into()),
    }
}

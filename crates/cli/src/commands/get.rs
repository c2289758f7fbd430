//! The command `get`, which reads an object.

use std::{fs::File, io::Write, path::Path};

use anyhow::{Context as _, Error as AnyError, Result, anyhow};
use stable_storage_api::{Error, ObjectInfo};
use storage_client::TransferError;

use super::objects::{explain, is_folder};
use crate::{
    atomic_file::AtomicFile,
    context::Context,
    failure::{NotFound, NotText, add_help, with_help},
    idle::Stdout,
    input::is_stream,
    proof,
    screen::Screen,
    store::StoreClient,
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
            Err(with_help(format!("{} is a folder", text::path(file)), "give the path of a file"))
        }
        Some(file) if AtomicFile::is_device(file) => {
            let mut device = File::options().write(true).open(file);
            let device =
                device.as_mut().map_err(|error| anyhow!("cannot write {}: {error}", text::path(file)))?;
            download(client, context, key, device).await.map(drop)
        }
        Some(file) => {
            let mut target = AtomicFile::create(file)?;
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

/// Writes an object to standard output, on a terminal as text.
async fn print(client: &StoreClient, context: &Context, key: &str) -> Result<()> {
    // On a terminal, a progress bar would be drawn into the data.
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
    let options = context.transfer(&bar);
    let downloaded = match &context.verifier {
        None => client.download(key, sink, options).await,
        Some(verifier) => match client.verified(verifier).download(key, sink, options).await {
            Ok(downloaded) => Ok(downloaded),
            Err(error) => Err(proof::of_transfer(error)?),
        },
    };
    match downloaded {
        Ok(downloaded) => Ok(downloaded.info),
        Err(TransferError::Client(error)) => match error.storage_error() {
            Some(Error::RevisionMismatch { .. }) => {
                Err(with_help(format!("{key:?} was overwritten while it was read"), "run the command again"))
            }
            // If this cannot be determined, the original error is reported.
            Some(Error::NotFound) if is_folder(client, key).await.unwrap_or(false) => {
                Err(NotFound::but_folder(key).into())
            }
            _ => Err(explain(error, key)),
        },
        Err(error @ TransferError::WrongDigest { .. }) => {
            Err(add_help(error, format!("the object under {key:?} is corrupt"), "store it again"))
        }
        Err(TransferError::Write { error, .. })
            if error.get_ref().is_some_and(|error| error.is::<NotText>()) =>
        {
            Err(AnyError::new(error).context(format!("cannot show {key:?}")))
        }
        Err(error) => Err(error.into()),
    }
}

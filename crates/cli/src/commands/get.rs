//! The command `get`, which reads an object.

use std::{
    fs::File,
    io::{self, IsTerminal},
    path::Path,
    time::Instant,
};

use anyhow::{Context as _, Result, anyhow};
use stable_storage_api::ObjectInfo;
use storage_client::transfer::Unobserved;

use crate::{
    atomic_file::AtomicFile,
    context::Context,
    download::download,
    failure::with_help,
    idle::Stdout,
    input::is_stream,
    screen::Screen,
    store::StoreClient,
    text,
    transfer::{self, Compare, Job, Options, of_target},
    tree::Root,
    view::Object,
};

/// Writes all objects of a folder to files, without comparing.
pub(crate) async fn folder(client: &StoreClient, context: &Context, key: &str, target: &Path) -> Result<()> {
    let prefix = match key.trim_end_matches('/') {
        "" => String::new(),
        key => format!("{key}/"),
    };
    let source = Root::Prefix { client, prefix, label: String::new() };
    let options = Options { compare: Compare::Nothing, ..Options::default() };
    transfer::run(context, &Job { source, target: Root::Folder(target.to_owned()), options }).await
}

pub(crate) async fn run(
    client: &StoreClient,
    context: &Context,
    key: &str,
    file: Option<&Path>,
) -> Result<()> {
    let start = Instant::now();
    match file.filter(|file| !is_stream(file)) {
        None => {
            let info = print(client, context, key).await?;
            // On a terminal, it would be taken for a part of the data.
            if !io::stdout().is_terminal() {
                context.output.note(&summary(context, &info, "standard output", start));
            }
            Ok(())
        }
        Some(file) if file.is_dir() => {
            Err(with_help(format!("{} is a folder", text::path(file)), "give the path of a file"))
        }
        Some(file) if AtomicFile::is_device(file) => {
            let mut device = File::options().write(true).open(file);
            let device =
                device.as_mut().map_err(|error| anyhow!("cannot write {}: {error}", text::path(file)))?;
            let info = {
                let bar = context.bars.bar("reading", 0);
                download(client, context, key, device, &bar).await.map_err(|error| of_target(error, file))?
            };
            context.output.note(&summary(context, &info, &text::path(file), start));
            Ok(())
        }
        Some(file) => {
            let mut target = AtomicFile::create(file, &context.store_folders, &context.temporary)?;
            let info = {
                let bar = context.bars.bar("reading", 0);
                let downloaded = download(client, context, key, target.sink(), &bar).await;
                downloaded.map_err(|error| of_target(error, file))?
            };
            target.finish().with_context(|| format!("cannot write {}", text::path(file)))?;
            context.output.done(&Object::new(&info), &summary(context, &info, &text::path(file), start))
        }
    }
}

/// Returns a sentence with the size and the rate of a transfer.
fn summary(context: &Context, info: &ObjectInfo, target: &str, start: Instant) -> String {
    let sizes = context.output.sizes;
    format!("fetched {} to {target} at {}", sizes.full(info.size), sizes.rate(info.size, start.elapsed()))
}

/// Writes an object to standard output, on a terminal as text.
pub(super) async fn print(client: &StoreClient, context: &Context, key: &str) -> Result<ObjectInfo> {
    // On a terminal, a progress bar would be drawn into the data.
    let mut out = Stdout::open(&context.output.idle);
    let info;
    if context.output.is_guarded {
        let mut screen = Screen::new(out);
        info = download(client, context, key, &mut screen, &Unobserved).await?;
        out = screen.finish().with_context(|| format!("cannot show {key:?}"))?;
    } else {
        info = download(client, context, key, &mut out, &Unobserved).await?;
    }
    out.finish()?;
    Ok(info)
}

//! The command that stores a file.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::objects::{View, describe};
use crate::{
    args::PutArgs,
    context::Context,
    input::{Input, is_stream},
    store::StoreClient,
    upload::{self, Wanted},
};

pub(crate) async fn run(client: &StoreClient, context: &Context, args: PutArgs) -> Result<()> {
    let key = match args.key {
        Some(key) => key,
        None => key_of(&args.file)?,
    };
    let wanted = Wanted { key, content_type: args.content_type };
    let input = Input::open(&args.file)?;
    let stored = upload::store(client, context, input, wanted).await;
    let info = stored.with_context(|| format!("cannot store {}", args.file.display()))?;
    if context.output.json {
        return context.output.print(&View::new(&info), describe);
    }
    let (size, key, revision) = (info.size, &info.key, info.revision);
    context.output.note(&format!("stored {size} bytes under {key:?}, revision {revision}"));
    Ok(())
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

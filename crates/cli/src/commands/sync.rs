//! The command `sync`, which makes a folder like another one, on this machine or in a store.

use std::ffi::OsStr;

use anyhow::{Context as _, Result};

use crate::{
    args::SyncArgs,
    context::Context,
    failure::with_help,
    location::{Location, StoreName, StorePath},
    stores::Stores,
    text,
    transfer::{self, Compare, Job, Options},
    tree::Filter,
};

pub(crate) async fn run(stores: &mut Stores, context: &Context, args: &SyncArgs) -> Result<()> {
    let (from, to) = sides(args)?;
    stores.open_all([&from, &to], context).await?;
    let options = Options {
        filter: Filter::new(&args.filter)?,
        compare: Compare::new(&args.compare),
        if_absent: args.if_absent,
        delete: args.delete,
        force: args.force,
        dry_run: args.dry_run,
        content_type: args.content_type.clone(),
    };
    let job = Job { source: stores.root(&from)?, target: stores.root(&to)?, options };
    transfer::run(context, &job).await
}

/// Returns the source and the target. If neither is in a store, one of them is meant to be in the current one, unless the
/// target is written as a path.
fn sides(args: &SyncArgs) -> Result<(Location, Location)> {
    let (from, to) = (Location::parse(&args.from)?, Location::parse(&args.to)?);
    if !args.down && from.store().is_none() && is_path(&args.to) {
        if args.content_type.is_some() {
            return Err(with_help(
                "files have no content type",
                "remove --type, or write the target as store:KEY",
            ));
        }
        return Ok((from, Location::Local((&args.to).into())));
    }
    if from.store().is_none() && to.store().is_none() {
        let (folder, prefix) = if args.down { (&args.to, &args.from) } else { (&args.from, &args.to) };
        let key = prefix.to_str().with_context(|| format!("{} is not UTF-8", text::name(prefix)))?.to_owned();
        let in_store = Location::Store(StorePath { store: StoreName::Current, key });
        let folder = Location::Local(folder.into());
        return Ok(if args.down { (in_store, folder) } else { (folder, in_store) });
    }
    if args.down && from.store().is_none() {
        return Err(with_help(
            format!("--down contradicts {} as the source", from.shown()),
            "remove --down; the source is given first",
        ));
    }
    Ok((from, to))
}

/// Returns whether an argument starts as an absolute path, or one that is relative to the working directory. Only slashes
/// are most likely a mistake.
fn is_path(argument: &OsStr) -> bool {
    let bytes = argument.as_encoded_bytes();
    if bytes.iter().all(|byte| *byte == b'/') {
        return false;
    }
    matches!(bytes, b"." | b"..") || [&b"/"[..], b"./", b"../"].iter().any(|start| bytes.starts_with(start))
}

//! The command that copies files and folders into the store, and out of it. The other commands do the work.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Error as AnyError, Result, anyhow, bail};

use super::{fetch, get, objects, put, sync};
use crate::{
    args::{CpArgs, PutArgs, SyncArgs},
    context::Context,
    input::is_stream,
    settings::Place,
    store::StoreClient,
    text,
};

/// What a path of the store starts with.
pub(crate) const STORE: &str = "store:";

/// A source or the target of a copy.
enum Location<'a> {
    /// A key or a folder of the store.
    Store(&'a str),
    /// A file or a folder of this machine.
    Local(&'a Path),
}

impl<'a> Location<'a> {
    fn of(argument: &'a OsStr) -> Result<Self> {
        if !argument.as_encoded_bytes().starts_with(STORE.as_bytes()) {
            return Ok(Self::Local(argument.as_ref()));
        }
        let path = argument
            .to_str()
            .with_context(|| format!("{} is not UTF-8, as keys must be", text::name(argument)))?;
        Ok(Self::Store(&path[STORE.len()..]))
    }
}

pub(crate) async fn run(client: &StoreClient, context: &Context, place: &Place, args: &CpArgs) -> Result<()> {
    let sources = args.sources.iter().map(|source| Location::of(source)).collect::<Result<Vec<_>>>()?;
    let target = Location::of(&args.target)?;
    if args.recursive && sources.len() > 1 {
        bail!("-r copies one folder at a time, and there are {} sources", sources.len());
    }
    match target {
        Location::Store(key) => {
            let files = files(&sources, key)?;
            up(client, context, place, args.recursive, &files, key).await
        }
        Location::Local(path) => {
            let keys = keys(&sources, path)?;
            down(client, context, place, args.recursive, &keys, path).await
        }
    }
}

/// The sources of a copy into the store, each of them on this machine.
fn files<'a>(sources: &[Location<'a>], key: &str) -> Result<Vec<&'a Path>> {
    let file = |source: &Location<'a>| match *source {
        Location::Local(file) => Ok(file),
        Location::Store(from) => bail!(
            "{STORE}{from} and {STORE}{key} are both in the store; to move an object there, run: storage mv {} {}",
            text::argument(from),
            text::argument(key)
        ),
    };
    sources.iter().map(file).collect()
}

/// The sources of a copy out of the store, each of them there.
fn keys<'a>(sources: &[Location<'a>], target: &Path) -> Result<Vec<&'a str>> {
    let key = |source: &Location<'a>| match *source {
        Location::Store(key) => Ok(key),
        Location::Local(file) => bail!(
            "{} and {} are both on this machine; to copy there, run cp of the shell; a path of the store is written {STORE}KEY",
            text::path(file),
            text::path(target)
        ),
    };
    sources.iter().map(key).collect()
}

async fn up(
    client: &StoreClient,
    context: &Context,
    place: &Place,
    recursive: bool,
    files: &[&Path],
    key: &str,
) -> Result<()> {
    match files.iter().find(|file| !is_stream(file) && file.is_dir()) {
        Some(folder) if recursive => {
            let args = SyncArgs { from: folder.into(), to: key.into(), ..SyncArgs::default() };
            sync::run(client, context, place, &args).await
        }
        Some(folder) => Err(needs_recursive(&text::path(folder))),
        None => {
            let key = Some(key).filter(|key| !key.is_empty());
            put::store_files(client, context, &PutArgs::default(), files, key).await
        }
    }
}

async fn down(
    client: &StoreClient,
    context: &Context,
    place: &Place,
    recursive: bool,
    keys: &[&str],
    target: &Path,
) -> Result<()> {
    let folder = keys.iter().find(|key| key.is_empty() || key.ends_with('/'));
    match (keys, folder) {
        ([key], _) if recursive && (folder.is_some() || objects::is_folder(client, key).await?) => {
            let args = SyncArgs { from: (*key).into(), to: target.into(), down: true, ..SyncArgs::default() };
            sync::run(client, context, place, &args).await
        }
        (_, Some(folder)) => Err(needs_recursive(&format!("{STORE}{folder}"))),
        ([key], None) => get::run(client, context, key, Some(&file_of(key, target)?)).await,
        _ if is_stream(target) || !target.is_dir() => {
            bail!("several objects go to a folder that exists, which {} is not", text::path(target));
        }
        _ => {
            let objects = keys.iter().map(|key| (fetch::path_of(last_name(key)), (*key).to_owned()));
            fetch::write_objects(client, context, objects.collect(), target).await
        }
    }
}

/// The file that an object is copied to: one of its name where the target is a folder.
fn file_of(key: &str, target: &Path) -> Result<PathBuf> {
    let is_folder = target.as_os_str().as_encoded_bytes().ends_with(b"/") || target.is_dir();
    if is_stream(target) || !is_folder {
        return Ok(target.to_owned());
    }
    let name = fetch::path_of(last_name(key)).with_context(|| format!("cannot copy {key:?}"))?;
    Ok(target.join(name))
}

/// What is after the last slash of a key.
fn last_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

fn needs_recursive(folder: &str) -> AnyError {
    anyhow!("{folder} is a folder; to copy what is in it, add -r")
}

//! The command `cp`, which copies files and folders into and out of the store. It uses the other commands.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Error as AnyError, Result, bail};

use super::{fetch, get, objects, put, sync};
use crate::{
    args::{CpArgs, PutArgs, SyncArgs},
    context::Context,
    failure::with_help,
    input::is_stream,
    settings::{STORE, StoreLocation},
    store::StoreClient,
    text,
};

/// Source or target of a copy.
enum Location<'a> {
    /// Key or folder in the store.
    Store(&'a str),
    /// File or folder on this machine.
    Local(&'a Path),
}

impl<'a> Location<'a> {
    fn of(argument: &'a OsStr) -> Result<Self> {
        if !argument.as_encoded_bytes().starts_with(STORE.as_bytes()) {
            return Ok(Self::Local(argument.as_ref()));
        }
        let path = argument.to_str().with_context(|| format!("{} is not UTF-8", text::name(argument)))?;
        Ok(Self::Store(&path[STORE.len()..]))
    }
}

pub(crate) async fn run(
    client: &StoreClient,
    context: &Context,
    location: &StoreLocation,
    args: &CpArgs,
) -> Result<()> {
    let sources = args.sources.iter().map(|source| Location::of(source)).collect::<Result<Vec<_>>>()?;
    let target = Location::of(&args.target)?;
    if args.recursive && sources.len() > 1 {
        return Err(with_help(
            format!("-r copies one folder, and there are {} sources", sources.len()),
            "run the command for each folder",
        ));
    }
    match target {
        Location::Store(key) => {
            let files = files(&sources, key)?;
            up(client, context, location, args.recursive, &files, key).await
        }
        Location::Local(path) => {
            let keys = keys(&sources, path)?;
            down(client, context, location, args.recursive, &keys, path).await
        }
    }
}

/// Returns the sources of a copy into the store, which must be on this machine.
fn files<'a>(sources: &[Location<'a>], key: &str) -> Result<Vec<&'a Path>> {
    let file = |source: &Location<'a>| match *source {
        Location::Local(file) => Ok(file),
        Location::Store(from) => Err(with_help(
            format!("{STORE}{from} and {STORE}{key} are both in the store"),
            format!("move an object with: storage mv {} {}", text::argument(from), text::argument(key)),
        )),
    };
    sources.iter().map(file).collect()
}

/// Returns the sources of a copy out of the store, which must be in the store.
fn keys<'a>(sources: &[Location<'a>], target: &Path) -> Result<Vec<&'a str>> {
    let key = |source: &Location<'a>| match *source {
        Location::Store(key) => Ok(key),
        Location::Local(file) => Err(with_help(
            format!("{} and {} are both on this machine", text::path(file), text::path(target)),
            format!("write a path in the store as {STORE}KEY"),
        )),
    };
    sources.iter().map(key).collect()
}

async fn up(
    client: &StoreClient,
    context: &Context,
    location: &StoreLocation,
    recursive: bool,
    files: &[&Path],
    key: &str,
) -> Result<()> {
    match files.iter().find(|file| !is_stream(file) && file.is_dir()) {
        Some(folder) if recursive => {
            let args = SyncArgs { from: folder.into(), to: key.into(), ..SyncArgs::default() };
            sync::run(client, context, location, &args).await
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
    location: &StoreLocation,
    recursive: bool,
    keys: &[&str],
    target: &Path,
) -> Result<()> {
    let folder = keys.iter().find(|key| key.is_empty() || key.ends_with('/'));
    match (keys, folder) {
        ([key], _) if recursive && (folder.is_some() || objects::is_folder(client, key).await?) => {
            let args = SyncArgs { from: (*key).into(), to: target.into(), down: true, ..SyncArgs::default() };
            sync::run(client, context, location, &args).await
        }
        (_, Some(folder)) => Err(needs_recursive(&format!("{STORE}{folder}"))),
        ([key], None) => get::run(client, context, key, Some(&file_of(key, target)?)).await,
        _ if is_stream(target) || !target.is_dir() => {
            bail!("the target of several objects must be an existing folder: {}", text::path(target));
        }
        _ => {
            let objects = keys.iter().map(|key| (fetch::path_of(last_name(key)), (*key).to_owned()));
            fetch::write_objects(client, context, objects.collect(), target).await
        }
    }
}

/// Returns the file that an object is copied to: if the target is a folder, one with the object's name.
fn file_of(key: &str, target: &Path) -> Result<PathBuf> {
    let is_folder = target.as_os_str().as_encoded_bytes().ends_with(b"/") || target.is_dir();
    if is_stream(target) || !is_folder {
        return Ok(target.to_owned());
    }
    let name = fetch::path_of(last_name(key)).with_context(|| format!("cannot copy {key:?}"))?;
    Ok(target.join(name))
}

/// Returns the part of a key after its last slash.
fn last_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

fn needs_recursive(folder: &str) -> AnyError {
    with_help(format!("{folder} is a folder"), "copy a folder with -r")
}

//! The command that reads all objects of a folder.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use stable_storage_api::ObjectInfo;

use super::get::download;
use crate::{
    context::Context,
    failure::NotFound,
    failures::{Failed, Failures, ends_all},
    store::StoreClient,
    target::{Target, folder_of},
    text::{self, counted},
};

/// What was fetched, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    fetched: &'a [String],
    fetched_bytes: u64,
    failed: &'a [Failed],
}

/// Writes each object under a folder of the store to a file in a folder here. What fails is told and left out.
pub(crate) async fn run(client: &StoreClient, context: &Context, key: &str, folder: &Path) -> Result<()> {
    let prefix = match key.trim_end_matches('/') {
        "" => String::new(),
        key => format!("{key}/"),
    };
    let objects = client.list_all(&prefix).await?;
    if objects.is_empty() {
        return Err(NotFound::under(key).into());
    }
    let names = objects.into_iter().map(|ObjectInfo { key, .. }| (path_of(&key[prefix.len()..]), key));
    write_objects(client, context, names.collect(), folder).await
}

/// Writes objects to files of these names in a folder. An object that fails is reported and left out.
pub(super) async fn write_objects(
    client: &StoreClient,
    context: &Context,
    objects: Vec<(Result<PathBuf>, String)>,
    folder: &Path,
) -> Result<()> {
    let (mut fetched, mut fetched_bytes, mut failures) = (Vec::new(), 0, Failures::default());
    for (name, key) in objects {
        let written = match name {
            Ok(name) => write_object(client, context, &key, &folder.join(name)).await,
            Err(error) => Err(error),
        };
        match written {
            Ok(info) => {
                fetched_bytes += info.size;
                fetched.push(key);
            }
            Err(error) if ends_all(&error) => return Err(error),
            Err(error) => failures.add(format!("{key:?}"), &error),
        }
    }
    let report = Report { fetched: &fetched, fetched_bytes, failed: failures.items() };
    if context.output.json {
        context.output.print(&report, |_| Vec::new())?;
    }
    let (objects, size) =
        (counted(fetched.len() as u64, "object", "objects"), context.output.sizes.full(fetched_bytes));
    context.output.note(&format!("fetched {objects} to {}, {size}", text::path(folder)));
    failures.finish("object", "objects")
}

/// Writes an object to a file, and makes the folders above it.
pub(super) async fn write_object(
    client: &StoreClient,
    context: &Context,
    key: &str,
    file: &Path,
) -> Result<ObjectInfo> {
    let parent = folder_of(file);
    fs::create_dir_all(parent).with_context(|| format!("cannot make the folder {}", text::path(parent)))?;
    let mut target = Target::create(file)?;
    let info = download(client, context, key, target.sink()).await?;
    target.finish().with_context(|| format!("cannot write {}", text::path(file)))?;
    Ok(info)
}

/// The path that a key stands for within a folder. One that would lead out of it, or that is the same path as that of another
/// key, is refused.
pub(super) fn path_of(name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    let names: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    // Two slashes, a dot and a slash at the end are not in a path that was put together from names.
    if name.is_empty() || name.contains('\0') || names.as_os_str() != path.as_os_str() {
        bail!("its key is no path within a folder; storage get KEY FILE reads it");
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key leads to a file within the folder and nowhere else.
    #[test]
    fn keys_stay_within_the_folder() {
        for name in ["a", "a/b", "..a/b", "a b/\n", ".hidden"] {
            assert_eq!(path_of(name).unwrap(), Path::new(name));
        }
        for name in ["", "/a", "../a", "a/../b", "a//b", "a/", "./a", "a/./b", ".", "..", "a\0b"] {
            assert!(path_of(name).is_err(), "{name:?}");
        }
    }
}

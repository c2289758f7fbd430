//! The command `get -r`, which reads all objects of a folder.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::Serialize;
use stable_storage_api::ObjectInfo;

use super::get::download;
use crate::{
    atomic_file::{AtomicFile, folder_of},
    context::Context,
    failure::{NotFound, with_help},
    failures::{Failed, Failures, ends_all},
    proof,
    store::StoreClient,
    text::{self, pluralize},
};

/// Result, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    fetched: &'a [String],
    fetched_bytes: u64,
    failed: &'a [Failed],
}

/// Writes each object under a folder of the store to a file in a folder here. Reports and skips objects that fail.
pub(crate) async fn run(client: &StoreClient, context: &Context, key: &str, folder: &Path) -> Result<()> {
    let prefix = match key.trim_end_matches('/') {
        "" => String::new(),
        key => format!("{key}/"),
    };
    let objects = proof::list_all(client, context.verifier.as_ref(), &prefix).await?;
    if objects.is_empty() {
        return Err(NotFound::under(key).into());
    }
    let names = objects.into_iter().map(|ObjectInfo { key, .. }| (path_of(&key[prefix.len()..]), key));
    write_objects(client, context, names.collect(), folder).await
}

/// Writes objects to files of these names in a folder. Reports and skips objects that fail.
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
        (pluralize(fetched.len() as u64, "object", "objects"), context.output.sizes.full(fetched_bytes));
    context.output.note(&format!("fetched {objects} to {}, {size}", text::path(folder)));
    failures.finish("object", "objects")
}

/// Writes an object to a file, and creates the folders above it.
pub(super) async fn write_object(
    client: &StoreClient,
    context: &Context,
    key: &str,
    file: &Path,
) -> Result<ObjectInfo> {
    let parent = folder_of(file);
    fs::create_dir_all(parent).with_context(|| format!("cannot create the folder {}", text::path(parent)))?;
    let mut target = AtomicFile::create(file)?;
    let info = download(client, context, key, target.sink()).await?;
    target.finish().with_context(|| format!("cannot write {}", text::path(file)))?;
    Ok(info)
}

/// Returns the path of a key within a folder. Rejects a key that leads out of the folder, or to the path of another key.
pub(super) fn path_of(name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    let names: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    // A path composed of names has no empty name, no dot and no trailing slash.
    if name.is_empty() || name.contains('\0') || names.as_os_str() != path.as_os_str() {
        return Err(with_help(
            "the key is not a path within a folder",
            "read the object with: storage get KEY FILE",
        ));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key leads to a file within the folder and not elsewhere.
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

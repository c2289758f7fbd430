//! Differences between a folder and the store.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result};
use sha2::{Digest, Sha256};
use stable_storage_api::{ChecksumState, ObjectInfo};

use super::{
    exclude::Exclude,
    walk::{LocalFile, Walk},
};
use crate::{
    args::SyncArgs,
    content_type,
    context::Context,
    failures::{Failures, ends_all},
    idle::Idle,
    input::Input,
    progress::{Bar, Bars},
    store::StoreClient,
    text,
};

/// Folder that the store is to be made like.
pub(super) struct Request<'a> {
    /// Prefix of the keys.
    pub(super) prefix: &'a str,
    pub(super) exclude: &'a Exclude,
    pub(super) args: &'a SyncArgs,
}

/// Plan of a sync.
pub(super) struct Plan {
    /// Files that are missing or different in the store.
    pub(super) store: Vec<LocalFile>,
    /// Keys of objects that are not in the folder.
    pub(super) remove: Vec<String>,
    /// Whether every existing object under the prefix would be removed.
    pub(super) removes_all: bool,
    /// Number of files that the store already has.
    pub(super) unchanged: usize,
}

impl Plan {
    /// Compares the files with the list of objects under the prefix: first sizes, then digests. No object is read. Files that
    /// cannot be read are added to the failures.
    pub(super) async fn make(
        client: &StoreClient,
        context: &Context,
        request: &Request<'_>,
        walk: Walk,
        failures: &mut Failures,
    ) -> Result<Self> {
        let Walk { files, skipped_keys, .. } = walk;
        let objects = client.list_all(request.prefix).await?;
        let mut objects: BTreeMap<_, _> = objects.into_iter().map(|info| (info.key.clone(), info)).collect();
        let there_were = objects.len();
        let mut plan = Self { store: Vec::new(), remove: Vec::new(), removes_all: false, unchanged: 0 };
        let pair_of = |mut file: LocalFile| {
            let object = objects.remove(&file.key);
            file.content_type = request.content_type(&file, object.as_ref());
            if let Some(info) = &object {
                file.content_encoding = info.content_encoding.clone();
                file.metadata = info.metadata.clone();
            }
            (file, object)
        };
        let pairs: Vec<_> = files.into_iter().map(pair_of).collect();
        let bar = bar_of(context.bars, &pairs, request);
        let mut hashed = 0;
        for (file, object) in pairs {
            let is_same = match request.digest_to_have(&file, object.as_ref()) {
                Some(expected) => {
                    let digest = digest_of(&file.path, &context.output.idle, &bar, hashed).await;
                    hashed += file.size;
                    digest.map(|digest| expected == digest)
                }
                None => Ok(request.args.size_only && request.is_alike(&file, object.as_ref())),
            };
            let failed = || format!("cannot read {}", text::path(&file.path));
            match is_same.with_context(failed) {
                Ok(true) => plan.unchanged += 1,
                Ok(false) => plan.store.push(file),
                Err(error) if ends_all(&error) => return Err(error),
                Err(error) => failures.add(text::path(&file.path), &error),
            }
        }
        if request.args.delete {
            let gone = objects.into_keys().filter(|key| !skipped_keys.contains(key));
            plan.remove = gone.filter(|key| !request.exclude.covers(&key[request.prefix.len()..])).collect();
        }
        plan.removes_all = plan.remove.len() == there_were;
        Ok(plan)
    }

    /// Returns the number of bytes to store.
    pub(super) fn bytes(&self) -> u64 {
        self.store.iter().map(|file| file.size).sum()
    }
}

impl Request<'_> {
    /// Returns the type of a file: the given one, else that of the existing object, else one guessed from its name.
    fn content_type(&self, file: &LocalFile, object: Option<&ObjectInfo>) -> Option<String> {
        content_type::choose(self.args.content_type.as_deref(), || match object {
            Some(info) if info.content_type.is_some() => info.content_type.clone(),
            _ => content_type::guess(&file.path),
        })
    }

    /// Returns whether there is an object with the file's size and the given type.
    fn is_alike(&self, file: &LocalFile, object: Option<&ObjectInfo>) -> bool {
        object.is_some_and(|info| info.size == file.size && self.is_of_type(file, info))
    }

    /// Returns the digest that a file must have to equal the object, or `None` if the file need not be hashed. An object
    /// without a digest is stored again with one: comparing would fetch it on every sync.
    fn digest_to_have<'b>(&self, file: &LocalFile, object: Option<&'b ObjectInfo>) -> Option<&'b [u8]> {
        if self.args.size_only || !self.is_alike(file, object) {
            return None;
        }
        // An object whose digest does not match is corrupt.
        let checksum =
            object?.sha256.as_ref().filter(|checksum| checksum.state != ChecksumState::Mismatch)?;
        Some(&checksum.digest)
    }

    /// Returns whether an object has the given type. A guessed type is not a reason to store a file again.
    fn is_of_type(&self, file: &LocalFile, object: &ObjectInfo) -> bool {
        self.args.content_type.is_none() || object.content_type == file.content_type
    }
}

/// Returns a bar for the bytes to hash.
fn bar_of(bars: Bars, pairs: &[(LocalFile, Option<ObjectInfo>)], request: &Request<'_>) -> Bar {
    let hashed =
        pairs.iter().filter(|(file, object)| request.digest_to_have(file, object.as_ref()).is_some());
    bars.bar("comparing", hashed.map(|(file, _)| file.size).sum())
}

/// Computes the SHA-256 of a file.
pub(super) async fn digest_of(file: &Path, idle: &Idle, bar: &Bar, before: u64) -> Result<[u8; 32]> {
    match Input::open(file, idle)? {
        Input::Small(content) => Ok(Sha256::digest(content).into()),
        Input::Large(input) => Ok(input.sha256(&bar.part(before)).await?),
    }
}

//! What differs between a folder and the store.

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

/// What the store shall be made like the files of.
pub(super) struct Request<'a> {
    /// What the keys start with.
    pub(super) prefix: &'a str,
    pub(super) exclude: &'a Exclude,
    pub(super) args: &'a SyncArgs,
}

/// What is to be done.
pub(super) struct Plan {
    /// Files that the store has not, or has otherwise.
    pub(super) store: Vec<LocalFile>,
    /// Keys of objects that the folder has not.
    pub(super) remove: Vec<String>,
    /// Whether nothing is left of what is under the prefix.
    pub(super) removes_all: bool,
    /// How many files the store has already.
    pub(super) unchanged: usize,
}

impl Plan {
    /// Compares the files with the listing of what is under the prefix: first sizes, then digests. No object is read. What
    /// cannot be read of the folder is among the failures then.
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

    /// How many bytes are to be stored.
    pub(super) fn bytes(&self) -> u64 {
        self.store.iter().map(|file| file.size).sum()
    }
}

impl Request<'_> {
    /// The type that a file is to have: the one that was given, or that it has already, or that its name tells.
    fn content_type(&self, file: &LocalFile, object: Option<&ObjectInfo>) -> Option<String> {
        content_type::choose(self.args.content_type.as_deref(), || match object {
            Some(info) if info.content_type.is_some() => info.content_type.clone(),
            _ => content_type::guess(&file.path),
        })
    }

    /// Whether there is an object of a file's size, and of the type that was given.
    fn is_alike(&self, file: &LocalFile, object: Option<&ObjectInfo>) -> bool {
        object.is_some_and(|info| info.size == file.size && self.is_of_type(file, info))
    }

    /// The digest that a file must have to be what the store has; nothing where the file need not be hashed to know that.
    /// An object without a digest is stored again with one: that sends it once, and comparing would fetch it every time.
    fn digest_to_have<'b>(&self, file: &LocalFile, object: Option<&'b ObjectInfo>) -> Option<&'b [u8]> {
        if self.args.size_only || !self.is_alike(file, object) {
            return None;
        }
        // What does not have the digest that was declared is not what it should be.
        let checksum =
            object?.sha256.as_ref().filter(|checksum| checksum.state != ChecksumState::Mismatch)?;
        Some(&checksum.digest)
    }

    /// Whether an object has the type that was given. One that is only guessed is no reason to store a file again.
    fn is_of_type(&self, file: &LocalFile, object: &ObjectInfo) -> bool {
        self.args.content_type.is_none() || object.content_type == file.content_type
    }
}

/// A bar for the bytes that have to be hashed.
fn bar_of(bars: Bars, pairs: &[(LocalFile, Option<ObjectInfo>)], request: &Request<'_>) -> Bar {
    let hashed =
        pairs.iter().filter(|(file, object)| request.digest_to_have(file, object.as_ref()).is_some());
    bars.bar("comparing", hashed.map(|(file, _)| file.size).sum())
}

/// The SHA-256 of a file's content.
pub(super) async fn digest_of(file: &Path, idle: &Idle, bar: &Bar, before: u64) -> Result<[u8; 32]> {
    match Input::open(file, idle)? {
        Input::Small(content) => Ok(Sha256::digest(content).into()),
        Input::Large(input) => Ok(input.sha256(&bar.part(before)).await?),
    }
}

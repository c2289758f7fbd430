//! What differs between a folder and the store.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use sha2::{Digest, Sha256};
use storage_api::{ChecksumState, ObjectInfo, limits::MAX_PAYLOAD_BYTES};

use super::{
    exclude::Exclude,
    walk::{LocalFile, Walk},
};
use crate::{
    args::SyncArgs,
    content_type,
    context::Context,
    failures::{Failures, ends_all},
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
    /// Compares the files with what is under the prefix: first sizes, then digests. What cannot be read is among the
    /// failures then.
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
        let bar = bar_of(context.bars, &files, &objects);
        let mut compared = 0;
        for mut file in files {
            let object = objects.remove(&file.key);
            file.content_type = request.content_type(&file, object.as_ref());
            let is_same = match object {
                Some(info) if info.size == file.size && request.is_of_type(&file, &info) => {
                    compared += file.size;
                    is_same(client, context, &file, &info, &bar, compared - file.size).await
                }
                _ => Ok(false),
            };
            match is_same {
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

    /// Whether an object has the type that was given. One that is only guessed is no reason to store a file again.
    fn is_of_type(&self, file: &LocalFile, object: &ObjectInfo) -> bool {
        self.args.content_type.is_none() || object.content_type == file.content_type
    }
}

/// A bar for the bytes that have to be compared.
fn bar_of(bars: Bars, files: &[LocalFile], objects: &BTreeMap<String, ObjectInfo>) -> Bar {
    let has_same_size = |file: &&LocalFile| objects.get(&file.key).is_some_and(|info| info.size == file.size);
    bars.bar("comparing", files.iter().filter(has_same_size).map(|file| file.size).sum())
}

/// Whether an object of the same size has the same bytes.
async fn is_same(
    client: &StoreClient,
    context: &Context,
    file: &LocalFile,
    info: &ObjectInfo,
    bar: &Bar,
    before: u64,
) -> Result<bool> {
    let failed = || format!("cannot read {}", text::path(&file.path));
    let digest = match Input::open(&file.path, &context.output.idle).with_context(failed)? {
        // A small object has no digest unless somebody asked for one. Its bytes are fetched as fast as they are hashed.
        Input::Small(content) if info.sha256.is_none() && info.size <= MAX_PAYLOAD_BYTES => {
            return Ok(client.get(&file.key).await? == content);
        }
        Input::Small(content) => Sha256::digest(content).into(),
        Input::Large(input) => input.sha256(&bar.part(before)).await.with_context(failed)?,
    };
    let known = match &info.sha256 {
        // What does not have the digest that was declared is not what it should be.
        Some(checksum) if checksum.state == ChecksumState::Mismatch => return Ok(false),
        Some(checksum) => checksum.digest.clone(),
        None => {
            client.verify_all(&file.key, &storage_client::transfer::Unobserved).await?;
            client.stat(&file.key).await?.sha256.map(|checksum| checksum.digest).unwrap_or_default()
        }
    };
    let digest: [u8; 32] = digest;
    Ok(known.as_slice() == digest)
}

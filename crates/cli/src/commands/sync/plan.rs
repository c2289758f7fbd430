//! What differs between a folder and the store.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use sha2::{Digest, Sha256};
use storage_api::{ChecksumState, ObjectInfo, limits::MAX_PAYLOAD_BYTES};

use super::walk::LocalFile;
use crate::{
    context::Context,
    input::Input,
    progress::{Bar, Bars},
    store::StoreClient,
};

/// What is to be done.
pub(super) struct Plan {
    /// Files that the store has not, or has otherwise.
    pub(super) store: Vec<LocalFile>,
    /// Keys of objects that the folder has not.
    pub(super) remove: Vec<String>,
    /// How many files the store has already.
    pub(super) unchanged: usize,
}

impl Plan {
    /// Compares the files with what is under the prefix: first sizes, then digests.
    pub(super) async fn make(
        client: &StoreClient,
        context: &Context,
        prefix: &str,
        files: Vec<LocalFile>,
        delete: bool,
    ) -> Result<Self> {
        let objects = client.list_all(prefix).await?;
        let mut objects: BTreeMap<_, _> = objects.into_iter().map(|info| (info.key.clone(), info)).collect();
        let mut plan = Self { store: Vec::new(), remove: Vec::new(), unchanged: 0 };
        let bar = bar_of(context.bars, &files, &objects);
        let mut compared = 0;
        for file in files {
            let is_same = match objects.remove(&file.key) {
                Some(info) if info.size == file.size => {
                    compared += file.size;
                    is_same(client, &file, &info, &bar, compared - file.size).await?
                }
                _ => false,
            };
            match is_same {
                true => plan.unchanged += 1,
                false => plan.store.push(file),
            }
        }
        if delete {
            plan.remove = objects.into_keys().collect();
        }
        Ok(plan)
    }

    /// How many bytes are to be stored.
    pub(super) fn bytes(&self) -> u64 {
        self.store.iter().map(|file| file.size).sum()
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
    file: &LocalFile,
    info: &ObjectInfo,
    bar: &Bar,
    before: u64,
) -> Result<bool> {
    let failed = || format!("cannot read {}", file.path.display());
    let digest = match Input::open(&file.path).with_context(failed)? {
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

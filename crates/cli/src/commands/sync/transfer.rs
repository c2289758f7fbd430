//! Execution of a sync plan.

use std::{mem, ops::Range, path::PathBuf};

use anyhow::{Context as _, Error, Result};
use futures_util::{StreamExt, stream};
use stable_storage_api::{
    PutArgs,
    limits::{ITEM_OVERHEAD_BYTES, MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES},
};
use storage_client::{Progress, transfer::Unobserved};

use super::{plan::Plan, walk::LocalFile};
use crate::{
    context::Context,
    failures::{Failures, ends_all},
    input::{Input, LargeInput},
    progress::Bar,
    store::StoreClient,
    text,
    upload::{self, ObjectSpec},
};

/// Result of a sync.
#[derive(Default)]
pub(super) struct Outcome {
    /// Keys that were stored.
    pub(super) stored: Vec<String>,
    pub(super) stored_bytes: u64,
    /// Keys that were removed.
    pub(super) removed: Vec<String>,
}

impl Outcome {
    /// Returns the result if nothing fails.
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            stored: plan.store.iter().map(|file| file.key.clone()).collect(),
            stored_bytes: plan.bytes(),
            removed: plan.remove.clone(),
        }
    }
}

/// Stores files and removes objects. Small files are stored in batches, because one call for each would be slow.
pub(super) struct Transfer<'a> {
    client: &'a StoreClient,
    context: &'a Context,
    bar: Bar,
    size: u64,
    failures: &'a mut Failures,
    outcome: Outcome,
    batch: Vec<PutArgs>,
    /// Files of the current batch.
    paths: Vec<PathBuf>,
    batch_bytes: u64,
}

impl<'a> Transfer<'a> {
    pub(super) fn new(
        client: &'a StoreClient,
        context: &'a Context,
        size: u64,
        failures: &'a mut Failures,
    ) -> Self {
        let bar = context.bars.bar("storing", size);
        let (outcome, batch, paths) = Default::default();
        Self { client, context, bar, size, failures, outcome, batch, paths, batch_bytes: 0 }
    }

    /// Executes the plan. Reports and skips items that fail. Returns an error only if the sync cannot continue.
    pub(super) async fn run(&mut self, plan: &Plan) -> Result<()> {
        for file in &plan.store {
            let stored = match Input::open(&file.path, &self.context.output.idle) {
                Ok(Input::Small(content)) => self.add(file, content).await,
                Ok(Input::Large(input)) => self.upload(file, input).await,
                Err(error) => Err(error),
            };
            match stored {
                Err(error) if !ends_all(&error) => self.failures.add(text::path(&file.path), &error),
                done => done?,
            }
        }
        self.flush().await?;
        if self.failures.is_empty() {
            return self.remove(plan).await;
        }
        if !plan.remove.is_empty() {
            self.context.output.note("nothing was removed, because some files could not be stored");
        }
        Ok(())
    }

    /// Returns what was done so far.
    pub(super) fn finish(self) -> Outcome {
        self.outcome
    }

    /// Removes objects that are not in the folder. This is the last step, so that an interrupted sync loses nothing.
    async fn remove(&mut self, plan: &Plan) -> Result<()> {
        let client = self.client;
        let removals = plan.remove.iter().map(|key| async move { (key, client.delete(key).await) });
        let mut removals = stream::iter(removals).buffered(self.context.jobs());
        while let Some((key, removed)) = removals.next().await {
            match removed.map_err(Error::from) {
                Ok(_) => self.outcome.removed.push(key.clone()),
                Err(error) if ends_all(&error) => return Err(error),
                Err(error) => self.failures.add(format!("{key:?}"), &error),
            }
        }
        Ok(())
    }

    async fn upload(&mut self, file: &LocalFile, input: LargeInput) -> Result<()> {
        // The current batch is stored first, so that it does not wait for a long upload.
        self.flush().await?;
        let sha256 = input.sha256(&Unobserved).await?;
        let spec = ObjectSpec {
            key: file.key.clone(),
            content_type: file.content_type.clone(),
            content_encoding: file.content_encoding.clone(),
            metadata: file.metadata.clone(),
            ..ObjectSpec::default()
        };
        let part = self.bar.part(self.outcome.stored_bytes);
        let stored = upload::upload(self.client, self.context, input, spec, sha256, &part).await;
        let failed = || format!("cannot store {}", text::path(&file.path));
        self.outcome.stored_bytes += stored.with_context(failed)?.size;
        self.outcome.stored.push(file.key.clone());
        Ok(())
    }

    async fn add(&mut self, file: &LocalFile, content: Vec<u8>) -> Result<()> {
        let metadata = file.metadata.iter().flatten().map(|pair| pair.name.len() + pair.value.len());
        let texts = [&file.content_type, &file.content_encoding].into_iter().flatten().map(String::len);
        let reported = metadata.chain(texts).sum::<usize>();
        let bytes = (file.key.len() + content.len() + reported) as u64 + ITEM_OVERHEAD_BYTES;
        // A file that takes a whole call is stored alone.
        let is_full =
            self.batch.len() as u64 == MAX_BATCH_ITEMS || self.batch_bytes + bytes > MAX_PAYLOAD_BYTES;
        if is_full {
            self.flush().await?;
        }
        self.batch_bytes += bytes;
        let args = PutArgs {
            content_type: file.content_type.clone(),
            content_encoding: file.content_encoding.clone(),
            metadata: file.metadata.clone(),
            ..PutArgs::new(file.key.clone(), content)
        };
        self.batch.push(upload::with_digest(args));
        self.paths.push(file.path.clone());
        Ok(())
    }

    /// Stores the batch. If it is refused, halves it until the failing files are found.
    async fn flush(&mut self) -> Result<()> {
        let (batch, paths) = (mem::take(&mut self.batch), mem::take(&mut self.paths));
        self.batch_bytes = 0;
        let whole = 0..batch.len();
        let mut parts: Vec<Range<usize>> = Vec::from([whole]);
        while let Some(part) = parts.pop() {
            let (objects, files) = (&batch[part.clone()], &paths[part.clone()]);
            if objects.is_empty() {
                continue;
            }
            match self.client.put_many(objects).await.map_err(Error::from) {
                Ok(_) => self.stored(objects),
                Err(error) if ends_all(&error) || objects.len() == 1 => {
                    for file in files {
                        self.failures.add(text::path(file), &error);
                    }
                    if ends_all(&error) {
                        return Err(error).context(format!("cannot store {}", text::path(&files[0])));
                    }
                }
                Err(_) => {
                    let middle = part.start + objects.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                }
            }
        }
        Ok(())
    }

    fn stored(&mut self, objects: &[PutArgs]) {
        for object in objects {
            self.outcome.stored.push(object.key.clone());
            self.outcome.stored_bytes += object.value.len() as u64;
        }
        self.bar.safe(self.outcome.stored_bytes, self.size);
    }
}

//! Doing what the plan says.

use anyhow::{Context as _, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use storage_api::{
    PutArgs,
    limits::{ITEM_OVERHEAD_BYTES, MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES},
};
use storage_client::{Progress, transfer::Unobserved};

use super::{plan::Plan, walk::LocalFile};
use crate::{
    context::Context,
    input::Input,
    progress::Bar,
    store::StoreClient,
    upload::{self, Wanted},
};

/// Stores files and removes objects. Small files go together, because a call for each would take far longer.
pub(super) struct Transfer<'a> {
    client: &'a StoreClient,
    context: &'a Context,
    bar: Bar,
    size: u64,
    done: u64,
    batch: Vec<PutArgs>,
    batch_bytes: u64,
}

impl<'a> Transfer<'a> {
    pub(super) fn new(client: &'a StoreClient, context: &'a Context, size: u64) -> Self {
        let bar = context.bars.bar("storing", size);
        Self { client, context, bar, size, done: 0, batch: Vec::new(), batch_bytes: 0 }
    }

    pub(super) async fn run(mut self, plan: &Plan) -> Result<()> {
        for file in &plan.store {
            self.store(file).await?;
        }
        self.flush().await?;
        // What the folder no longer has goes last, so that an interrupted sync has lost nothing.
        let removals = plan.remove.iter().map(|key| self.client.delete(key));
        let removed = stream::iter(removals).buffer_unordered(self.context.jobs());
        Ok(removed.try_for_each(|_| async { Ok(()) }).await?)
    }

    async fn store(&mut self, file: &LocalFile) -> Result<()> {
        let failed = || format!("cannot store {}", file.path.display());
        match Input::open(&file.path)? {
            Input::Small(content) => self.add(PutArgs::new(file.key.clone(), content)).await,
            Input::Large(input) => {
                let sha256 = input.sha256(&Unobserved).await.with_context(failed)?;
                let wanted = Wanted { key: file.key.clone(), content_type: None };
                let part = self.bar.part(self.done);
                let stored = upload::upload(self.client, self.context, input, wanted, sha256, &part).await;
                self.done += stored.with_context(failed)?.size;
                Ok(())
            }
        }
    }

    async fn add(&mut self, object: PutArgs) -> Result<()> {
        let bytes = object.key.len() as u64 + object.value.len() as u64 + ITEM_OVERHEAD_BYTES;
        // One that takes a whole call by itself goes alone.
        let is_full =
            self.batch.len() as u64 == MAX_BATCH_ITEMS || self.batch_bytes + bytes > MAX_PAYLOAD_BYTES;
        if is_full {
            self.flush().await?;
        }
        self.batch_bytes += bytes;
        self.batch.push(object);
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        let (Some(first), Some(last)) = (self.batch.first(), self.batch.last()) else { return Ok(()) };
        let stored = self.client.put_many(&self.batch).await;
        stored.with_context(|| format!("cannot store {:?} to {:?}", first.key, last.key))?;
        self.done += self.batch.iter().map(|object| object.value.len() as u64).sum::<u64>();
        self.bar.safe(self.done, self.size);
        self.batch.clear();
        self.batch_bytes = 0;
        Ok(())
    }
}

//! Files to objects. Small files are stored in batches, because one call for each would be slow.

use std::{mem, ops::Range, path::Path};

use anyhow::{Context as _, Error, Result, bail};
use stable_storage_api::{
    PutArgs,
    limits::{ITEM_OVERHEAD_BYTES, MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES},
};
use storage_client::transfer::Unobserved;

use super::{
    job::Job,
    plan::{Copy, Plan},
    report::shown,
    tally::Tally,
};
use crate::{
    context::Context,
    failures::ends_all,
    input::{Input, LargeInput},
    store::StoreClient,
    text,
    upload::{self, ObjectSpec},
};

/// Stores the files of a plan.
pub(super) async fn all(
    client: &StoreClient,
    context: &Context,
    job: &Job<'_>,
    plan: &Plan,
    tally: &mut Tally<'_>,
) -> Result<()> {
    let mut uploads = Uploads { client, context, job, tally, batch: Vec::new(), batch_bytes: 0 };
    for copy in &plan.copies {
        let Copy::Upload { file, spec, .. } = copy else { bail!("only a file can be stored") };
        let stored = match Input::open(file, &context.output.idle) {
            Ok(Input::Small(content)) => uploads.add(copy, file, spec, content).await,
            Ok(Input::Large(input)) => uploads.upload(copy, file, spec, input).await,
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            uploads.tally.failed(text::path(file), error)?;
        }
    }
    uploads.flush().await
}

struct Uploads<'a, 'b> {
    client: &'a StoreClient,
    context: &'a Context,
    job: &'a Job<'a>,
    tally: &'a mut Tally<'b>,
    batch: Vec<Item<'a>>,
    batch_bytes: u64,
}

/// Small file of a batch.
struct Item<'a> {
    copy: &'a Copy,
    file: &'a Path,
    put: PutArgs,
}

impl<'a> Uploads<'a, '_> {
    async fn upload(&mut self, copy: &Copy, file: &Path, spec: &ObjectSpec, input: LargeInput) -> Result<()> {
        // The current batch is stored first, so that it does not wait for a long upload.
        self.flush().await?;
        let sha256 = input.sha256(&Unobserved).await?;
        let part = self.tally.part();
        let stored = upload::upload(self.client, self.context, input, spec.clone(), sha256, &part).await;
        let size = stored.with_context(|| format!("cannot store {}", text::path(file)))?.size;
        self.tally.copied(shown(self.job, copy), size);
        Ok(())
    }

    async fn add(
        &mut self,
        copy: &'a Copy,
        file: &'a Path,
        spec: &ObjectSpec,
        content: Vec<u8>,
    ) -> Result<()> {
        let metadata = spec.metadata.iter().flatten().map(|pair| pair.name.len() + pair.value.len());
        let texts = [&spec.content_type, &spec.content_encoding].into_iter().flatten().map(String::len);
        let reported = metadata.chain(texts).sum::<usize>();
        let bytes = (spec.key.len() + content.len() + reported) as u64 + ITEM_OVERHEAD_BYTES;
        // A file that takes a whole call is stored alone.
        let is_full =
            self.batch.len() as u64 == MAX_BATCH_ITEMS || self.batch_bytes + bytes > MAX_PAYLOAD_BYTES;
        if is_full {
            self.flush().await?;
        }
        self.batch_bytes += bytes;
        self.batch.push(Item { copy, file, put: upload::with_digest(spec.clone().put(content)) });
        Ok(())
    }

    /// Stores the batch. If it is refused, halves it until the failing files are found.
    async fn flush(&mut self) -> Result<()> {
        let batch = mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let (items, puts): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|Item { copy, file, put }| ((copy, file), put)).unzip();
        let whole = 0..puts.len();
        let mut parts: Vec<Range<usize>> = Vec::from([whole]);
        while let Some(part) = parts.pop() {
            let (objects, items) = (&puts[part.clone()], &items[part.clone()]);
            let Some((_, first)) = items.first() else { continue };
            match self.client.put_many(objects).await.map_err(Error::from) {
                Ok(_) => {
                    for ((copy, _), put) in items.iter().zip(objects) {
                        self.tally.copied(shown(self.job, copy), put.value.len() as u64);
                    }
                }
                Err(error) if ends_all(&error) => {
                    items.iter().for_each(|(_, file)| self.tally.note_failure(text::path(file), &error));
                    return Err(error).context(format!("cannot store {}", text::path(first)));
                }
                Err(error) if objects.len() == 1 => self.tally.failed(text::path(first), error)?,
                Err(_) => {
                    let middle = part.start + objects.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                }
            }
        }
        Ok(())
    }
}

//! Files to objects. Small files are stored in batches, because one call for each would be slow, and batches concurrently,
//! because a call to a network takes seconds.

use std::{cell::RefCell, ops::Range, slice};

use anyhow::{Context as _, Error, Result, bail};
use stable_storage_api::{
    PutArgs,
    limits::{ITEM_OVERHEAD_BYTES, MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES},
};
use storage_client::{Progress, transfer::Unobserved};

use super::{
    each::concurrently,
    plan::{Copy, Plan},
    tally::Tally,
};
use crate::{
    context::Context,
    failures::ends_all,
    idle::Idle,
    input::Input,
    store::StoreClient,
    text,
    upload::{self, ObjectSpec},
};

/// Stores the files of a plan: small ones in batches, large ones one after the other with concurrent chunks.
pub(super) async fn all(
    client: &StoreClient,
    context: &Context,
    plan: &Plan,
    tally: &mut Tally<'_>,
) -> Result<()> {
    for stage in plan.stages() {
        let large = RefCell::default();
        let batches = Batches { copies: stage.iter(), next: None, large: &large, idle: &context.output.idle };
        let batches = batches.map(|batch| batch.store(client));
        concurrently(context.jobs(), batches, |outcome| outcome.add_to(tally)).await?;
        for copy in large.take() {
            let stored = one(client, context, copy, &tally.part()).await;
            tally.add(copy, stored)?;
        }
    }
    Ok(())
}

/// Stores a file with calls of its own.
async fn one(client: &StoreClient, context: &Context, copy: &Copy, progress: &dyn Progress) -> Result<u64> {
    let (file, spec) = parts(copy)?;
    let stored = match Input::open(file, &context.output.idle)? {
        Input::Large(input) => {
            let sha256 = input.sha256(&Unobserved).await?;
            upload::upload(client, context, input, spec.clone(), sha256, progress).await
        }
        // It has become smaller since it was planned.
        input => upload::store(client, context, input, spec.clone()).await,
    };
    Ok(stored.with_context(|| format!("cannot store {}", text::path(file)))?.size)
}

fn parts(copy: &Copy) -> Result<(&std::path::Path, &ObjectSpec)> {
    let Copy::Upload { file, spec, .. } = copy else { bail!("only a file can be stored") };
    Ok((file, spec))
}

/// Reads small files and groups them into batches, each when it is asked for.
struct Batches<'a> {
    copies: slice::Iter<'a, Copy>,
    /// File that did not fit the last batch.
    next: Option<Item<'a>>,
    /// Receives the files that need more than one call.
    large: &'a RefCell<Vec<&'a Copy>>,
    idle: &'a Idle,
}

/// Small files that are stored together.
#[derive(Default)]
struct Batch<'a> {
    copies: Vec<&'a Copy>,
    puts: Vec<PutArgs>,
    bytes: u64,
    outcome: Outcome<'a>,
}

/// Small file.
struct Item<'a> {
    copy: &'a Copy,
    put: PutArgs,
    /// Bytes of the call that stores it.
    bytes: u64,
}

/// Outcome of a batch.
#[derive(Default)]
struct Outcome<'a> {
    done: Vec<(&'a Copy, Result<u64>)>,
    /// Error that ends the job, and the files that were to be stored by the call.
    ended: Option<(Vec<&'a Copy>, Error)>,
}

impl<'a> Iterator for Batches<'a> {
    type Item = Batch<'a>;

    fn next(&mut self) -> Option<Batch<'a>> {
        let mut batch = Batch::default();
        if let Some(item) = self.next.take() {
            batch.push(item);
        }
        for copy in self.copies.by_ref() {
            match Item::read(copy, self.idle) {
                Ok(Some(item)) if batch.has_room_for(&item) => batch.push(item),
                Ok(Some(item)) => {
                    self.next = Some(item);
                    return Some(batch);
                }
                Ok(None) => self.large.borrow_mut().push(copy),
                Err(error) => batch.outcome.done.push((copy, Err(error))),
            }
        }
        (!batch.copies.is_empty() || !batch.outcome.done.is_empty()).then_some(batch)
    }
}

impl<'a> Item<'a> {
    /// Reads a file; `None` if it is large.
    fn read(copy: &'a Copy, idle: &Idle) -> Result<Option<Self>> {
        let (file, spec) = parts(copy)?;
        let Input::Small(content) = Input::open(file, idle)? else { return Ok(None) };
        let metadata = spec.metadata.iter().flatten().map(|pair| pair.name.len() + pair.value.len());
        let texts = [&spec.content_type, &spec.content_encoding].into_iter().flatten().map(String::len);
        let reported = metadata.chain(texts).sum::<usize>();
        let bytes = (spec.key.len() + content.len() + reported) as u64 + ITEM_OVERHEAD_BYTES;
        Ok(Some(Self { copy, put: upload::with_digest(spec.clone().put(content)), bytes }))
    }
}

impl<'a> Batch<'a> {
    /// Returns whether a file can be stored by the same call. One that takes a whole call is stored alone.
    fn has_room_for(&self, item: &Item<'_>) -> bool {
        let items = self.puts.len() as u64;
        items == 0 || items < MAX_BATCH_ITEMS && self.bytes + item.bytes <= MAX_PAYLOAD_BYTES
    }

    fn push(&mut self, Item { copy, put, bytes }: Item<'a>) {
        self.copies.push(copy);
        self.puts.push(put);
        self.bytes += bytes;
    }

    /// Stores the batch. If it is refused, halves it until the failing files are found.
    async fn store(self, client: &StoreClient) -> Outcome<'a> {
        let Self { copies, puts, mut outcome, .. } = self;
        let whole = 0..puts.len();
        let mut parts: Vec<Range<usize>> = Vec::from([whole]);
        while let Some(part) = parts.pop() {
            let (copies, puts) = (&copies[part.clone()], &puts[part.clone()]);
            let Some(first) = copies.first() else { continue };
            match client.put_many(puts).await.map_err(Error::from) {
                Ok(_) => {
                    let sizes = puts.iter().map(|put| Ok(put.value.len() as u64));
                    outcome.done.extend(copies.iter().copied().zip(sizes));
                }
                Err(error) if ends_all(&error) => {
                    outcome.ended = Some((copies.to_vec(), error));
                    break;
                }
                Err(error) if copies.len() == 1 => outcome.done.push((first, Err(error))),
                Err(_) => {
                    let middle = part.start + copies.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                }
            }
        }
        outcome
    }
}

impl Outcome<'_> {
    /// Adds the outcome to a tally. Returns the error if the job cannot continue after it.
    fn add_to(self, tally: &mut Tally<'_>) -> Result<()> {
        for (copy, stored) in self.done {
            tally.add(copy, stored)?;
        }
        let Some((copies, error)) = self.ended else { return Ok(()) };
        tally.record(copies.iter().copied(), &error);
        let failed = match copies.as_slice() {
            [one] => format!("cannot store {}", text::path(parts(one)?.0)),
            copies => format!("cannot store {}", text::pluralize(copies.len() as u64, "file", "files")),
        };
        Err(error.context(failed))
    }
}

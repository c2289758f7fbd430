//! Small objects that are stored or read with one call.

use std::ops::Range;

use anyhow::{Error, Result};
use sha2::{Digest as _, Sha256};
use stable_storage_api::{
    ChecksumState, ObjectInfo, PutArgs,
    limits::{ITEM_OVERHEAD_BYTES, MAX_BATCH_ITEMS, MAX_PAYLOAD_BYTES},
};

use super::{copy::Copy, tally::Outcome};
use crate::{
    failures::ends_all,
    store::StoreClient,
    upload::{self, ObjectSpec},
};

/// Values that are stored together.
#[derive(Default)]
pub(super) struct Batch<'a> {
    copies: Vec<&'a Copy>,
    puts: Vec<PutArgs>,
    size: Size,
}

/// Size of a call for several objects.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    items: u64,
    bytes: u64,
}

impl Size {
    /// Returns the size of a call that stores an object.
    pub(super) fn of_put(spec: &ObjectSpec, value: u64) -> Self {
        let metadata = spec.metadata.iter().flatten().map(|pair| pair.name.len() + pair.value.len());
        let texts = [&spec.content_type, &spec.content_encoding].into_iter().flatten().map(String::len);
        let reported = metadata.chain(texts).sum::<usize>();
        Self { items: 1, bytes: (spec.key.len() + reported) as u64 + value + ITEM_OVERHEAD_BYTES }
    }

    /// Returns the size of a call that reads an object, or stores what was read.
    fn of(copy: &Copy) -> Self {
        match copy {
            Copy::Across { info, spec } => Self::of_put(spec, info.size),
            copy => Self { items: 1, bytes: copy.size() + ITEM_OVERHEAD_BYTES },
        }
    }

    /// Returns the size with another object, if they fit one call. One that takes a whole call is alone.
    pub(super) fn with(self, other: Self) -> Option<Self> {
        let sum = Self { items: self.items + other.items, bytes: self.bytes + other.bytes };
        let fits = sum.items <= MAX_BATCH_ITEMS && sum.bytes <= MAX_PAYLOAD_BYTES;
        (fits || self.items == 0).then_some(sum)
    }
}

/// Groups copies of objects by what fits one call.
pub(super) fn groups(copies: Vec<&Copy>) -> Vec<Vec<&Copy>> {
    let (mut groups, mut size) = (Vec::<Vec<_>>::new(), Size::default());
    for copy in copies {
        let of_copy = Size::of(copy);
        match (groups.last_mut(), size.with(of_copy)) {
            (Some(group), Some(sum)) => {
                group.push(copy);
                size = sum;
            }
            _ => {
                groups.push(vec![copy]);
                size = of_copy;
            }
        }
    }
    groups
}

impl<'a> Batch<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.copies.is_empty()
    }

    /// Adds a value. Returns it if it does not fit.
    pub(super) fn push(&mut self, copy: &'a Copy, spec: &ObjectSpec, value: Vec<u8>) -> Option<Vec<u8>> {
        let Some(size) = self.size.with(Size::of_put(spec, value.len() as u64)) else { return Some(value) };
        self.size = size;
        self.copies.push(copy);
        self.puts.push(upload::with_digest(spec.clone().put(value)));
        None
    }

    /// Stores the values, and adds the outcome of each call. Those that are refused fail alone. Returns the first error after
    /// which the job cannot continue.
    pub(super) async fn store(
        self,
        client: &StoreClient,
        add: impl Fn(Outcome<'a>) -> Result<()>,
    ) -> Result<()> {
        let Self { copies, puts, .. } = self;
        let call = async |part: Range<usize>| Ok(client.put_many(&puts[part]).await.map(drop)?);
        let mut result = Ok(());
        let done = |part: Range<usize>, stored| {
            let (copies, mut outcome) = (&copies[part.clone()], Outcome::default());
            match stored {
                Ok(()) => {
                    let sizes = puts[part].iter().map(|put| Ok(put.value.len() as u64));
                    outcome.done.extend(copies.iter().copied().zip(sizes));
                }
                Err(error) => outcome.fail(copies, error),
            }
            let added = add(outcome);
            if result.is_ok() {
                result = added;
            }
        };
        in_parts(puts.len(), call, done).await;
        result
    }
}

/// Objects that were read together.
#[derive(Default)]
pub(super) struct Values<'a> {
    pub(super) intact: Vec<(&'a Copy, Vec<u8>)>,
    /// Objects that have changed, or cannot be read together with others.
    pub(super) others: Vec<&'a Copy>,
    /// Errors that end the job.
    pub(super) outcome: Outcome<'a>,
}

impl<'a> Values<'a> {
    /// Reads objects with one call, and if it is refused, with more calls.
    pub(super) async fn read(client: &StoreClient, copies: &[&'a Copy]) -> Self {
        let objects: Vec<_> = copies.iter().filter_map(|copy| Some((*copy, copy.object()?))).collect();
        let keys: Vec<_> = objects.iter().map(|(_, info)| &info.key).collect();
        let call = async |part: Range<usize>| Ok(client.get_many(&keys[part]).await?);
        let mut read = Self::default();
        let done = |part: Range<usize>, values| {
            let objects = &objects[part];
            match values {
                Ok(values) => objects.iter().zip(values).for_each(|(object, value)| read.add(object, value)),
                Err(error) if ends_all(&error) => {
                    read.outcome.fail(&objects.iter().map(|(copy, _)| *copy).collect::<Vec<_>>(), error);
                }
                Err(_) => read.others.extend(objects.iter().map(|(copy, _)| *copy)),
            }
        };
        in_parts(keys.len(), call, done).await;
        read
    }

    fn add(&mut self, (copy, info): &(&'a Copy, &ObjectInfo), value: Option<Vec<u8>>) {
        match value.filter(|value| is_of(value, info)) {
            Some(value) => self.intact.push((*copy, value)),
            None => self.others.push(*copy),
        }
    }
}

/// Returns whether a value is that of an object: it has the size, and the SHA-256 if there is one.
fn is_of(value: &[u8], info: &ObjectInfo) -> bool {
    let has_digest = info.sha256.as_ref().is_none_or(|checksum| {
        checksum.state != ChecksumState::Mismatch && *checksum.digest == *Sha256::digest(value)
    });
    value.len() as u64 == info.size && has_digest
}

/// Makes a call for all items, and if it is refused, for halves of them, until those that it is refused for are alone. Ends after
/// an error that other calls would have as well. Passes each result to `done` with the items that it is of, as soon as it is
/// known.
async fn in_parts<R>(
    items: usize,
    call: impl AsyncFn(Range<usize>) -> Result<R>,
    mut done: impl FnMut(Range<usize>, Result<R>),
) {
    let all = 0..items;
    let mut parts = Vec::from([all]);
    while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
        match call(part.clone()).await {
            Err(error) if part.len() > 1 && !ends_all(&error) => {
                let middle = part.start + part.len() / 2;
                parts.extend([middle..part.end, part.start..middle]);
            }
            result => {
                let has_ended = result.as_ref().is_err_and(|error: &Error| ends_all(error));
                done(part, result);
                if has_ended {
                    break;
                }
            }
        }
    }
}

//! Files to objects. Small files are stored in batches, because one call for each would be slow, and batches concurrently,
//! because a call to a network takes seconds.

use std::{cell::RefCell, path::Path, slice};

use anyhow::{Context as _, Result, bail};
use storage_client::{Progress, transfer::Unobserved};

use super::{
    batch::Batch,
    copy::Copy,
    each::concurrently,
    plan::Plan,
    tally::{Outcome, Tally},
};
use crate::{
    context::Context,
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
        {
            let shared = RefCell::new(&mut *tally);
            let add = |outcome| shared.borrow_mut().add_all(outcome);
            let batches = Batches { copies: stage.iter(), next: None, large: &large };
            let batches = batches.map(|(batch, unread)| async move {
                let unread = add(unread);
                unread.and(batch.store(client, add).await)
            });
            concurrently(context.jobs(), batches, |done| done).await?;
        }
        for copy in large.take() {
            let stored = one(client, context, copy, &tally.part()).await;
            tally.add(copy, stored)?;
        }
    }
    Ok(())
}

/// Stores a file with separate calls.
async fn one(client: &StoreClient, context: &Context, copy: &Copy, progress: &dyn Progress) -> Result<u64> {
    let (file, spec) = parts(copy)?;
    let stored = match Input::open_regular(file)? {
        Input::Large(input) => {
            let sha256 = input.sha256(&Unobserved).await?;
            upload::upload(client, context, input, spec.clone(), sha256, progress).await
        }
        // It has become smaller since it was planned.
        input => upload::store(client, context, input, spec.clone()).await,
    };
    Ok(stored.with_context(|| format!("cannot store {}", text::path(file)))?.size)
}

fn parts(copy: &Copy) -> Result<(&Path, &ObjectSpec)> {
    let Copy::Upload { file, spec, .. } = copy else { bail!("only a file can be stored") };
    Ok((file, spec))
}

/// Reads small files and groups them into batches, each when it is asked for. A batch is returned with the files that could
/// not be read.
struct Batches<'a> {
    copies: slice::Iter<'a, Copy>,
    /// File that did not fit the last batch.
    next: Option<Read<'a>>,
    /// Receives the files that need more than one call.
    large: &'a RefCell<Vec<&'a Copy>>,
}

/// Small file that has been read.
struct Read<'a> {
    copy: &'a Copy,
    spec: &'a ObjectSpec,
    content: Vec<u8>,
}

impl<'a> Iterator for Batches<'a> {
    type Item = (Batch<'a>, Outcome<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (mut batch, mut unread) = (Batch::default(), Outcome::default());
        if let Some(Read { copy, spec, content }) = self.next.take() {
            batch.push(copy, spec, content);
        }
        for copy in self.copies.by_ref() {
            match read(copy) {
                Ok(Some((spec, content))) => {
                    if let Some(content) = batch.push(copy, spec, content) {
                        self.next = Some(Read { copy, spec, content });
                        return Some((batch, unread));
                    }
                }
                Ok(None) => self.large.borrow_mut().push(copy),
                Err(error) => unread.done.push((copy, Err(error))),
            }
        }
        (!batch.is_empty() || !unread.done.is_empty()).then_some((batch, unread))
    }
}

/// Reads a file; `None` if it is large.
fn read(copy: &Copy) -> Result<Option<(&ObjectSpec, Vec<u8>)>> {
    let (file, spec) = parts(copy)?;
    Ok(match Input::open_regular(file)? {
        Input::Small(content) => Some((spec, content)),
        Input::Large(_) => None,
    })
}

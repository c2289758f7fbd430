//! Files to files on this machine.

use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
    pin::pin,
};

use anyhow::{Context as _, Error, Result, bail};
use futures_util::TryStreamExt as _;
use storage_client::Progress;
use tokio::task::yield_now;

use super::{copy::Copy, each, file, job::Job, plan::Plan, tally::Tally};
use crate::{
    context::Context,
    failure::Interrupted,
    input::{Input, LargeInput},
    stream, text,
};

/// Bytes copied in one step.
const STEP_BYTES: u64 = 1 << 20;

/// Copies the files of a plan.
pub(super) async fn all(context: &Context, job: &Job<'_>, plan: &Plan, tally: &mut Tally<'_>) -> Result<()> {
    let replaces = !job.options.if_absent;
    // A file that a walk has found is a regular one; one that is named can be a pipe.
    let is_named = !plan.is_compared;
    each::copy(context, plan, tally, async |copy, progress| {
        let Copy::Local { from, to, .. } = copy else { bail!("only a file can be copied to a file") };
        // Between two files, Ctrl-C must be handled.
        yield_now().await;
        let source = match is_named.then(|| stream::open(from, context)).transpose()?.flatten() {
            Some(source) => Source::Stream(source),
            None => Source::File(Input::open_regular(from)?),
        };
        file::write(context, to, permissions(from), replaces, async |target| {
            let failed = || format!("cannot copy {} to {}", text::path(from), text::path(to));
            content(source, context, target.sink(), progress).await.with_context(failed)
        })
        .await
    })
    .await
}

/// Returns the permissions that a new copy of a file gets. Those of a pipe or a device have another meaning.
fn permissions(file: &Path) -> Option<fs::Permissions> {
    fs::metadata(file).ok().filter(fs::Metadata::is_file).map(|metadata| metadata.permissions())
}

/// What is copied.
enum Source {
    File(Input),
    /// Pipe or device, which can be silent for long.
    Stream(Box<dyn Read + Send>),
}

/// Copies the content, and returns the number of bytes.
async fn content(
    source: Source,
    context: &Context,
    sink: &mut impl Write,
    progress: &dyn Progress,
) -> Result<u64> {
    let input = match source {
        Source::File(input) => input,
        Source::Stream(source) => {
            let (mut copied, mut pieces) = (0, pin!(stream::pieces(source, context)));
            while let Some(piece) = pieces.try_next().await.map_err(cause)? {
                sink.write_all(&piece)?;
                copied += piece.len() as u64;
            }
            return Ok(copied);
        }
    };
    match input {
        Input::Small(content) => {
            sink.write_all(&content)?;
            Ok(content.len() as u64)
        }
        Input::Large(input) => Ok(in_steps(input, sink, progress).await?),
    }
}

/// Returns the error of a stream; for Ctrl-C, the error that has its exit code.
fn cause(error: io::Error) -> Error {
    match error.get_ref().is_some_and(|cause| cause.is::<Interrupted>()) {
        true => Interrupted.into(),
        false => error.into(),
    }
}

/// Copies a large file, of which one step is in memory. Its end is read as well, which detects a change.
async fn in_steps(mut input: LargeInput, sink: &mut impl Write, progress: &dyn Progress) -> io::Result<u64> {
    let (mut copied, mut step) = (0, Vec::new());
    loop {
        step.clear();
        input.by_ref().take(STEP_BYTES).read_to_end(&mut step)?;
        if step.is_empty() {
            return Ok(copied);
        }
        sink.write_all(&step)?;
        copied += step.len() as u64;
        progress.safe(copied, input.size());
        // Between two steps, Ctrl-C must be handled.
        yield_now().await;
    }
}

//! Files to files on this machine.

use std::io::{Read, Write};

use anyhow::{Context as _, Result, bail};
use stable_storage_api::limits::MAX_PAYLOAD_BYTES;
use storage_client::Progress;
use tokio::task::yield_now;

use super::{
    each, file,
    job::Job,
    plan::{Copy, Plan},
    tally::Tally,
};
use crate::{
    context::Context,
    input::{Input, LargeInput},
    text,
};

/// Bytes copied in one step.
const STEP_BYTES: u64 = 1 << 20;

/// Copies the files of a plan.
pub(super) async fn all(context: &Context, job: &Job<'_>, plan: &Plan, tally: &mut Tally<'_>) -> Result<()> {
    let replaces = !job.options.if_absent;
    each::copy(context, plan, tally, MAX_PAYLOAD_BYTES, async |copy, progress| {
        let Copy::Local { from, to, .. } = copy else { bail!("only a file can be copied to a file") };
        // Between two files, Ctrl-C must be handled.
        yield_now().await;
        let input = Input::open(from, &context.output.idle)?;
        file::write(context, to, replaces, async |target| {
            let failed = || format!("cannot copy {} to {}", text::path(from), text::path(to));
            content(input, target.sink(), progress).await.with_context(failed)
        })
        .await
    })
    .await
}

/// Copies the content, and returns the number of bytes.
async fn content(input: Input, sink: &mut impl Write, progress: &dyn Progress) -> std::io::Result<u64> {
    match input {
        Input::Small(content) => {
            sink.write_all(&content)?;
            Ok(content.len() as u64)
        }
        Input::Large(input) => in_steps(input, sink, progress).await,
    }
}

/// Copies a large file, of which one step is in memory. Its end is read as well, which detects a change.
async fn in_steps(
    mut input: LargeInput,
    sink: &mut impl Write,
    progress: &dyn Progress,
) -> std::io::Result<u64> {
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

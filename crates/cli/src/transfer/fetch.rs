//! Objects to files.

use std::io::Write;

use anyhow::{Context as _, Result, bail};
use storage_client::Progress;
use tokio::task::yield_now;

use super::{
    copy::Copy,
    each, file,
    job::Job,
    plan::Plan,
    tally::{Outcome, Tally},
};
use crate::{context::Context, download::download, store::StoreClient, text};

/// Fetches the objects of a plan.
pub(super) async fn all(
    client: &StoreClient,
    context: &Context,
    job: &Job<'_>,
    plan: &Plan,
    tally: &mut Tally<'_>,
) -> Result<()> {
    let replaces = !job.options.if_absent;
    let one = async |copy: &Copy, progress: &dyn Progress| {
        let Copy::Fetch { info, file } = copy else { bail!("only an object can be fetched") };
        file::write(context, file, None, replaces, async |target| {
            Ok(download(client, context, &info.key, target.sink(), progress).await?.size)
        })
        .await
    };
    // Each object has its own proof.
    if context.verifier.is_some() {
        return each::copy(context, plan, tally, one).await;
    }
    each::copy_in_batches(client, context, plan, tally, one, async |values, add| {
        for (copy, value) in values {
            // Between two files, Ctrl-C must be handled.
            yield_now().await;
            add(Outcome::of(copy, write(context, copy, &value, replaces).await))?;
        }
        Ok(())
    })
    .await
}

/// Writes an object that has been read.
async fn write(context: &Context, copy: &Copy, value: &[u8], replaces: bool) -> Result<u64> {
    let Copy::Fetch { file, .. } = copy else { bail!("only an object can be fetched") };
    file::write(context, file, None, replaces, async |target| {
        target.sink().write_all(value).with_context(|| format!("cannot write {}", text::path(file)))?;
        Ok(value.len() as u64)
    })
    .await
}

//! Objects to files.

use anyhow::{Result, bail};
use stable_storage_api::limits::MAX_REPLY_BYTES;

use super::{
    each, file,
    job::Job,
    plan::{Copy, Plan},
    tally::Tally,
};
use crate::{context::Context, download::download, store::StoreClient};

/// Fetches the objects of a plan.
pub(super) async fn all(
    client: &StoreClient,
    context: &Context,
    job: &Job<'_>,
    plan: &Plan,
    tally: &mut Tally<'_>,
) -> Result<()> {
    let replaces = !job.options.if_absent;
    each::copy(context, plan, tally, MAX_REPLY_BYTES, async |copy, progress| {
        let Copy::Fetch { info, file } = copy else { bail!("only an object can be fetched") };
        file::write(context, file, replaces, async |target| {
            Ok(download(client, context, &info.key, target.sink(), progress).await?.size)
        })
        .await
    })
    .await
}

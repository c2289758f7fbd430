//! Objects to files.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use futures_util::{StreamExt, stream};
use stable_storage_api::{ObjectInfo, limits::MAX_REPLY_BYTES};
use storage_client::{Progress, transfer::Unobserved};

use super::{
    job::Job,
    plan::{Copy, Plan},
    report::shown,
    tally::Tally,
};
use crate::{
    atomic_file::{AtomicFile, folder_of},
    context::Context,
    download::download,
    failure::with_help,
    store::StoreClient,
    text,
};

/// Fetches the objects of a plan: small ones concurrently, large ones one after the other with concurrent ranges.
pub(super) async fn all(
    client: &StoreClient,
    context: &Context,
    job: &Job<'_>,
    plan: &Plan,
    tally: &mut Tally<'_>,
) -> Result<()> {
    let replaces = !job.options.if_absent;
    let (small, large): (Vec<_>, Vec<_>) =
        plan.copies.iter().partition(|copy| copy.size() <= MAX_REPLY_BYTES);
    let small = small
        .into_iter()
        .map(|copy| async move { (copy, write(client, context, copy, replaces, &Unobserved).await) });
    let mut small = stream::iter(small).buffered(context.jobs());
    while let Some((copy, written)) = small.next().await {
        add(job, copy, written, tally)?;
    }
    drop(small);
    for copy in large {
        let written = write(client, context, copy, replaces, &tally.part()).await;
        add(job, copy, written, tally)?;
    }
    Ok(())
}

fn add(job: &Job<'_>, copy: &Copy, written: Result<ObjectInfo>, tally: &mut Tally<'_>) -> Result<()> {
    match written {
        Ok(info) => tally.copied(shown(job, copy), info.size),
        Err(error) => tally.failed(format!("{:?}", shown(job, copy)), error)?,
    }
    Ok(())
}

/// Writes an object to a file, and creates the folders above it.
async fn write(
    client: &StoreClient,
    context: &Context,
    copy: &Copy,
    replaces: bool,
    progress: &dyn Progress,
) -> Result<ObjectInfo> {
    let Copy::Fetch { info, file } = copy else { bail!("only an object can be fetched") };
    if !replaces && file.symlink_metadata().is_ok() {
        return Err(with_help(
            format!("{} exists", text::path(file)),
            "remove it, or copy without --if-absent",
        ));
    }
    create_folder(folder_of(file))?;
    let mut target = AtomicFile::create(file)?;
    let info = download(client, context, &info.key, target.sink(), progress).await?;
    let done = if replaces { target.finish() } else { target.finish_new() };
    done.with_context(|| format!("cannot write {}", text::path(file)))?;
    Ok(info)
}

fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", text::path(folder)))
}

//! Removal of what the source of a job has not.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Error, Result};

use super::{each, job::Job, plan::Plan, tally::Tally};
use crate::{
    context::Context,
    text,
    tree::{Content, Entry, Root},
};

/// Removes objects, or files and the folders that become empty.
pub(super) async fn all(context: &Context, job: &Job<'_>, plan: &Plan, tally: &mut Tally<'_>) -> Result<()> {
    match &job.target {
        Root::Folder(folder) => files(folder, plan, tally),
        Root::Prefix { client, label, .. } => {
            let keys = plan.removals.iter().filter_map(Entry::object).map(|info| &info.key);
            let removals = keys.map(|key| async move { (key, client.delete(key).await) });
            each::concurrently(context.jobs(), removals, |(key, removed)| {
                match removed.map_err(Error::from) {
                    Ok(_) => tally.removed(format!("{label}{key}")),
                    Err(error) => tally.failed(format!("{key:?}"), error)?,
                }
                Ok(())
            })
            .await
        }
    }
}

fn files(folder: &Path, plan: &Plan, tally: &mut Tally<'_>) -> Result<()> {
    let file = |entry: &Entry| match &entry.content {
        Content::File(path) => Some(path.clone()),
        Content::Object(_) => None,
    };
    let files: Vec<PathBuf> = plan.removals.iter().filter_map(file).collect();
    for file in files {
        match fs::remove_file(&file) {
            Ok(()) => {
                tally.removed(text::path(&file));
                let above = file.ancestors().skip(1).take_while(|above| *above != folder);
                // A folder that is not empty stays, and so do its parents.
                let _ = above.map(fs::remove_dir).find(Result::is_err);
            }
            Err(error) => {
                tally.failed(text::path(&file), Error::new(error).context("cannot remove the file"))?;
            }
        }
    }
    Ok(())
}

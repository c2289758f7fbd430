//! Removal of what the source of a job has not.

use std::{fs, path::Path};

use anyhow::{Context as _, Error, Result};
use stable_storage_api::{Condition, ObjectInfo};

use super::{each, job::Job, plan::Plan, tally::Tally};
use crate::{
    context::Context,
    store::StoreClient,
    tree::{Content, Root},
};

/// Removes objects, or files and the folders that become empty.
pub(super) async fn all(context: &Context, job: &Job<'_>, plan: &Plan, tally: &mut Tally<'_>) -> Result<()> {
    match &job.target {
        Root::Folder(folder) => files(folder, plan, tally),
        Root::Prefix { client, .. } => {
            let objects = plan.removals.iter().filter_map(|entry| Some((entry, entry.object()?)));
            let removals = objects.map(|(entry, info)| async move { (entry, remove(client, info).await) });
            each::concurrently(context.jobs(), removals, |(entry, removed)| tally.add_removal(entry, removed))
                .await
        }
    }
}

/// Removes an object, unless another one was stored since it was listed.
async fn remove(client: &StoreClient, info: &ObjectInfo) -> Result<()> {
    let Err(error) = client.delete_when(&info.key, Condition::Revision(info.revision)).await else {
        return Ok(());
    };
    match error.storage_error() {
        // Somebody else has removed it.
        Some(stable_storage_api::Error::RevisionMismatch { current: None }) => Ok(()),
        Some(stable_storage_api::Error::RevisionMismatch { .. }) => {
            Err(Error::new(error).context("not removed: it was stored again after it was listed"))
        }
        _ => Err(error.into()),
    }
}

fn files(folder: &Path, plan: &Plan, tally: &mut Tally<'_>) -> Result<()> {
    for entry in &plan.removals {
        let Content::File(file) = &entry.content else { continue };
        let removed = fs::remove_file(file).context("cannot remove the file");
        if removed.is_ok() {
            let above = file.ancestors().skip(1).take_while(|above| *above != folder);
            // A folder that is not empty stays, and so do its parents.
            let _ = above.map(fs::remove_dir).find(Result::is_err);
        }
        tally.add_removal(entry, removed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use storage_client::Client;

    use super::*;
    use crate::{
        transfer::testing::{Fake, info},
        transport::AnyTransport,
    };

    #[tokio::test]
    async fn what_was_stored_after_the_listing_is_not_removed() {
        let client = Client::new(AnyTransport::Fake(Fake::default()));
        remove(&client, &info("listed")).await.unwrap();
        remove(&client, &info("gone")).await.unwrap();
        let error = remove(&client, &info("changed")).await.unwrap_err();
        assert_eq!(error.to_string(), "not removed: it was stored again after it was listed");
    }
}

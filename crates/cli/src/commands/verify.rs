//! The command `verify`, which has the canister hash an object.

use anyhow::Result;
use serde::Serialize;
use stable_storage_api::{Checksum, ChecksumState};

use crate::{context::Context, download::explain, failure::with_help, store::StoreClient, view::state_name};

/// Result, as JSON.
#[derive(Serialize)]
struct Verdict {
    key: String,
    state: &'static str,
    sha256: String,
}

pub(crate) async fn run(client: &StoreClient, context: &Context, key: &str) -> Result<()> {
    let size = client.stat(key).await.map_err(|error| explain(error, key))?.size;
    let state = {
        let bar = context.bars.bar("verifying", size);
        client.verify_all(key, &bar).await?
    };
    // The node that executes a query may not have the result yet.
    let sha256 = client.stat_replicated(key).await?.sha256;
    let sha256 = sha256.map(|Checksum { digest, .. }| hex::encode(digest)).unwrap_or_default();
    let verdict = Verdict { key: key.to_owned(), state: state_name(state), sha256 };
    context.output.print(&verdict, |verdict| match state {
        ChecksumState::Mismatch => vec![],
        _ => vec![verdict.sha256.clone()],
    })?;
    if state == ChecksumState::Mismatch {
        return Err(with_help(
            format!("the object under {key:?} does not have the declared SHA-256 {}", verdict.sha256),
            "store it again",
        ));
    }
    Ok(())
}

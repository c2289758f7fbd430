//! The command `certify`.

use anyhow::Result;
use serde::Serialize;
use stable_storage_api::{CertifiedPrefix, CertifyProgress};
use storage_client::Progress as _;

use crate::{args::CertifyArgs, context::Context, store::StoreClient, text::pluralize};

pub(crate) async fn run(client: &StoreClient, context: &Context, args: CertifyArgs) -> Result<()> {
    match args {
        CertifyArgs { log: true, .. } => certify_log(client, context).await,
        CertifyArgs { prefix: None, .. } => list(client, context).await,
        CertifyArgs { prefix: Some(prefix), off: true, .. } => stop(client, context, &prefix).await,
        CertifyArgs { prefix: Some(prefix), .. } => {
            context.check_new_key(&prefix)?;
            certify(client, context, &prefix).await
        }
    }
}

/// Certified prefix, as JSON.
#[derive(Serialize)]
struct Listed<'a> {
    prefix: &'a str,
    complete: bool,
}

async fn list(client: &StoreClient, context: &Context) -> Result<()> {
    let prefixes = client.certified_prefixes().await?;
    let listed: Vec<_> = prefixes
        .iter()
        .map(|CertifiedPrefix { prefix, complete }| Listed { prefix, complete: *complete })
        .collect();
    context.output.print(&listed, |listed| {
        let state = |complete| if complete { "complete  " } else { "incomplete" };
        listed.iter().map(|line| format!("{}  {:?}", state(line.complete), line.prefix)).collect()
    })
}

/// Result, as JSON.
#[derive(Serialize)]
struct Certified<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<&'a str>,
    certified: u64,
    hashed_bytes: u64,
}

async fn certify(client: &StoreClient, context: &Context, prefix: &str) -> Result<()> {
    // Only an admin can declare a prefix, and a writer can certify what is under it.
    let is_declared = client.certified_prefixes().await?.iter().any(|found| found.prefix == prefix);
    if !is_declared {
        client.set_certified(prefix, true).await?;
    }
    let sum = {
        let bar = context.bars.counter("certifying");
        client.certify_all(prefix, |sum| bar.part(0).safe(sum.hashed, 0)).await?
    };
    let text = format!("certified {} under {prefix:?}", pluralize(sum.items, "object", "objects"));
    report(context, Some(prefix), sum, &text)
}

async fn certify_log(client: &StoreClient, context: &Context) -> Result<()> {
    let sum = {
        let bar = context.bars.counter("certifying");
        client.certify_whole_log(|sum| bar.part(0).safe(sum.hashed, 0)).await?
    };
    let text = format!("certified {} of the log", pluralize(sum.items, "entry", "entries"));
    report(context, None, sum, &text)
}

fn report(context: &Context, prefix: Option<&str>, sum: CertifyProgress, text: &str) -> Result<()> {
    let hashed = context.output.sizes.full(sum.hashed);
    let result = Certified { prefix, certified: sum.items, hashed_bytes: sum.hashed };
    context.output.done(&result, &format!("{text}, hashed {hashed}"))
}

async fn stop(client: &StoreClient, context: &Context, prefix: &str) -> Result<()> {
    client.set_certified(prefix, false).await?;
    let stopped = Listed { prefix, complete: false };
    context.output.done(&stopped, &format!("objects under {prefix:?} are no longer certified"))
}

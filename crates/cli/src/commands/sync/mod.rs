//! The command that makes the store like a folder.

mod plan;
mod transfer;
mod walk;

use anyhow::{Result, bail};
use indicatif::HumanBytes;
use serde::Serialize;

use self::{plan::Plan, transfer::Transfer, walk::Walk};
use crate::{
    args::SyncArgs,
    context::Context,
    output::{counted, shown},
    store::StoreClient,
};

/// What was done, or would be, as JSON.
#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    stored: Vec<&'a str>,
    stored_bytes: u64,
    unchanged: usize,
    removed: Vec<&'a str>,
}

pub(crate) async fn run(client: &StoreClient, context: &Context, args: &SyncArgs) -> Result<()> {
    let prefix = match args.prefix.trim_end_matches('/') {
        "" if args.prefix.is_empty() => String::new(),
        // Keys that start with a slash are keys, too; a prefix of slashes only is most likely a mistake.
        "" => bail!("the prefix {:?} has nothing but slashes; for no prefix, give ''", args.prefix),
        prefix => format!("{prefix}/"),
    };
    let walk = Walk::of(&args.folder, &prefix)?;
    for skipped in &walk.skipped {
        context.output.note(&format!("skipped {skipped}"));
    }
    let plan = Plan::make(client, context, &prefix, walk.files, args.delete).await?;
    if !args.dry_run {
        Transfer::new(client, context, plan.bytes()).run(&plan).await?;
    }
    report(context, &plan, args.dry_run)
}

fn report(context: &Context, plan: &Plan, dry_run: bool) -> Result<()> {
    let report = Report {
        dry_run,
        stored: plan.store.iter().map(|file| file.key.as_str()).collect(),
        stored_bytes: plan.bytes(),
        unchanged: plan.unchanged,
        removed: plan.remove.iter().map(String::as_str).collect(),
    };
    context.output.print(&report, |report| {
        let (store, remove) = if dry_run { ("store", "remove") } else { ("stored", "removed") };
        let stored = report.stored.iter().map(|key| format!("{store:7}  {}", shown(key)));
        stored.chain(report.removed.iter().map(|key| format!("{remove:7}  {}", shown(key)))).collect()
    })?;
    let stored = counted(report.stored.len() as u64, "file", "files");
    let (unchanged, removed) = (report.unchanged, report.removed.len());
    let would = if dry_run { "would have " } else { "" };
    context.output.note(&format!(
        "{would}stored {stored} ({}), left {unchanged} unchanged, removed {removed}",
        HumanBytes(report.stored_bytes)
    ));
    Ok(())
}

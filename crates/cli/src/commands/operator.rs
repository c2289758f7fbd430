//! The commands `status` and `upgrade`.

use anyhow::{Context, Result};
use embedded_ic::UpgradeOptions;
use serde::Serialize;
use stable_storage_api::Status;
use storage_wasm::STORAGE_WASM;

use crate::{
    args::HumanArgs,
    output::Output,
    size::Sizes,
    store::{Store, StoreClient, no_settings},
    text::{grouped, pluralize},
};

pub(crate) async fn status(client: &StoreClient, output: &Output, human: &HumanArgs) -> Result<()> {
    let output = output.human(human);
    output.print(&client.status().await?, |status| describe(status, output.sizes))
}

/// Cost of an upgrade, in instructions.
#[derive(Serialize)]
struct UpgradeCost {
    instructions: u64,
    pre_upgrade: u64,
    post_upgrade: u64,
}

pub(crate) fn upgrade(store: &Store, output: &Output, skip_pre_upgrade: bool) -> Result<()> {
    let options = UpgradeOptions { skip_pre_upgrade };
    let upgraded = store.with_host(|host| host.upgrade(STORAGE_WASM, &no_settings(), options))?;
    let execution = upgraded.context("the upgrade failed; the store is unchanged")?;
    let cost = UpgradeCost {
        instructions: execution.instructions,
        pre_upgrade: execution.pre_upgrade,
        post_upgrade: execution.post_upgrade,
    };
    output.print(&cost, |cost| {
        vec![
            format!("instructions  {}", grouped(cost.instructions)),
            format!("pre_upgrade   {}", grouped(cost.pre_upgrade)),
            format!("post_upgrade  {}", grouped(cost.post_upgrade)),
        ]
    })
}

fn describe(status: &Status, sizes: Sizes) -> Vec<String> {
    let size = |bytes| sizes.full(bytes);
    let sealed = if status.upgrades.last_was_sealed { "with" } else { "without" };
    let last_upgrade = match status.upgrades.count {
        0 => String::new(),
        _ => format!(", the last {sealed} pre_upgrade"),
    };
    let mut lines = vec![
        format!("version        {} (layout {})", status.version, status.layout_version),
        format!("build          {}", status.build),
        format!("objects        {} with {}", grouped(status.objects), size(status.object_bytes)),
        format!("uploads        {}", status.uploads),
        format!("log            {}", pluralize(status.log_entries, "entry", "entries")),
        format!("regions        {}", status.regions),
        format!("roles          {}", status.roles),
        format!("revision       {}", status.revision),
        format!("stable memory  {} of {}", size(status.stable_bytes), size(status.capacity_bytes)),
        format!("  objects      {}", size(status.stores.objects)),
        format!("  arena        {}", size(status.stores.arena)),
        format!("  log          {}", size(status.stores.log)),
        format!("  log index    {}", size(status.stores.log_index)),
        format!("  uploads      {}", size(status.stores.uploads)),
        format!("  roles        {}", size(status.stores.roles)),
        format!("  regions      {}", size(status.stores.regions + status.stores.region_data)),
    ];
    if let Some(certified) = &status.stores.certified {
        lines.extend([
            format!("  hash tree    {}", size(certified.hash_tree)),
            format!("  log range    {}", size(certified.log_range)),
            format!("  scopes       {}", size(certified.scopes)),
            format!("  pieces       {}", size(certified.pieces)),
            format!("  pending      {}", size(certified.pending)),
        ]);
    }
    lines.extend([
        format!("storable       {}", size(status.storable_bytes)),
        format!(
            "arena          {} in {} extents",
            size(status.arena.used_bytes),
            grouped(status.arena.extents)
        ),
        format!("  free         {}", size(status.arena.free_bytes)),
        format!("  largest free {}", size(status.arena.largest_free_bytes)),
        format!("  reserved     {}", size(status.arena.reserved_bytes)),
        format!("heap           {}", size(status.heap_bytes)),
        format!("cycles         {}", cycles(status.cycles)),
        format!("upgrades       {}{last_upgrade}", status.upgrades.count),
        format!("opening cost   {} instructions", grouped(status.upgrades.open_instructions)),
    ]);
    lines
}

/// Returns cycles in trillions, the unit in which they are bought.
fn cycles(cycles: u128) -> String {
    format!("{}.{:03} T", cycles / 1_000_000_000_000, cycles / 1_000_000_000 % 1_000)
}

//! Commands for whoever runs the store.

use anyhow::{Context, Result};
use embedded_ic::UpgradeOptions;
use serde::Serialize;
use storage_api::Status;
use storage_wasm::STORAGE_WASM;

use crate::{
    output::Output,
    store::{Store, StoreClient, no_settings},
};

pub(crate) async fn status(client: &StoreClient, output: Output) -> Result<()> {
    output.print(&client.status().await?, describe)
}

/// What an upgrade cost, in instructions.
#[derive(Serialize)]
struct UpgradeCost {
    instructions: u64,
    pre_upgrade: u64,
    post_upgrade: u64,
}

pub(crate) fn upgrade(store: &Store, output: Output, skip_pre_upgrade: bool) -> Result<()> {
    let options = UpgradeOptions { skip_pre_upgrade };
    let upgraded = store.with_host(|host| host.upgrade(STORAGE_WASM, &no_settings(), options))?;
    let execution = upgraded.context("the upgrade was refused, and the store is as it was")?;
    let cost = UpgradeCost {
        instructions: execution.instructions,
        pre_upgrade: execution.pre_upgrade,
        post_upgrade: execution.post_upgrade,
    };
    output.print(&cost, |cost| {
        vec![
            format!("instructions  {}", cost.instructions),
            format!("pre_upgrade   {}", cost.pre_upgrade),
            format!("post_upgrade  {}", cost.post_upgrade),
        ]
    })
}

fn describe(status: &Status) -> Vec<String> {
    let sealed = if status.upgrades.last_was_sealed { "with" } else { "without" };
    let last_upgrade = match status.upgrades.count {
        0 => String::new(),
        _ => format!(", the last {sealed} pre_upgrade"),
    };
    vec![
        format!("version        {} (layout {})", status.version, status.layout_version),
        format!("build          {}", status.build),
        format!("objects        {} with {} bytes", status.objects, status.object_bytes),
        format!("uploads        {}", status.uploads),
        format!("log            {} entries", status.log_entries),
        format!("regions        {}", status.regions),
        format!("roles          {}", status.roles),
        format!("revision       {}", status.revision),
        format!("stable memory  {} bytes of {}", status.stable_bytes, status.capacity_bytes),
        format!("  objects      {} bytes", status.stores.objects),
        format!("  arena        {} bytes", status.stores.arena),
        format!("  log          {} bytes", status.stores.log),
        format!("  log index    {} bytes", status.stores.log_index),
        format!("  uploads      {} bytes", status.stores.uploads),
        format!("  roles        {} bytes", status.stores.roles),
        format!("  regions      {} bytes", status.stores.regions + status.stores.region_data),
        format!("storable       {} bytes", status.storable_bytes),
        format!("arena          {} bytes in {} extents", status.arena.used_bytes, status.arena.extents),
        format!("  free         {} bytes", status.arena.free_bytes),
        format!("  largest free {} bytes", status.arena.largest_free_bytes),
        format!("  reserved     {} bytes", status.arena.reserved_bytes),
        format!("heap           {} bytes", status.heap_bytes),
        format!("upgrades       {}{last_upgrade}", status.upgrades.count),
        format!("opening cost   {} instructions", status.upgrades.open_instructions),
    ]
}

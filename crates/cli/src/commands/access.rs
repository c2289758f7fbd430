//! Commands for roles and settings.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use stable_storage_api::limits::{
    MAX_STABLE_BYTES, MAX_UPLOAD_IDLE_NS, MIN_CAPACITY_BYTES, MIN_UPLOAD_IDLE_NS,
};
use stable_storage_api::{Config, Role, Settings};
use storage_client::Transport;

use crate::{
    args::{ConfigArgs, ConfigCommand, RoleName, RolesCommand},
    failure::with_help,
    output::Output,
    size::{Sizes, shown_duration},
    store::StoreClient,
    text::grouped,
    view::{Holder, role_name},
};

/// Caller, as JSON.
#[derive(Serialize)]
struct Caller {
    principal: String,
}

/// Prints the principal that calls the canister, for an admin who is to grant it a role.
pub(crate) async fn whoami(client: &StoreClient, output: &Output) -> Result<()> {
    if client.transport().caller().is_none() {
        // A folder's owner is known once it is open.
        client.status().await?;
    }
    let caller = client.transport().caller().context("the caller is unknown")?;
    output.print(&Caller { principal: caller.to_text() }, |caller| vec![caller.principal.clone()])
}

pub(crate) async fn roles(client: &StoreClient, output: &Output, command: RolesCommand) -> Result<()> {
    match command {
        RolesCommand::Ls => {
            let grants = client.list_roles().await?;
            let holders: Vec<_> = grants.iter().map(Holder::of).collect();
            output.print(&holders, |holders| {
                let line = |Holder { who, role }: &Holder| format!("{:6}  {who}", role.unwrap_or("-"));
                holders.iter().map(line).collect()
            })
        }
        RolesCommand::Set { who, role } => {
            let role = role_of(role);
            client.set_role(who, Some(role)).await?;
            output.done(&Holder::new(who, Some(role)), &format!("{who} is a {}", role_name(role)))
        }
        RolesCommand::Rm { who } => {
            client.set_role(who, None).await?;
            output.done(&Holder::new(who, None), &format!("{who} has no role"))
        }
    }
}

fn role_of(name: RoleName) -> Role {
    match name {
        RoleName::Reader => Role::Reader,
        RoleName::Writer => Role::Writer,
        RoleName::Admin => Role::Admin,
    }
}

pub(crate) async fn config(client: &StoreClient, output: &Output, command: ConfigCommand) -> Result<()> {
    let config = match command {
        ConfigCommand::Show => client.get_config().await?,
        ConfigCommand::Set(args) => client.configure(&settings(&args, output.sizes)?).await?,
    };
    output.print(&config, |config| describe(config, output.sizes))
}

/// Checks the settings in the units in which people give them. The canister checks them as well.
fn settings(args: &ConfigArgs, sizes: Sizes) -> Result<Settings> {
    if let Some(capacity) = args.capacity {
        let size = |bytes| sizes.full(bytes);
        check_range("--capacity", capacity, MIN_CAPACITY_BYTES, MAX_STABLE_BYTES, size)?;
    }
    let nanoseconds = |idle: Duration| {
        let duration = |ns| shown_duration(ns / 1_000_000_000);
        let idle = u64::try_from(idle.as_nanos()).unwrap_or(u64::MAX);
        check_range("--upload-idle", idle, MIN_UPLOAD_IDLE_NS, MAX_UPLOAD_IDLE_NS, duration).map(|()| idle)
    };
    Ok(Settings {
        capacity: args.capacity,
        public_read: args.public_read,
        max_uploads: args.max_uploads,
        upload_idle_ns: args.upload_idle.map(nanoseconds).transpose()?,
    })
}

fn check_range(option: &str, value: u64, least: u64, most: u64, show: impl Fn(u64) -> String) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let limits = format!("give a value from {} to {}", show(least), show(most));
    Err(with_help(format!("{option} {} is out of range", show(value)), limits))
}

fn describe(config: &Config, sizes: Sizes) -> Vec<String> {
    vec![
        format!("capacity     {}", sizes.full(config.capacity)),
        format!("public read  {}", if config.public_read { "yes" } else { "no" }),
        format!("max uploads  {}", grouped(config.max_uploads)),
        format!("upload idle  {}", shown_duration(config.upload_idle_ns / 1_000_000_000)),
    ]
}

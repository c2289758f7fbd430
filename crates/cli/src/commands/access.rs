//! Commands for roles and settings.

use std::time::Duration;

use anyhow::{Context, Result};
use serde::Serialize;
use stable_storage_api::{Config, Role, Settings};
use storage_client::Transport;

use crate::{
    args::{ConfigArgs, ConfigCommand, RoleName, RolesCommand},
    output::Output,
    size::{Sizes, shown_duration},
    store::StoreClient,
    text::grouped,
    view::{Holder, role_name},
};

/// The caller, as JSON.
#[derive(Serialize)]
struct Caller {
    principal: String,
}

/// Prints as whom the canister is called, for an admin who is to give him a role.
pub(crate) async fn whoami(client: &StoreClient, output: &Output) -> Result<()> {
    if client.transport().caller().is_none() {
        // A folder tells its owner once it is open.
        client.status().await?;
    }
    let caller = client.transport().caller().context("nothing tells who calls")?;
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
        ConfigCommand::Set(args) => client.configure(&settings(&args)?).await?,
    };
    output.print(&config, |config| describe(config, output.sizes))
}

fn settings(args: &ConfigArgs) -> Result<Settings> {
    let nanoseconds = |idle: Duration| u64::try_from(idle.as_nanos()).context("--upload-idle is too long");
    Ok(Settings {
        capacity: args.capacity,
        public_read: args.public_read,
        max_uploads: args.max_uploads,
        upload_idle_ns: args.upload_idle.map(nanoseconds).transpose()?,
    })
}

fn describe(config: &Config, sizes: Sizes) -> Vec<String> {
    vec![
        format!("capacity     {}", sizes.full(config.capacity)),
        format!("public read  {}", if config.public_read { "yes" } else { "no" }),
        format!("max uploads  {}", grouped(config.max_uploads)),
        format!("upload idle  {}", shown_duration(config.upload_idle_ns / 1_000_000_000)),
    ]
}

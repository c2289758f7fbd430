//! Commands for roles and settings.

use anyhow::{Context, Result};
use storage_api::{Config, Role, Settings};

use crate::{
    args::{ConfigArgs, ConfigCommand, RoleName, RolesCommand},
    output::Output,
    store::StoreClient,
};

pub(crate) async fn roles(client: &StoreClient, output: Output, command: RolesCommand) -> Result<()> {
    match command {
        RolesCommand::Ls => {
            let grants = client.list_roles().await?;
            output.print(&grants, |grants| {
                let line = |role, who| format!("{:6}  {who}", name_of(role));
                grants.iter().map(|grant| line(grant.role, grant.who)).collect()
            })
        }
        RolesCommand::Set { who, role } => {
            let role = role_of(role);
            client.set_role(who, Some(role)).await?;
            output.note(&format!("{who} is a {}", name_of(role)));
            Ok(())
        }
        RolesCommand::Rm { who } => {
            client.set_role(who, None).await?;
            output.note(&format!("{who} has no role"));
            Ok(())
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

fn name_of(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Writer => "writer",
        Role::Admin => "admin",
    }
}

pub(crate) async fn config(client: &StoreClient, output: Output, command: ConfigCommand) -> Result<()> {
    let config = match command {
        ConfigCommand::Show => client.get_config().await?,
        ConfigCommand::Set(args) => client.configure(&settings(&args)?).await?,
    };
    output.print(&config, describe)
}

fn settings(args: &ConfigArgs) -> Result<Settings> {
    let nanoseconds = |seconds: u64| seconds.checked_mul(1_000_000_000).context("--upload-idle is too long");
    Ok(Settings {
        capacity: args.capacity,
        public_read: args.public_read,
        max_uploads: args.max_uploads,
        upload_idle_ns: args.upload_idle.map(nanoseconds).transpose()?,
    })
}

fn describe(config: &Config) -> Vec<String> {
    vec![
        format!("capacity     {} bytes", config.capacity),
        format!("public read  {}", if config.public_read { "yes" } else { "no" }),
        format!("max uploads  {}", config.max_uploads),
        format!("upload idle  {} seconds", config.upload_idle_ns / 1_000_000_000),
    ]
}

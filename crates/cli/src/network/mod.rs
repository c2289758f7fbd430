//! A canister on a network.

pub(crate) mod complete;
mod identity;
mod local;
mod project;
#[cfg(test)]
mod testing;

use std::{env, path::PathBuf};

use anyhow::{Context, Result};
use candid::Principal;
use storage_client::{AgentIdentity, AgentOptions, AgentTransport};

use self::local::Endpoint;
use crate::notes::Notes;

pub(crate) use self::{
    identity::{is_path, names as identities},
    project::names,
};

const MAINNET: &str = "https://icp-api.io";

/// Connects to a canister with an identity.
pub(crate) async fn connect(
    network: &str,
    canister: &str,
    identity: &str,
    notes: Notes,
) -> Result<AgentTransport> {
    let canister = Principal::from_text(canister)
        .with_context(|| format!("{canister:?} is not the identifier of a canister"))?;
    let identity = identity::load(identity)?;
    match network {
        "ic" => open(MAINNET, canister, identity).await,
        url if url.contains("://") => open(url, canister, identity).await,
        name => {
            let here = env::current_dir().context("cannot determine the working directory")?;
            match project::find(name, &here)? {
                project::Found::At { url, file } => {
                    notes.say(&format!("using the network {name} at {url}, from {file}"));
                    open(&url, canister, identity).await
                }
                project::Found::Default(endpoints) => {
                    local::first_that_answers(&endpoints, canister, identity, notes).await
                }
            }
        }
    }
}

// Fetches the root key only from this machine. From another host, it could come from anyone.
async fn open(url: &str, canister: Principal, identity: AgentIdentity) -> Result<AgentTransport> {
    let options = AgentOptions { url: url.to_owned(), canister, identity, fetch_root_key: false };
    Ok(AgentTransport::connect(options).await?)
}

/// Returns a folder in the user's home.
fn in_home(path: &str) -> Option<PathBuf> {
    env::home_dir().map(|home| home.join(path))
}

//! A canister on a network.

use std::fs;

use anyhow::{Context, Result};
use candid::Principal;
use storage_client::{AgentIdentity, AgentOptions, AgentTransport};

/// Connects to a canister in the name of an identity.
pub(crate) async fn connect(network: &str, canister: &str, identity: &str) -> Result<AgentTransport> {
    let canister = Principal::from_text(canister)
        .with_context(|| format!("{canister:?} is not the identifier of a canister"))?;
    let identity = match identity {
        "anonymous" => AgentIdentity::Anonymous,
        file => {
            let pem = fs::read(file).with_context(|| {
                format!("cannot read the identity {file} (the other choice is: anonymous)")
            })?;
            AgentIdentity::Pem(pem)
        }
    };
    // Only a network on this machine is asked for its key; of a host elsewhere that would be to believe anybody.
    let options =
        AgentOptions { url: address(network).to_owned(), canister, identity, fetch_root_key: false };
    Ok(AgentTransport::connect(options).await?)
}

/// The URL of a network.
fn address(network: &str) -> &str {
    match network {
        "ic" => "https://icp-api.io",
        "local" => "http://127.0.0.1:4943",
        url => url,
    }
}

//! The agent transport against a small replica that follows the interface specification, and against a real one if there
//! is one.

#![expect(clippy::unwrap_used, reason = "what fails here is a test")]

mod calls;
mod certificates;
mod failures;
mod http;
mod identities;
mod live;
mod replica;

use candid::Principal;
use storage_client::{AgentIdentity, AgentOptions, AgentTransport};

/// Ed25519 key, used only here.
const KEY: &[u8] = include_bytes!("keys/ed25519.pem");

/// The canister that the tests call.
fn canister() -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 7, 1, 1])
}

async fn connect(url: &str, identity: AgentIdentity) -> AgentTransport {
    AgentTransport::connect(AgentOptions { identity, ..AgentOptions::new(url, canister()) }).await.unwrap()
}

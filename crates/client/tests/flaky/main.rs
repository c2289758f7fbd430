//! Transfers and retries over a network that loses, delays and duplicates calls, with the real canister.
//!
//! `STORAGE_CLIENT_SEED` is the seed of the network's faults. Time is the runtime's paused clock, which advances when all
//! tasks wait, so tests do not take as long as their delays.

#![expect(clippy::unwrap_used, reason = "what fails here is a test")]

mod commits;
mod copies;
mod disk;
mod lag;
mod network;
mod once;
mod resume;
mod streams;
mod transfers;

use candid::Principal;
use embedded_ic::{Config, EmbeddedIc};
use sha2::{Digest, Sha256};
use stable_storage_api::{InitArgs, UploadArgs, limits::CHUNK_BYTES};
use storage_client::{Client, EmbeddedTransport, RetryPolicy};

use network::Network;

fn owner() -> Principal {
    Principal::self_authenticating(b"the owner")
}

fn config() -> Config {
    Config::default().with_controllers(vec![owner()])
}

fn install(mut host: EmbeddedIc) -> EmbeddedTransport {
    host.install(storage_wasm::STORAGE_WASM, &candid::encode_one(None::<InitArgs>).unwrap()).unwrap();
    EmbeddedTransport::new(host, owner())
}

/// A network without faults, with an empty canister.
fn network() -> Network {
    Network::over(install(EmbeddedIc::new(config()).unwrap()))
}

/// A client with a retry policy.
fn patient(network: &Network) -> Client<Network> {
    Client::new(network.clone()).with_retry(RetryPolicy::default())
}

/// Returns content of `chunks` chunks, the last one shorter. It differs for each number.
fn content(chunks: u64, number: u64) -> Vec<u8> {
    let at = |at: u64| ((at ^ number << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
    (0..chunks * CHUNK_BYTES - 1_000).map(at).collect()
}

/// Returns arguments of an upload of this content, with its digest.
fn declared(key: &str, content: &[u8]) -> UploadArgs {
    let sha256 = Some(Sha256::digest(content).to_vec().into());
    UploadArgs { sha256, ..UploadArgs::new(key, content.len() as u64) }
}

//! Typed async calls to the storage canister, over any transport.
//!
//! [`Client`] has a method for each method of `storage.did`, with the same name. A [`Transport`] carries the calls:
//! `AgentTransport`, of the feature `agent`, calls a canister on a network: the mainnet, a local replica, or any URL.
//! `EmbeddedTransport`, of the feature `embedded`, calls one in this process, and pulls in wasmtime for that. Neither is on
//! by default.
//! Objects of any size are sent and fetched by [`Client::upload`] and [`Client::download`].
//!
//! Replies that the canister certifies are checked against the root key of the network by `Client::verified`, of the feature
//! `verify`.
//!
//! A call is sent once, unless [`Client::with_retry`] sets a policy. Each error names the method whose call failed, and
//! [`ClientError::hint`] returns what a person can do about it.
//!
//! ```no_run
//! # #[cfg(feature = "agent")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use candid::Principal;
//! use storage_client::{AgentIdentity, AgentOptions, AgentTransport, Client, RetryPolicy};
//!
//! // An identity is a key in PEM, as `icp identity export NAME` writes it; without one, calls are anonymous.
//! let identity = AgentIdentity::Pem(std::fs::read("me.pem")?);
//! let canister = Principal::from_text("37pka-5h777-77777-7777q-cai")?;
//! let options = AgentOptions { identity, ..AgentOptions::new("https://icp-api.io", canister) };
//! let transport = AgentTransport::connect(options).await?;
//!
//! let client = Client::new(transport).with_retry(RetryPolicy::default());
//! client.put("greeting", b"hello").await?;
//! assert_eq!(client.get("greeting").await?, b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! A test, or a program without a network, can run the canister itself:
//!
//! ```no_run
//! # #[cfg(feature = "embedded")]
//! # async fn example(wasm: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! use embedded_ic::{Config, EmbeddedIc};
//! use storage_client::{Client, EmbeddedTransport};
//!
//! let mut host = EmbeddedIc::new(Config::default())?;
//! let owner = host.controllers()[0];
//! host.install(wasm, &candid::encode_one(None::<()>)?)?;
//! let client = Client::new(EmbeddedTransport::new(host, owner));
//! client.put("greeting", b"hello").await?;
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "agent")]
mod agent;
mod batch;
mod call;
mod certified;
#[cfg(feature = "embedded")]
mod embedded;
mod error;
mod hint;
mod log;
mod objects;
mod operator;
mod pages;
mod regions;
mod retry;
mod sites;
pub mod transfer;
mod transport;
mod uploads;
#[cfg(feature = "verify")]
mod verified;

#[cfg(feature = "agent")]
pub use agent::{AgentIdentity, AgentOptions, AgentTransport, ConnectError, IdentityError};
pub use call::Client;
#[cfg(feature = "embedded")]
pub use embedded::EmbeddedTransport;
pub use error::{ClientError, Result};
pub use pages::Level;
pub use retry::RetryPolicy;
pub use transfer::{Downloaded, Hasher, Piece, Progress, TransferError, TransferOptions};
pub use transport::{Transport, TransportError};
#[cfg(feature = "verify")]
pub use verified::{Verified, VerifiedError};

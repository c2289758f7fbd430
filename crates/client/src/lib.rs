//! Typed async calls to the storage canister, over any transport.
//!
//! [`Client`] has a method for each method of `storage.did`, named like it. What carries the bytes is a [`Transport`]:
//! [`EmbeddedTransport`] calls a canister in this process, and `AgentTransport`, of the feature `agent`, one on a replica.
//! Objects of any size are sent and fetched by [`Client::upload`] and [`Client::download`].
//!
//! A call is made once, unless [`Client::with_retry`] says otherwise. Each error names the method whose call failed, and
//! [`ClientError::hint`] says what a person can do about it.
//!
//! ```no_run
//! # async fn example(transport: storage_client::EmbeddedTransport) -> Result<(), storage_client::ClientError> {
//! let client = storage_client::Client::new(transport);
//! client.put("greeting", b"hello").await?;
//! assert_eq!(client.get("greeting").await?, b"hello");
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "agent")]
mod agent;
mod batch;
mod call;
mod embedded;
mod error;
mod hint;
mod log;
mod objects;
mod operator;
mod pages;
mod regions;
mod repeat;
mod retry;
pub mod transfer;
mod transport;
mod uploads;

#[cfg(feature = "agent")]
pub use agent::{AgentIdentity, AgentOptions, AgentTransport, ConnectError, IdentityError};
pub use call::Client;
pub use embedded::EmbeddedTransport;
pub use error::{ClientError, Result};
pub use pages::Level;
pub use retry::RetryPolicy;
pub use transfer::{Downloaded, Hasher, Progress, TransferError, TransferOptions};
pub use transport::{Transport, TransportError};

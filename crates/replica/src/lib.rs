//! The Internet Computer's HTTP interface over a canister on the embedded host.
//!
//! Clients of the Internet Computer work with it unchanged: agents in any language, `icp canister call`, web pages. Responses
//! are certified with the root key of the host. Clients verify them as on a network, after they have fetched the root key
//! from `/api/v2/status`.
//!
//! ```no_run
//! use embedded_ic::{Config, EmbeddedIc};
//! use embedded_ic_replica::{Options, Replica};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let host = EmbeddedIc::open_dir("state".as_ref(), Config::default())?;
//! let replica = Replica::start(host)?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:4943").await?;
//! let options = Options::default();
//! let ctrl_c = std::future::pending();
//! let router = replica.with_sites(replica.router(&options), &options);
//! embedded_ic_replica::serve(listener, router, options, ctrl_c).await;
//! replica.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! | file | content |
//! |---|---|
//! | `server`, `progressing` | connections: limits, timeouts, shutdown |
//! | `routes`, `message`, `body`, `error`, `cbor` | HTTP requests and responses |
//! | `destination` | the recipient of a message |
//! | `envelope`, `signature` | authentication of messages |
//! | `call`, `query`, `read_state`, `status` | the endpoints |
//! | `gateway` | web sites of the canister |
//! | `requests`, `outcome` | the status of recent calls |
//! | `worker` | the thread that owns the host and executes calls |
//! | `queries` | queries of the canister, on other threads |
//! | `shared` | the state that requests share |
//! | `direct` | calls from the process that serves the canister |
//! | `management` | calls of the management canister |

#![forbid(unsafe_code)]

mod body;
mod call;
mod cbor;
mod destination;
mod direct;
mod envelope;
mod error;
mod gateway;
mod limits;
mod management;
mod message;
mod outcome;
mod progressing;
mod queries;
mod query;
mod read_state;
mod replica;
mod requests;
mod routes;
mod server;
mod shared;
mod signature;
mod status;
mod threads;
mod worker;

pub use direct::Direct;
pub use limits::Options;
pub use replica::Replica;
pub use server::serve;

//! The Internet Computer's HTTP interface over a canister on the embedded host.
//!
//! Every client of the Internet Computer can talk to it: agents in any language, `icp canister call`, a web page. Replies
//! are certified with the root key of the host, so that clients verify them as they do on a network, once they know that
//! key: `/api/v2/status` tells it.
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
//! embedded_ic_replica::serve(listener, replica.router(&options), options, ctrl_c).await;
//! replica.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! | file | what it is about |
//! |---|---|
//! | `server` | connections: how many, how slow, how they end |
//! | `routes`, `body`, `error` | from HTTP to a message and back |
//! | `destination` | which canister a message is for |
//! | `envelope`, `signature` | who sent a message, and whether it may be executed now |
//! | `call`, `query`, `read_state`, `status` | the endpoints |
//! | `requests` | what came of the calls of the last minutes |
//! | `worker` | the thread that has the host |
//! | `management` | calls of the management canister |

#![forbid(unsafe_code)]

mod body;
mod call;
mod cbor;
mod destination;
mod envelope;
mod error;
mod limits;
mod management;
mod outcome;
mod query;
mod read_state;
mod replica;
mod requests;
mod routes;
mod server;
mod signature;
mod status;
mod worker;

pub use limits::Options;
pub use replica::Replica;
pub use server::serve;

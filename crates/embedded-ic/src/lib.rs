//! Internet Computer host for one canister, in this process, on wasmtime.
//!
//! It runs one wasm32 canister with what a canister of queries and updates needs: install, reinstall and upgrade, the
//! limits, error texts and instruction counts of a replica, and stable memory of up to 500 GiB that takes only the space of
//! what was written. It has no timers, heartbeats or outgoing calls; use PocketIC for canisters that need them.
//!
//! ```no_run
//! use embedded_ic::{Config, EmbeddedIc};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut ic = EmbeddedIc::new(Config::default())?;
//! ic.install(&std::fs::read("canister.wasm")?, &candid::encode_args(())?)?;
//! let sender = ic.controllers()[0];
//! let reply = ic.update(sender, "greet", candid::encode_one("world")?)?;
//! println!("{} bytes for {} instructions", reply.bytes.len(), reply.instructions);
//! # Ok(())
//! # }
//! ```

#![deny(unsafe_code)]
// Offsets and sizes of 64-bit stable memory are used as indices.
#[cfg(not(all(unix, target_pointer_width = "64")))]
compile_error!("embedded-ic needs a 64-bit Unix");

mod allocator;
mod commit;
mod committed;
mod config;
mod cost;
mod disk;
mod error;
mod execute;
mod fault;
mod folder;
mod heap;
mod host;
mod image;
mod instance;
mod lifecycle;
mod limits;
mod log;
mod messages;
mod module;
mod notice;
mod outcome;
mod queries;
mod repair;
mod signer;
mod space;
mod stable;
mod system_api;

pub use config::{Config, SyncPolicy, UpgradeOptions};
pub use error::{CallError, HostError, Reject, RejectCode};
pub use host::EmbeddedIc;
pub use limits::{
    LOG_RING_BYTES, Limits, MAX_CERTIFIED_DATA_BYTES, MAX_CONTROLLERS, MAX_GLOBALS, MAX_HEAP_PAGES,
    MAX_REJECT_MESSAGE_BYTES, MAX_STABLE_PAGES, OS_PAGE_BYTES, PerMessage, WASM_PAGE_BYTES,
};
pub use notice::{Finding, Notice};
pub use outcome::{Execution, LogRecord, Reply};
pub use queries::Queries;
pub use repair::Inspection;
pub use signer::{Metadata, Signer, StateTree};

//! Harness of the integration suite, which runs on the embedded host and on PocketIC.
//!
//! A test starts a [`Harness`], calls the canister through its clients, upgrades it, and reads its stable memory. The
//! replica is [selected](choice) outside; a test is the same for both.

pub mod bench;
pub mod choice;
pub mod contract;
pub mod data;
pub mod expect;
pub mod foreign;
mod harness;
pub mod pattern;
mod replica;
pub mod snapshot;
pub mod stable_log;
pub mod workload;

pub use harness::{Harness, SuiteClient, controller, init_args, second_controller, stranger};
pub use replica::{InstallMode, Replica, ReplicaTransport};

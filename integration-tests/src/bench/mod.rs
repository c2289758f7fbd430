//! Costs of the canister's methods in instructions of the whole message, with the platform's floor, the peers and the
//! budgets.
//!
//! The embedded host counts instructions from the replica's cost table, so the figures are the same on every machine.
//! `scripts/bench.sh` prints them, and a test compares ours with a golden file.

mod budget;
mod case;
mod docs;
mod floor;
mod golden;
mod interface;
mod keys;
mod large;
mod logs;
mod objects;
mod ours;
mod peers;
mod rig;
mod table;

pub use case::{Case, Unit, tsv};
pub use docs::update as update_docs;
pub use golden::{GOLDEN, REFRESH, compare};
pub use ours::measure;
pub use peers::{PEERS, PeerCase, kept as kept_peers, measure_peers, peers_tsv};
pub use table::table;

//! Integration suite: one canister, two replicas, one file per subject.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail the test")]

mod access;
mod bad_input;
mod batches;
mod conditions;
mod config;
mod contract;
mod copy;
mod differential;
mod documents;
mod full_canister;
mod fuzz;
mod http_updates;
mod image;
mod instructions;
mod large;
mod log;
mod metadata;
mod metrics;
mod model;
mod objects;
mod paging;
mod reads;
mod regions;
mod sparse;
mod upgrade_cost;
mod upgrades;
mod uploads;
mod verify;

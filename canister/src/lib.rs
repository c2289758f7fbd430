//! The storage canister: endpoints over `storage-engine`.
//!
//! `endpoints.rs` lists the methods. Each of them checks the caller's role, calls the engine, and hands back what it says. What
//! is stored, and how, is the engine's business; `storage.did` at the top of the repository is the contract.

mod access;
mod endpoints;
mod http;
mod inspect;
mod interface;
mod lifecycle;
mod log;
mod message;
mod metrics;
mod objects;
mod operator;
mod regions;
mod roles;
mod state;
mod uploads;

//! The storage canister: endpoints over `storage-engine`.
//!
//! `endpoints.rs` lists the methods. Each of them checks the caller's role, calls the engine, and returns the
//! engine's result. The engine defines what is stored and how; `storage.did` in the root of the repository is
//! the contract.

mod access;
mod certified;
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

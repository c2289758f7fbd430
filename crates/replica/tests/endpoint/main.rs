//! Tests of the HTTP interface with a small canister: well-behaved clients, malformed and hostile requests; and of web sites, with the storage
//! canister.

#![expect(clippy::unwrap_used, reason = "a test may panic where it fails")]

mod agents;
mod connections;
mod envelopes;
mod gateway;
mod harness;
mod hostile;
mod management;
mod paths;
mod queries;

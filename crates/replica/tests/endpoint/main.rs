//! A small canister behind the endpoint, and clients that mean well or ill.

#![expect(clippy::unwrap_used, reason = "a test may panic where it fails")]

mod agents;
mod connections;
mod envelopes;
mod harness;
mod hostile;
mod management;
mod paths;

//! `storage-wire` encodes and decodes the types of the contract as the `candid` crate does.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail the test")]

mod arguments;
#[expect(unreachable_pub, reason = "the fuzz target takes these from a library")]
#[path = "../../../../canister/fuzz/src/arguments.rs"]
mod fuzzed;
mod replies;
mod values;

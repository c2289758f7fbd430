//! What `storage-wire` writes and reads of the types of the contract is what the `candid` crate reads and writes.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail the test")]

mod arguments;
#[expect(unreachable_pub, reason = "the fuzz target takes these from a library")]
#[path = "../../../../canister/fuzz/src/arguments.rs"]
mod fuzzed;
mod replies;
mod values;

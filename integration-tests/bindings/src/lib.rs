//! The bindings that ic-cdk-bindgen makes of `storage.did`. That this compiles says that the contract has nothing that the
//! generator cannot name; the tests send what it makes to the canister.

/// The contract as ic-cdk-bindgen writes it.
#[allow(missing_docs, clippy::all, reason = "the generator writes it")]
pub mod storage {
    include!(concat!(env!("OUT_DIR"), "/storage.rs"));
}

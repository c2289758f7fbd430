//! The fuzzed part of the canister: its decoders, which need no replica. Tests of `stable-storage-api` also
//! include these functions.

pub mod arguments;

//! What is fuzzed of the canister: its decoders, which need no replica. Tests of `stable-storage-api` include these functions, too.

pub mod arguments;

//! What is fuzzed of the canister: its decoders, which need no replica. The canister's own tests include these functions, too.

pub mod arguments;
#[allow(dead_code, reason = "the canister uses all of it")]
#[path = "../../src/wire/decode.rs"]
mod decode;

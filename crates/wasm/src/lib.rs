//! The storage canister as a WebAssembly module, ready to be installed.
//!
//! The build script compiles the canister of this workspace, so the module and the other crates always have the same
//! version.

/// The module, not compressed.
pub const STORAGE_WASM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/storage.wasm"));

/// The SHA-256 of the module in hexadecimal: the module hash that the Internet Computer shows for a canister.
pub const STORAGE_WASM_SHA256: &str = env!("STORAGE_WASM_SHA256");

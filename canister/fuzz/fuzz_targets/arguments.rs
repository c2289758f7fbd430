//! The arguments of every method: what is decoded by hand is what Candid decodes, and nothing panics.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| storage_canister_fuzz::arguments::arguments(data));

//! What opening trusts, the header and the heads beside it: what opens is whole, the rest is a typed error.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| storage_engine_fuzz::header(data));

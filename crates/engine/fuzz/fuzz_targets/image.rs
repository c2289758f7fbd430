//! A store with changed bytes: opening and reading return typed results, and a store that is found sound can
//! be used.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| storage_engine_fuzz::image(data));

//! A store with changed bytes: opening and reading end in typed answers, and what is found sound can be used.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| storage_engine_fuzz::image(data));

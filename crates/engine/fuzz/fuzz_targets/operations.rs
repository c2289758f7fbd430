//! Any list of operations: the store agrees with a model after each of them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| storage_engine_fuzz::operations(data));

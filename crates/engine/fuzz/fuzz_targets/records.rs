//! Records of the maps with any bytes: every read method returns a typed result.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| storage_engine_fuzz::records(data));

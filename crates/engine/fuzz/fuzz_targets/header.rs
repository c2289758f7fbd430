//! Opening with a changed header and changed headers of the structures: it succeeds with a sound store or
//! returns a typed error.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| storage_engine_fuzz::header(data));

//! Any sequence of calls of the System API with any arguments: the host neither panics nor mixes messages up.

#![no_main]

#[path = "../program.rs"]
mod program;

libfuzzer_sys::fuzz_target!(|data: &[u8]| program::run(data));

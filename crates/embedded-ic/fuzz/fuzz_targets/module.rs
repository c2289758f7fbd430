//! Any bytes as a module: installing them ends in a typed answer.

#![no_main]

use embedded_ic::{Config, EmbeddedIc, Limits};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut limits = Limits::default();
    limits.instructions.install = 1_000_000;
    limits.instructions.update = 1_000_000;
    let mut ic = EmbeddedIc::new(Config::default().with_limits(limits)).expect("the settings are good");
    let _ = ic.install(data, b"");
    let _ = ic.update(candid::Principal::anonymous(), "go", b"argument");
});

//! Installs a module and calls its update methods, printing instruction counts: for trying the host.
//!
//! `cargo run -p embedded-ic --example probe -- MODULE.wasm METHOD ARGUMENT [METHOD ARGUMENT ...]`
//!
//! An argument is `-` for none, `blob:N` for N bytes of 1, or `nat64:N`. The reply is shown as the nat64 in its last bytes.

use std::error::Error;
use std::time::Instant;

use embedded_ic::{Config, EmbeddedIc};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (module, calls) = arguments.split_first().ok_or("usage: probe MODULE.wasm METHOD ARGUMENT ...")?;
    let mut ic = EmbeddedIc::new(Config::default())?;
    let start = Instant::now();
    let execution = ic.install(&std::fs::read(module)?, &candid::encode_args(())?)?;
    println!("install: {} instructions, {:?}", execution.instructions, start.elapsed());
    let sender = ic.controllers()[0];
    for call in calls.chunks(2) {
        let [method, argument] = call else { return Err("each method needs an argument".into()) };
        let argument = encode(argument)?;
        let start = Instant::now();
        let reply = ic.update(sender, method, &argument)?;
        let time = start.elapsed();
        let last = reply.bytes.last_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        println!("{method}: {last}; {} instructions with the reply, {time:?}", reply.instructions);
    }
    Ok(())
}

fn encode(argument: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(match argument.split_once(':') {
        Some(("blob", len)) => candid::encode_one(vec![1_u8; len.parse()?])?,
        Some(("nat64", number)) => candid::encode_one(number.parse::<u64>()?)?,
        _ => candid::encode_args(())?,
    })
}

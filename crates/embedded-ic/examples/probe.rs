//! Installs a module and calls its update methods, printing replies and instruction counts: for trying a host by hand.
//!
//! `cargo run -p embedded-ic --example probe -- MODULE.wasm METHOD HEX-ARGUMENT [METHOD HEX-ARGUMENT ...]`
use embedded_ic::{Config, EmbeddedIc};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (module, calls) = arguments.split_first().ok_or("name a module")?;
    let mut ic = EmbeddedIc::new(Config::default())?;
    let wasm = std::fs::read(module)?;
    let start = std::time::Instant::now();
    let execution = ic.install(&wasm, &candid::encode_args(())?)?;
    println!("install: {} instructions, {:?}", execution.instructions, start.elapsed());
    let sender = ic.controllers()[0];
    for call in calls.chunks(2) {
        let [method, argument] = call else { return Err("each method needs an argument".into()) };
        let argument: Vec<u8> = match argument.strip_prefix("blob:") {
            Some(len) => candid::encode_one(serde_bytes_like(len.parse()?))?,
            None => match argument.strip_prefix("nat64:") {
                Some(number) => candid::encode_one(number.parse::<u64>()?)?,
                None => candid::encode_args(())?,
            },
        };
        let start = std::time::Instant::now();
        let reply = ic.update(sender, method, &argument)?;
        let time = start.elapsed();
        let numbers: Vec<u64> = reply
            .bytes
            .rchunks(8)
            .take(2)
            .map(|eight| eight.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte)))
            .collect();
        println!(
            "{method}: counter {numbers:?}, whole message {} instructions, {time:?}",
            reply.instructions
        );
    }
    Ok(())
}

fn serde_bytes_like(len: usize) -> Vec<u8> {
    vec![1; len]
}

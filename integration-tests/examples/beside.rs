//! Uses the example canister `canister/examples/beside.rs` on the embedded host: files and counts survive an upgrade.

use std::{env, fs, process::ExitCode};

use candid::{Principal, decode_one, encode_args, encode_one};
use embedded_ic::{Config, EmbeddedIc, UpgradeOptions};

fn main() -> ExitCode {
    let Some(path) = env::args().nth(1) else {
        eprintln!("usage: beside MODULE; scripts/example-canister.sh builds the module");
        return ExitCode::FAILURE;
    };
    let wasm = fs::read(&path).expect("the module can be read");
    let caller = Principal::self_authenticating(b"a writer");
    let mut ic = EmbeddedIc::new(Config::default()).expect("a host in memory can be made");
    let nothing = encode_args(()).expect("no arguments can be encoded");
    ic.install(&wasm, &nothing).expect("the canister can be installed");
    for (revision, size) in (1..).zip([10, 3_000, 1_500_000]) {
        let args = encode_args((format!("file {size}"), vec![7u8; size])).expect("arguments can be encoded");
        let reply = ic.update(caller, "put", args).expect("a file can be stored").bytes;
        let written: Result<u64, String> = decode_one(&reply).expect("the reply is a result");
        assert_eq!(written, Ok(revision));
    }
    for _ in 0..2 {
        for size in [10, 3_000, 1_500_000] {
            let name = encode_one(format!("file {size}")).expect("a text can be encoded");
            let reply = ic.query(caller, "get", name).expect("a file can be read").bytes;
            let content: Result<Vec<u8>, String> = decode_one(&reply).expect("the reply is a result");
            assert_eq!(content, Ok(vec![7; size]));
        }
        let who = encode_one(caller.to_text()).expect("a text can be encoded");
        let reply = ic.query(caller, "count", who).expect("counts can be read").bytes;
        assert_eq!(decode_one::<u64>(&reply).expect("the reply is a number"), 3);
        ic.upgrade(&wasm, &nothing, UpgradeOptions::default()).expect("the canister can be upgraded");
    }
    println!("A store and a map of ic-stable-structures share a stable memory, and both survive upgrades.");
    ExitCode::SUCCESS
}

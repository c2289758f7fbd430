//! Compares our encodings with those of the JavaScript library and Motoko. `scripts/interop.sh` runs it:
//!
//! - `interop cases DIR` writes `cases.json`: types of the contract in both languages, our replies, and arguments.
//! - `interop.mjs` decodes each and encodes it again in JavaScript, and compiles a canister that does the same in Motoko.
//! - `interop check DIR` runs that canister on the embedded host and compares the results: replies must be unchanged, and
//!   arguments must be decoded directly.

#![expect(clippy::unwrap_used, reason = "what fails here fails the script")]

mod cases;
mod types;
#[path = "../../../crates/api/tests/wire/values.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod values;

use std::fs;
use std::path::Path;

use candid::Principal;
use embedded_ic::{Config, EmbeddedIc};
use serde_json::{Value, json};

use cases::Case;

fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["cases", folder] => write(Path::new(folder)),
        ["check", folder] => check(Path::new(folder)),
        _ => panic!("interop cases DIR, or interop check DIR"),
    }
}

fn write(folder: &Path) {
    let cases = cases::all().into_iter().map(|case| {
        json!({
            "types": case.types.iter().map(|ty| types::javascript(ty)).collect::<Vec<_>>(),
            "motoko": case.types.iter().map(|ty| types::motoko(ty)).collect::<Vec<_>>(),
            "encoded": case.encoded.iter().map(hex::encode).collect::<Vec<_>>(),
        })
    });
    let cases = Value::Array(cases.collect());
    fs::write(folder.join("cases.json"), cases.to_string()).unwrap();
}

fn check(folder: &Path) {
    let results: Value = serde_json::from_slice(&fs::read(folder.join("results.json")).unwrap()).unwrap();
    let mut ic = EmbeddedIc::new(Config::default()).unwrap();
    ic.install(&fs::read(folder.join("interop.wasm")).unwrap(), b"DIDL\0\0").unwrap();
    let (cases, mut count) = (cases::all(), 0);
    for (number, case) in cases.iter().enumerate() {
        for (at, encoded) in case.encoded.iter().enumerate() {
            let javascript = hex::decode(results[number][at].as_str().unwrap()).unwrap();
            case.compare("JavaScript", encoded, &javascript);
            case.compare("Motoko", encoded, &by_motoko(&mut ic, number, encoded));
            count += 1;
        }
    }
    println!("JavaScript and Motoko agree on {count} encodings of {} types", cases.len());
}

fn by_motoko(ic: &mut EmbeddedIc, case: usize, encoded: &[u8]) -> Vec<u8> {
    let argument = candid::encode_one(serde_bytes::Bytes::new(encoded)).unwrap();
    let reply = ic.query(Principal::anonymous(), &format!("case{case}"), &argument);
    let reply = reply.unwrap_or_else(|error| panic!("Motoko on case {case}: {error}"));
    candid::decode_one::<serde_bytes::ByteBuf>(&reply.bytes).unwrap().into_vec()
}

impl Case {
    fn compare(&self, by: &str, ours: &[u8], theirs: &[u8]) {
        if let Err(problem) = (self.compare)(ours, theirs) {
            panic!("{by} makes {} of {}: {problem}", hex::encode(theirs), hex::encode(ours));
        }
    }
}

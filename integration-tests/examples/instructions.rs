//! Prints the costs of the canister's methods and of the peers, in instructions of the whole message on the embedded host.
//!
//! `scripts/bench.sh` runs it and documents the arguments.

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use integration_tests::bench;
use storage_wasm::STORAGE_WASM;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/instructions.tsv");
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/peers.tsv");
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/BENCHMARKS.md");

fn main() -> io::Result<ExitCode> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["table", modules] => {
            let peers = bench::measure_peers(Path::new(modules))?;
            print!("{}", bench::table(&bench::measure(STORAGE_WASM), &peers));
        }
        ["tsv"] => print!("{}", bench::tsv(&bench::measure(STORAGE_WASM))),
        ["refresh"] => refresh(&bench::kept_peers())?,
        ["refresh", modules] => refresh(&bench::measure_peers(Path::new(modules))?)?,
        _ => {
            eprintln!("usage: scripts/bench.sh [--tsv | --refresh | --refresh-peers]");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes both golden files and the table in the document.
fn refresh(peers: &[bench::PeerCase]) -> io::Result<()> {
    let cases = bench::measure(STORAGE_WASM);
    let document = bench::update_docs(&fs::read_to_string(DOCUMENT)?, &bench::table(&cases, peers));
    let document =
        document.ok_or_else(|| io::Error::other("docs/BENCHMARKS.md has no marks of the table"))?;
    fs::write(GOLDEN, bench::tsv(&cases))?;
    fs::write(PEERS, bench::peers_tsv(peers))?;
    fs::write(DOCUMENT, document)
}

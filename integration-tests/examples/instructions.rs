//! Prints what the hot methods cost, in instructions of the whole message on the embedded host.
//!
//! `scripts/bench.sh` runs it. With `--tsv` it prints the rows of the golden file and nothing else.

use std::process::ExitCode;

use integration_tests::bench;
use storage_wasm::STORAGE_WASM;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let show = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => bench::table,
        ["--tsv"] => bench::tsv,
        _ => {
            eprintln!("usage: scripts/bench.sh [--tsv]");
            return ExitCode::from(2);
        }
    };
    print!("{}", show(&bench::measure(STORAGE_WASM)));
    ExitCode::SUCCESS
}

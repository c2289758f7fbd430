//! `storage`, the command: a store in a folder, run by the very canister that runs on the Internet Computer.
//!
//! Data goes to standard output, everything else to standard error. A closed pipe is not an error.

mod args;
mod commands;
mod failure;
mod input;
mod output;
mod progress;
mod store;
mod target;
mod time;

use std::process::ExitCode;

use clap::Parser;

use args::Args;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // A mistake in the arguments ends here, with clap's text and exit code 2.
    let args = Args::parse();
    match commands::run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if failure::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

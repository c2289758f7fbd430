//! The command `storage`: a store in a folder or on a network, served by the same canister in both cases.
//!
//! Data goes to standard output, everything else to standard error. A closed pipe is not an error.

mod args;
mod atomic_file;
mod cache;
mod commands;
mod complete;
mod content_type;
mod context;
mod disk_space;
mod download;
mod failure;
mod failures;
mod folder;
mod idle;
mod image;
mod input;
mod interrupt;
mod levels;
mod lines;
mod links;
mod location;
mod network;
mod notes;
mod output;
mod page;
mod pipe;
mod progress;
mod proof;
mod s3;
mod screen;
mod served;
mod settings;
mod signal_number;
mod size;
mod store;
mod store_folders;
mod stores;
mod stream;
mod temporary;
mod text;
mod time;
mod transfer;
mod transport;
mod tree;
mod upload;
mod view;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;

use crate::{args::Args, context::Context, failure::Interrupted, interrupt::Interrupt};

fn main() -> ExitCode {
    // Answers a shell's request for completions, and exits.
    CompleteEnv::with_factory(Args::command).complete();
    run()
}

#[tokio::main(flavor = "current_thread")]
async fn run() -> ExitCode {
    // Invalid arguments end here, with clap's message and exit code 2.
    let args = Args::parse();
    let interrupt = Interrupt::listen();
    let context = Context::new(args.options, interrupt.clone());
    let done = tokio::select! {
        biased;
        done = commands::run(args.settings, &context, args.command) => done,
        () = interrupt.wait_for_it() => Err(Interrupted.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if failure::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

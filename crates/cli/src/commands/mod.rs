//! What each command does: call and print.

mod check;
mod log;
mod objects;
mod operator;
mod uploads;
mod verify;

use anyhow::Result;

use crate::{
    args::{Args, Command, StoreCommand},
    output::Output,
    progress::Bars,
    store::Store,
};

/// Runs the command that the arguments ask for.
pub(crate) async fn run(args: Args) -> Result<()> {
    let output = Output { json: args.json, quiet: args.quiet };
    match args.command {
        Command::Init => {
            Store::init(&args.store)?;
            output.note(&format!("made an empty store in {}", args.store.display()));
            Ok(())
        }
        Command::InStore(command) => {
            let store = Store::open(&args.store)?;
            let done = run_in(&store, output, command).await;
            // Where the command failed, its own error says more than one of closing the store after it.
            done.and(store.close())
        }
    }
}

async fn run_in(store: &Store, output: Output, command: StoreCommand) -> Result<()> {
    let client = store.client();
    let bars = Bars::new(output.json || output.quiet);
    match command {
        StoreCommand::Put { file, key } => objects::put(client, output, bars, &file, key).await,
        StoreCommand::Get { key, file } => objects::get(client, bars, &key, file.as_deref()).await,
        StoreCommand::Ls { prefix } => objects::ls(client, output, &prefix).await,
        StoreCommand::Stat { key } => objects::stat(client, output, &key).await,
        StoreCommand::Rm { key } => objects::rm(client, output, &key).await,
        StoreCommand::Mv { from, to } => objects::mv(client, output, &from, &to).await,
        StoreCommand::Verify { key } => verify::run(client, output, bars, &key).await,
        StoreCommand::Uploads(command) => uploads::run(client, output, command).await,
        StoreCommand::Log(command) => log::run(client, output, command).await,
        StoreCommand::Status => operator::status(client, output).await,
        StoreCommand::Upgrade { skip_pre_upgrade } => operator::upgrade(store, output, skip_pre_upgrade),
        StoreCommand::Check => check::run(store, output),
    }
}

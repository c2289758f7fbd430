//! What each command does: call and print.

mod access;
mod check;
mod get;
mod log;
mod log_read;
mod number;
mod objects;
mod operator;
mod put;
mod region;
mod repair;
mod shell;
mod snapshot;
mod sync;
mod uploads;
mod verify;

use anyhow::Result;

use crate::{
    args::{Command, LogCommand, StoreCommand},
    context::Context,
    settings::{Place, Settings},
    store::{self, Store, StoreClient},
};

/// Runs the command that the arguments ask for.
pub(crate) async fn run(flags: Settings, context: &Context, command: Command) -> Result<()> {
    // These need no store, so that a mistake in the settings is none of theirs.
    match command {
        Command::Completions { shell } => return shell::completions(shell),
        Command::Man(args) => return shell::man(args.folder.as_deref()),
        Command::Check { image: Some(image) } => return check::image(&image, context.output),
        _ => {}
    }
    let place = Place::find(flags)?;
    match command {
        Command::Init => {
            let folder = store::init(&place)?;
            context.output.note(&format!("made an empty store in {}", folder.display()));
            Ok(())
        }
        Command::InStore(StoreCommand::Log(LogCommand::Tail { count, follow: true })) => {
            log_read::follow(&place, context.output, count).await
        }
        Command::Repair { yes } => repair::run(&place, context.output, yes),
        command => {
            let store = Store::open(&place).await?;
            let done = run_in(&store, context, command).await;
            // Where the command failed, its own error says more than one of closing the store after it.
            done.and(store.close())
        }
    }
}

async fn run_in(store: &Store, context: &Context, command: Command) -> Result<()> {
    match command {
        Command::InStore(command) => call(store.client(), context, command).await,
        Command::Check { .. } => check::store(store, context.output),
        Command::Snapshot(command) => snapshot::run(store, context.output, command).await,
        Command::Upgrade { skip_pre_upgrade } => operator::upgrade(store, context.output, skip_pre_upgrade),
        Command::Init | Command::Repair { .. } | Command::Completions { .. } | Command::Man(_) => {
            unreachable!("these do not open a store")
        }
    }
}

async fn call(client: &StoreClient, context: &Context, command: StoreCommand) -> Result<()> {
    let output = context.output;
    match command {
        StoreCommand::Put(args) => put::run(client, context, args).await,
        StoreCommand::Get(args) => get::run(client, context, &args.key, args.file.as_deref()).await,
        StoreCommand::Ls(args) => objects::ls(client, output, &args).await,
        StoreCommand::Stat { key } => objects::stat(client, output, &key).await,
        StoreCommand::Rm(args) => objects::rm(client, output, &args).await,
        StoreCommand::Mv { from, to } => objects::mv(client, output, &from, &to).await,
        StoreCommand::Sync(args) => sync::run(client, context, &args).await,
        StoreCommand::Verify { key } => verify::run(client, context, &key).await,
        StoreCommand::Uploads(command) => uploads::run(client, context, command).await,
        StoreCommand::Log(command) => log::run(client, output, command).await,
        StoreCommand::Region(command) => region::run(client, context, command).await,
        StoreCommand::Roles(command) => access::roles(client, output, command).await,
        StoreCommand::Config(command) => access::config(client, output, command).await,
        StoreCommand::Status => operator::status(client, output).await,
    }
}

//! The commands: call and print.

mod access;
mod cat;
mod certify;
mod check;
mod cp;
mod diff;
mod du;
mod find;
mod get;
mod log;
mod log_read;
mod number;
mod objects;
mod operator;
mod publish;
pub(crate) mod put;
mod region;
mod repair;
mod rm;
mod serve;
mod shell;
mod snapshot;
mod sync;
mod tree;
mod uploads;
mod verify;

use anyhow::Result;
use serde::Serialize;
use storage_client::Transport;

use crate::{
    args::{BetweenCommand, Command, GetArgs, LogCommand, StoreCommand},
    context::Context,
    failure::Refused,
    levels::Levels,
    proof,
    settings::{Settings, StoreLocation},
    store::{self, Store, StoreClient},
    stores::Stores,
    text,
};

/// Store that was created, as JSON.
#[derive(Serialize)]
struct Made<'a> {
    store: &'a str,
}

/// Runs the command given by the arguments.
pub(crate) async fn run(flags: Settings, context: &Context, command: Command) -> Result<()> {
    // These commands need no store, so errors in the settings do not affect them.
    match command {
        Command::Completions { shell } => return shell::completions(shell),
        Command::Man(args) => return shell::man(args.folder.as_deref(), context),
        Command::Check { image: Some(image) } => return check::image(&image, &context.output),
        _ => {}
    }
    let levels = Levels::read(flags)?;
    let context = &context.beside(&levels);
    if let Command::Between(command) = command {
        return between(Stores::new(levels), context, command).await;
    }
    let location = levels.current(context.output.notes())?;
    match command {
        Command::Init => {
            let folder = store::init(&location, context)?;
            let folder = text::path(&folder);
            context.output.done(&Made { store: &folder }, &format!("created an empty store in {folder}"))
        }
        Command::InStore(StoreCommand::Log(LogCommand::Tail { count, follow: true, verify })) => {
            let context = context.without_time_limit();
            let store = Store::new(&location, &context).await?;
            let done = log_read::follow(&store, &context.output, count, verify).await;
            store.close(done)
        }
        Command::Serve(args) => serve::run(&location, context, &args).await,
        Command::Repair { yes } => repair::run(&location, &context.output, yes),
        command => {
            let store = Store::new(&location, context).await?;
            let done = run_in(&store, context, &location, command).await;
            let caller = store.client().transport().caller();
            store.close(done.map_err(|error| Refused::explain(error, caller)))
        }
    }
}

/// Runs a command that opens the stores of its arguments.
async fn between(mut stores: Stores, context: &Context, command: BetweenCommand) -> Result<()> {
    let done = match command {
        BetweenCommand::Cp(args) => cp::run(&mut stores, context, &args).await,
        BetweenCommand::Diff(args) => diff::run(&mut stores, context, &args).await,
        BetweenCommand::Sync(args) => sync::run(&mut stores, context, &args).await,
    };
    let caller = stores.caller();
    stores.close(done.map_err(|error| Refused::explain(error, caller)))
}

async fn run_in(store: &Store, context: &Context, location: &StoreLocation, command: Command) -> Result<()> {
    match command {
        Command::InStore(command) => call(store.client(), context, location, command).await,
        Command::Check { .. } => {
            store.open_host().await?;
            check::store(store, &context.output)
        }
        Command::Snapshot(command) => {
            store.open_host().await?;
            snapshot::run(store, context, command).await
        }
        Command::Upgrade { skip_pre_upgrade } => {
            store.open_host().await?;
            operator::upgrade(store, &context.output, skip_pre_upgrade)
        }
        Command::Init
        | Command::Between(_)
        | Command::Serve(_)
        | Command::Repair { .. }
        | Command::Completions { .. }
        | Command::Man(_) => {
            unreachable!("these do not open a store")
        }
    }
}

async fn call(
    client: &StoreClient,
    context: &Context,
    location: &StoreLocation,
    command: StoreCommand,
) -> Result<()> {
    let output = &context.output;
    match command {
        StoreCommand::Put(args) => put::run(client, context, args).await,
        StoreCommand::Get(args) => get(client, context, args).await,
        StoreCommand::Cat(args) => cat::run(client, context, &args.keys).await,
        StoreCommand::Find(args) => find::run(client, context, &args).await,
        StoreCommand::Tree(args) => tree::run(client, context, &args).await,
        StoreCommand::Du(args) => du::run(client, context, &args).await,
        StoreCommand::Ls(args) => objects::ls(client, context, &args).await,
        StoreCommand::Stat { key, verify } => objects::stat(client, output, &key, verify).await,
        StoreCommand::Rm(args) => rm::run(client, context, &args).await,
        StoreCommand::Mv { from, to } => {
            context.check_new_key(&to)?;
            objects::mv(client, output, &from, &to).await
        }
        StoreCommand::Publish(args) => publish::run(client, context, location, &args).await,
        StoreCommand::Verify { key } => verify::run(client, context, &key).await,
        StoreCommand::Certify(args) => certify::run(client, context, args).await,
        StoreCommand::Uploads(command) => uploads::run(client, context, command).await,
        StoreCommand::Log(command) => log::run(client, context, command).await,
        StoreCommand::Region(command) => region::run(client, context, command).await,
        StoreCommand::Roles(command) => access::roles(client, output, command).await,
        StoreCommand::Config(command) => access::config(client, output, command).await,
        StoreCommand::Whoami => access::whoami(client, output).await,
        StoreCommand::Status(human) => operator::status(client, output, &human).await,
    }
}

async fn get(client: &StoreClient, context: &Context, args: GetArgs) -> Result<()> {
    let verifier = proof::verifier_if(args.verify, client, context.output.notes()).await?;
    let context = &context.verified_by(verifier);
    match args.recursive {
        true => {
            let folder = args.file.unwrap_or_else(|| ".".into());
            get::folder(client, context, &args.key, &folder).await
        }
        false => get::run(client, context, &args.key, args.file.as_deref()).await,
    }
}

//! The command `serve`: serves the store in a folder over the Internet Computer's HTTP interface.

use std::path::Path;

use anyhow::{Context as _, Result};
use candid::Principal;
use embedded_ic::EmbeddedIc;
use embedded_ic_replica::{Options, Replica, serve};
use serde::Serialize;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    args::ServeArgs, context::Context, failure::add_help, folder::FolderTransport, output::Output, page,
    served::Served, settings::StoreLocation,
};

/// What clients need to connect to the store.
#[derive(Serialize)]
struct Endpoint {
    url: String,
    canister: String,
    root_key: String,
}

/// Serves until Ctrl-C or SIGTERM, then closes the folder.
pub(crate) async fn run(location: &StoreLocation, context: &Context, args: &ServeArgs) -> Result<()> {
    let folder = location.folder()?;
    let mut host = open(folder, context).await?;
    let listener = TcpListener::bind(args.listen).await.map_err(|error| {
        add_help(
            error,
            format!("cannot listen on {}", args.listen),
            "select another address with --listen ADDRESS:PORT",
        )
    })?;
    let url = format!("http://{}", listener.local_addr().context("cannot read the local address")?);
    add_controllers(&mut host, &args.controller)?;
    let replica = Replica::start(host).context("cannot serve the store")?;
    let canister = replica.canister_id().to_text();
    // A process that reads the output may send a signal immediately, so the handlers come first.
    context.interrupt.take_over();
    let terminated = signal(SignalKind::terminate());
    let served = Served::announce(folder, &url, &canister)?;
    let page = page::router(&canister);
    print(&context.output, &Endpoint { url, canister, root_key: hex::encode(replica.root_key()) })?;
    let options = Options::default();
    let shutdown = async {
        tokio::select! {
            () = stopped(context, terminated) => {}
            () = replica.failed() => {}
        }
    };
    serve(listener, replica.router(&options).merge(page), options, shutdown).await;
    context.output.note("closing the store");
    drop(served);
    replica.close().await.context("cannot close the store")
}

/// Opens the folder when earlier commands have finished with it.
async fn open(folder: &Path, context: &Context) -> Result<EmbeddedIc> {
    let transport = FolderTransport::new(folder, context.wait, context.output.notes());
    transport.open().await?;
    transport.take().context("the store is not open")
}

fn add_controllers(host: &mut EmbeddedIc, added: &[Principal]) -> Result<()> {
    let mut controllers = host.controllers().to_vec();
    controllers.extend(added);
    // The first controller stays first: commands on the folder use it as the caller.
    let mut seen = Vec::new();
    controllers.retain(|controller| {
        !seen.contains(controller) && {
            seen.push(*controller);
            true
        }
    });
    if controllers != host.controllers() {
        host.set_controllers(controllers).context("cannot add a controller")?;
    }
    Ok(())
}

/// Completes at Ctrl-C or SIGTERM. Where no handler can be set, SIGTERM ends the process as it always did.
async fn stopped(context: &Context, terminated: std::io::Result<Signal>) {
    let terminated = async {
        match terminated {
            Ok(mut terminated) => drop(terminated.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = context.interrupt.wait() => {}
        () = terminated => {}
    }
}

fn print(output: &Output, endpoint: &Endpoint) -> Result<()> {
    output.print(endpoint, |Endpoint { url, canister, .. }| {
        vec![
            format!("serving      {url}"),
            format!("page         {url}/"),
            format!("canister     {canister}"),
            format!("root key     {url}/api/v2/status"),
            format!("storage      storage --network {url} --canister {canister} --identity anonymous ls"),
            format!(
                "icp          icp canister call {canister} status '()' --query --network {url} --root-key fetch --identity anonymous"
            ),
            format!("JavaScript   await HttpAgent.create({{ host: \"{url}\", shouldFetchRootKey: true }})"),
            format!("Rust         let agent = Agent::builder().with_url(\"{url}\").build()?; agent.fetch_root_key().await?"),
            format!("Python       Agent(Identity(anonymous=True), Client(url=\"{url}\"))"),
        ]
    })
}

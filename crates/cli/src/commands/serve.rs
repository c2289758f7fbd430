//! The command `serve`: serves the store in a folder over the Internet Computer's HTTP interface.

use std::{net::SocketAddr, path::Path};

use anyhow::{Context as _, Result};
use axum::Router;
use candid::Principal;
use embedded_ic::EmbeddedIc;
use embedded_ic_replica::{Options, Replica, serve};
use serde::Serialize;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::{
    args::ServeArgs, context::Context, failure::add_help, folder::FolderTransport, output::Output, page, s3,
    served::Served, settings::StoreLocation,
};

/// What clients need to connect to the store.
#[derive(Serialize)]
struct Endpoint {
    url: String,
    canister: String,
    root_key: String,
    /// The URL for S3 clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    s3: Option<String>,
}

/// The most connections of S3 clients. Each request holds up to 16 MiB of an object, and a chunk with a signature of up to 16 MiB.
const MAX_S3_CONNECTIONS: usize = 128;

/// A socket, and the URL by which clients reach it.
type Bound = (TcpListener, String);

/// Serves until Ctrl-C or SIGTERM, then closes the folder.
pub(crate) async fn run(location: &StoreLocation, context: &Context, args: &ServeArgs) -> Result<()> {
    let folder = location.folder()?;
    let access =
        args.s3_credentials.as_deref().map(|file| s3::Access::read(file, &args.s3_domain)).transpose()?;
    let mut host = open(folder, context).await?;
    let (listener, url) = bind(args.listen, "--listen").await?;
    let gateway = match (args.s3, access) {
        (Some(address), Some(access)) => Some((bind(address, "--s3").await?, access)),
        _ => None,
    };
    add_controllers(&mut host, &args.controller)?;
    let caller = host.controllers()[0];
    let replica = Replica::start(host).context("cannot serve the store")?;
    let canister = replica.canister_id().to_text();
    // A process that reads the output may send a signal immediately, so the handlers come first.
    context.interrupt.take_over();
    let terminated = signal(SignalKind::terminate());
    let served = Served::announce(folder, &url, &canister)?;
    let page = page::router(&canister);
    let s3 = gateway.as_ref().map(|((_, url), _)| url.clone());
    print(&context.output, &Endpoint { url, canister, root_key: hex::encode(replica.root_key()), s3 })?;
    let options = Options::default();
    let (stop, stopping) = watch::channel(false);
    let shutdown = async {
        tokio::select! {
            () = stopped(context, terminated) => {}
            () = replica.failed() => {}
        }
        stop.send_replace(true);
    };
    let gateway = gateway.map(|(bound, access)| (bound, s3::router(&replica, caller, access)));
    let router = replica.with_sites(replica.router(&options).merge(page), &options);
    tokio::join!(serve(listener, router, options, shutdown), serve_s3(gateway, stopping));
    context.output.note("closing the store");
    drop(served);
    replica.close().await.context("cannot close the store")
}

/// Listens on an address, and returns the URL.
async fn bind(address: SocketAddr, option: &str) -> Result<Bound> {
    let listener = TcpListener::bind(address).await.map_err(|error| {
        add_help(
            error,
            format!("cannot listen on {address}"),
            format!("select another address with {option} ADDRESS:PORT"),
        )
    })?;
    let url = format!("http://{}", listener.local_addr().context("cannot read the local address")?);
    Ok((listener, url))
}

/// Serves S3 clients, if there is a gateway, until the value is set.
async fn serve_s3(gateway: Option<(Bound, Router)>, mut stopping: watch::Receiver<bool>) {
    let Some(((listener, _), router)) = gateway else { return };
    let shutdown = async move { drop(stopping.wait_for(|stopping| *stopping).await) };
    let mut options = Options::default();
    options.max_connections = MAX_S3_CONNECTIONS;
    serve(listener, router, options, shutdown).await;
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
    output.print(endpoint, |Endpoint { url, canister, s3, .. }| {
        let s3 = s3.iter().map(|s3| format!("S3           aws --endpoint-url {s3} s3 ls"));
        let lines = [
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
        ];
        lines.into_iter().chain(s3).collect()
    })
}

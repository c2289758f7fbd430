//! Connections: how many there are, how long they may take, and how they end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::limits::Options;

/// How long to wait before connections are accepted again after the system could not.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until the future completes. Then no more are accepted, and requests that are under way end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: Options,
    shutdown: impl Future<Output = ()>,
) {
    let free = Arc::new(Semaphore::new(options.max_connections));
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &free) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                connections.spawn(connection(stream, router.clone(), options, stopped.clone(), permit));
            }
            // The process has too many open files, or the client is gone already.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    drop(listener);
    stop.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    // A client that is too slow is left.
    let _ = tokio::time::timeout(options.shutdown_timeout, all).await;
}

async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(free).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

async fn connection(
    stream: TcpStream,
    router: Router,
    options: Options,
    mut stopped: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
) {
    // Where it cannot be set, small answers take a little longer.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.head_timeout)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let stop = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
    // What goes wrong with a connection is the client's affair, who hears of it.
    tokio::select! {
        _ = &mut connection => {}
        () = stop => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

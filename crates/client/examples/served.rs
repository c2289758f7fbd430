//! Measures calls of a served store from eight connections, beside the same calls in process:
//! `cargo run --release --locked --workspace --example served`. Compare the ratios.

use std::time::{Duration, Instant};

use candid::Principal;
use embedded_ic::{Config, EmbeddedIc};
use embedded_ic_replica::{Options, Replica, serve};
use ic_agent::{Identity, identity::BasicIdentity};
use stable_storage_api::{InitArgs, UploadArgs, limits::CHUNK_BYTES};
use storage_client::{AgentIdentity, AgentOptions, AgentTransport, Client, EmbeddedTransport, Transport};
use storage_wasm::STORAGE_WASM;
use tokio::net::TcpListener;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A key that only this program uses.
const KEY: &[u8] = include_bytes!("../tests/agent/keys/ed25519.pem");
const CONNECTIONS: usize = 8;
const SMALL_CALLS: usize = 4_000;
const CHUNKS: usize = 128;
const VALUE: [u8; 100] = [7; 100];

/// What is measured.
#[derive(Clone, Copy, Debug)]
enum Work {
    Get,
    Put,
    Chunk,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let owner = BasicIdentity::from_pem(KEY)?.sender()?;
    let host = || -> Outcome<EmbeddedIc> {
        let mut host = EmbeddedIc::new(Config::default().with_controllers(vec![owner]))?;
        host.install(STORAGE_WASM, &candid::encode_one(None::<InitArgs>)?)?;
        Ok(host)
    };
    let in_process = vec![Client::new(EmbeddedTransport::new(host()?, owner))];
    let replica = Replica::start(host()?)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let options = Options::default();
    tokio::spawn(serve(listener, replica.router(&options), options, std::future::pending()));
    let served = connect(&url, replica.canister_id()).await?;
    println!("| call | in process | served | ratio |\n|---|---|---|---|");
    for (name, work, calls) in [
        ("`get` of 100 B", Work::Get, SMALL_CALLS),
        ("`put` of 100 B", Work::Put, SMALL_CALLS),
        ("`write_chunk` of 2 MiB", Work::Chunk, CHUNKS),
    ] {
        let (alone, beside) =
            (measure(&in_process, work, calls).await?, measure(&served, work, calls).await?);
        let ratio = beside.0 / alone.0;
        println!("| {name} | {} | {} | {ratio:.3} |", shown(alone), shown(beside));
    }
    Ok(())
}

/// A client for each connection.
async fn connect(url: &str, canister: Principal) -> Outcome<Vec<Client<AgentTransport>>> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let identity = AgentIdentity::Pem(KEY.to_vec());
        let options = AgentOptions { identity, ..AgentOptions::new(url, canister) };
        clients.push(Client::new(AgentTransport::connect(options).await?));
    }
    Ok(clients)
}

/// Calls per second, and the median and 99th percentile of their times.
async fn measure<T: Transport>(
    clients: &[Client<T>],
    work: Work,
    calls: usize,
) -> Outcome<(f64, Duration, Duration)> {
    clients[0].put("key", VALUE.as_slice()).await?;
    let each = calls / clients.len();
    let size = (each * CHUNK_BYTES as usize) as u64;
    let start = Instant::now();
    let loops = clients.iter().enumerate().map(|(number, client)| async move {
        let mut times = Vec::with_capacity(each);
        let upload = match work {
            Work::Chunk => client.create_upload(&UploadArgs::new(format!("large/{number}"), size)).await?.id,
            _ => 0,
        };
        let chunk = vec![number as u8; CHUNK_BYTES as usize];
        for index in 0..each {
            let start = Instant::now();
            match work {
                Work::Get => drop(client.get("key").await?),
                Work::Put => drop(client.put(&format!("small/{number}/{index}"), VALUE.as_slice()).await?),
                Work::Chunk => drop(client.write_chunk(upload, index as u64, &chunk).await?),
            }
            times.push(start.elapsed());
        }
        Outcome::Ok(times)
    });
    let mut times: Vec<Duration> = futures_util::future::try_join_all(loops).await?.concat();
    let rate = times.len() as f64 / start.elapsed().as_secs_f64();
    times.sort();
    Ok((rate, times[times.len() / 2], times[times.len() * 99 / 100]))
}

fn shown((rate, median, late): (f64, Duration, Duration)) -> String {
    format!("{rate:.0}/s, {:.2} ms, 99 %: {:.2} ms", median.as_secs_f64() * 1e3, late.as_secs_f64() * 1e3)
}

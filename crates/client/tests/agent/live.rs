//! A replica over HTTP: a store that is served in this process, or the one that STORAGE_REPLICA_URL,
//! STORAGE_REPLICA_CANISTER and STORAGE_REPLICA_IDENTITY (the PEM file of a controller) name.

use candid::Principal;
use embedded_ic::{Config, EmbeddedIc};
use embedded_ic_replica::{Options, Replica, serve};
use ic_agent::{Identity, identity::BasicIdentity};
use sha2::{Digest, Sha256};
use stable_storage_api::{InitArgs, UploadArgs, limits::CHUNK_BYTES};
use storage_client::{AgentIdentity, AgentOptions, AgentTransport, Client, RetryPolicy, TransferOptions};
use storage_wasm::STORAGE_WASM;
use tokio::{net::TcpListener, sync::oneshot};

use crate::KEY;

/// A store that is served until it is closed.
struct Served {
    url: String,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<()>,
    replica: Replica,
}

impl Served {
    /// Serves a store whose controller has the tests' key.
    async fn start() -> Self {
        let controller = BasicIdentity::from_pem(KEY).unwrap().sender().unwrap();
        let mut host = EmbeddedIc::new(Config::default().with_controllers(vec![controller])).unwrap();
        host.install(STORAGE_WASM, &candid::encode_one(None::<InitArgs>).unwrap()).unwrap();
        let replica = Replica::start(host).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let options = Options::default();
        let router = replica.router(&options);
        let served = tokio::spawn(serve(listener, router, options, async { drop(stopped.await) }));
        Self { url, stop, served, replica }
    }

    fn options(&self) -> AgentOptions {
        let identity = AgentIdentity::Pem(KEY.to_vec());
        AgentOptions { identity, ..AgentOptions::new(self.url.clone(), self.replica.canister_id()) }
    }

    async fn close(self) {
        let _ = self.stop.send(());
        self.served.await.unwrap();
        self.replica.close().await.unwrap();
    }
}

fn named_replica(url: String) -> AgentOptions {
    let required = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let canister = Principal::from_text(required("STORAGE_REPLICA_CANISTER")).unwrap();
    let identity = AgentIdentity::Pem(std::fs::read(required("STORAGE_REPLICA_IDENTITY")).unwrap());
    AgentOptions { identity, ..AgentOptions::new(url, canister) }
}

/// Objects of all sizes go to a replica and come back, as an identity.
#[tokio::test]
async fn objects_go_to_a_replica_and_come_back() {
    if let Ok(url) = std::env::var("STORAGE_REPLICA_URL") {
        return use_replica(named_replica(url)).await;
    }
    let served = Served::start().await;
    use_replica(served.options()).await;
    served.close().await;
}

async fn use_replica(options: AgentOptions) {
    let transport = AgentTransport::connect(options).await.unwrap();
    let client = Client::new(transport).with_retry(RetryPolicy::default());

    client.put("live/small", b"hello").await.unwrap();
    assert_eq!(client.get("live/small").await.unwrap(), b"hello");

    let content: Vec<u8> = (0..3 * CHUNK_BYTES + 5).map(|at| ((at * 31) >> 3) as u8).collect();
    let mut args = UploadArgs::new("live/large", content.len() as u64);
    args.sha256 = Some(Sha256::digest(&content).to_vec().into());
    let mut source = std::io::Cursor::new(&content);
    client.upload(&mut source, &args, TransferOptions::default()).await.unwrap();
    let mut sink = Vec::new();
    client.download("live/large", &mut sink, TransferOptions::default()).await.unwrap();
    assert!(sink == content);

    let error = client.get("live/none").await.unwrap_err();
    assert_eq!(error.storage_error(), Some(&stable_storage_api::Error::NotFound));
    assert_eq!(client.delete_all("live/").await.unwrap(), 2);
}

//! Test against a real replica.

use candid::Principal;
use sha2::{Digest, Sha256};
use stable_storage_api::{UploadArgs, limits::CHUNK_BYTES};
use storage_client::{AgentIdentity, AgentOptions, AgentTransport, Client, RetryPolicy, TransferOptions};

fn required(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set. This test needs a replica with the storage canister installed: STORAGE_REPLICA_URL and \
             STORAGE_REPLICA_CANISTER say where, and STORAGE_REPLICA_IDENTITY names the PEM file of a controller"
        )
    })
}

/// Objects of all sizes are stored on a real replica with a real identity, and read back.
#[tokio::test]
#[ignore = "needs STORAGE_REPLICA_URL"]
async fn objects_go_to_a_replica_and_come_back() {
    let canister = Principal::from_text(required("STORAGE_REPLICA_CANISTER")).unwrap();
    let pem = std::fs::read(required("STORAGE_REPLICA_IDENTITY")).unwrap();
    let identity = AgentIdentity::Pem(pem);
    let options = AgentOptions { identity, ..AgentOptions::new(required("STORAGE_REPLICA_URL"), canister) };
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

//! Access to the state tree.

use std::time::Duration;

use candid::Principal;
use ic_agent::{Identity, hash_tree::Label, identity::BasicIdentity};
use ic_certification::{Certificate, LookupResult};
use ic_transport_types::{EnvelopeContent, ReadStateResponse};

use crate::harness::{Answer, Server, call, in_future, signed, unsigned};

type Path = Vec<Label<Vec<u8>>>;

fn path(labels: &[&[u8]]) -> Path {
    labels.iter().map(|label| Label::from_bytes(label)).collect()
}

fn asking(paths: Vec<Path>) -> EnvelopeContent {
    let ingress_expiry = in_future(Duration::from_secs(120));
    EnvelopeContent::ReadState { ingress_expiry, sender: Principal::anonymous(), paths }
}

async fn ask(server: &Server, paths: Vec<Path>) -> Answer {
    server.post("v3/read_state", &unsigned(asking(paths))).await
}

/// The certificate of an answer, whose signature is that of the root key.
fn verified(server: &Server, answer: &Answer) -> Certificate {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let response: ReadStateResponse = serde_cbor::from_slice(&answer.body).unwrap();
    let certificate: Certificate = serde_cbor::from_slice(&response.certificate).unwrap();
    let message = [&b"\x0dic-state-root"[..], &certificate.tree.digest()].concat();
    ic_verify_bls_signature::verify_bls_signature(&certificate.signature, &message, &server.root_key[37..])
        .unwrap();
    certificate
}

/// Public paths are in the certificate, with the time, and everything else is pruned.
#[tokio::test]
async fn public_paths_are_read() {
    let server = Server::start().await;
    let id = server.canister;
    let asked = vec![
        path(&[b"canister", id.as_slice(), b"module_hash"]),
        path(&[b"canister", id.as_slice(), b"metadata", b"none"]),
    ];
    let tree = verified(&server, &ask(&server, asked).await).tree;
    assert!(matches!(tree.lookup_path([&b"time"[..]]), LookupResult::Found(_)));
    assert!(matches!(
        tree.lookup_path([&b"canister"[..], id.as_slice(), b"module_hash"]),
        LookupResult::Found(_)
    ));
    assert_eq!(
        tree.lookup_path([&b"canister"[..], id.as_slice(), b"metadata", b"none"]),
        LookupResult::Absent
    );
    assert_eq!(tree.lookup_path([&b"canister"[..], id.as_slice(), b"controllers"]), LookupResult::Unknown);
    assert_eq!(tree.lookup_path([&b"subnet"[..]]), LookupResult::Unknown);
    assert_eq!(verified(&server, &ask(&server, vec![]).await).tree.list_paths().len(), 1);
    server.stop().await;
}

/// The agent finds the subnet and its nodes by canister and by subnet id.
#[tokio::test]
async fn an_agent_finds_the_subnet() {
    let server = Server::start().await;
    let agent = server.anonymous().await;
    let subnet = agent.fetch_subnet_by_canister(&server.canister).await.unwrap();
    assert!(subnet.contains_canister(&server.canister));
    assert_eq!(subnet.id(), Principal::self_authenticating(&server.root_key));
    let again = agent.fetch_subnet_by_id(&subnet.id()).await.unwrap();
    assert_eq!(again.id(), subnet.id());
    let controllers = agent.read_state_canister_controllers(server.canister).await.unwrap();
    assert_eq!(controllers.len(), 1);
    server.stop().await;
}

/// Paths that a replica does not serve are rejected.
#[tokio::test]
async fn other_paths_are_rejected() {
    let server = Server::start().await;
    let id = server.canister;
    let canister = |rest: &[&[u8]]| vec![path(&[&[&b"canister"[..], id.as_slice()], rest].concat())];
    for paths in [
        vec![path(&[])],
        vec![path(&[b"streams"])],
        vec![path(&[b"time", b"more"])],
        canister(&[]),
        canister(&[b"certified_data"]),
        canister(&[b"metadata"]),
        canister(&[b"controllers", b"more"]),
    ] {
        ask(&server, paths).await.expect(404, "Invalid path requested.");
    }
    ask(&server, vec![path(&[b"canister", b"other", b"controllers"])]).await.expect(400, "does not match");
    ask(&server, canister(&[b"metadata", b"\xff"])).await.expect(400, "not UTF-8");
    ask(&server, vec![path(&[b"time"]); 1_001]).await.expect(404, "1000 paths");
    ask(&server, vec![path(&[b"subnet"; 128].map(|label| &label[..]))]).await.expect(404, "127 labels");
    ask(&server, vec![path(&[b"request_status", &[1; 32]]), path(&[b"request_status", &[2; 32]])])
        .await
        .expect(400, "single request ID");
    server.stop().await;
}

/// Only the sender of a call can read its outcome. The certificate proves that an unknown call is absent.
#[tokio::test]
async fn the_outcome_of_a_call_is_for_its_sender() {
    let server = Server::start().await;
    let user = BasicIdentity::from_raw_key(&[5; 32]);
    let message = signed(call(server.canister, "write", b"mine"), &user);
    let id = message.content.to_request_id();
    assert_eq!(server.post("v3/call", &message.encode_bytes()).await.status, 200);
    let paths = || vec![path(&[b"request_status", &*id])];
    ask(&server, paths()).await.expect(403, "signed by the caller");
    let other = signed(asking(paths()), &BasicIdentity::from_raw_key(&[6; 32]));
    server.post("v2/read_state", &other.encode_bytes()).await.expect(403, "signed by the caller");
    let answer = server.post("v2/read_state", &signed(asking(paths()), &user).encode_bytes()).await;
    let tree = verified(&server, &answer).tree;
    assert_eq!(tree.lookup_path([&b"request_status"[..], &*id, b"reply"]), LookupResult::Found(b"mine"));
    for unknown in [&[1; 32][..], b"", &[1; 1_000]] {
        let tree = verified(&server, &ask(&server, vec![path(&[b"request_status", unknown])]).await).tree;
        assert_eq!(tree.lookup_path([&b"request_status"[..], unknown, b"status"]), LookupResult::Absent);
    }
    assert_ne!(user.sender().unwrap(), Principal::anonymous());
    server.stop().await;
}

//! Tests with ic-agent, which verifies certificates and query signatures.

use candid::Principal;
use embedded_ic::{Config, EmbeddedIc};
use embedded_ic_replica::Options;
use ic_agent::{
    AgentError, Identity,
    agent::{CallResponse, RejectCode},
    identity::{AnonymousIdentity, BasicIdentity, Prime256v1Identity, Secp256k1Identity},
};

use crate::harness::{Server, call, unsigned, wasm};

/// Updates and queries are verified, and a query reads what the last update wrote.
#[tokio::test]
async fn calls_and_queries_are_verified_by_an_agent() {
    let server = Server::start().await;
    let agent = server.anonymous().await;
    for arg in [&b"first"[..], b"", &[7; 1_900_000]] {
        let reply = agent.update(&server.canister, "write").with_arg(arg).call_and_wait().await.unwrap();
        assert!(reply == arg);
        assert!(agent.query(&server.canister, "read").call().await.unwrap() == arg);
    }
    assert_eq!(agent.read_root_key(), server.root_key);
    server.stop().await;
}

/// Callers with each kind of key are authenticated.
#[tokio::test]
async fn callers_with_each_kind_of_key_are_authenticated() {
    let server = Server::start().await;
    let identities: [Box<dyn Identity>; 4] = [
        Box::new(AnonymousIdentity),
        Box::new(BasicIdentity::from_raw_key(&[1; 32])),
        Box::new(secp256k1()),
        Box::new(p256()),
    ];
    for identity in identities {
        let who = identity.sender().unwrap();
        let agent = server.agent(identity).await;
        let reply = agent.query(&server.canister, "whoami").call().await.unwrap();
        assert_eq!(Principal::from_slice(&reply), who);
        agent.update(&server.canister, "count").call_and_wait().await.unwrap();
    }
    assert_eq!(server.counted().await, 4);
    server.stop().await;
}

pub(crate) fn secp256k1() -> Secp256k1Identity {
    Secp256k1Identity::from_private_key(k256::SecretKey::from_slice(&[3; 32]).unwrap())
}

pub(crate) fn p256() -> Prime256v1Identity {
    Prime256v1Identity::from_private_key(p256::SecretKey::from_slice(&[4; 32]).unwrap())
}

/// Rejects are certified, with the codes and texts of a replica.
#[tokio::test]
async fn rejects_are_certified() {
    let server = Server::start().await;
    let agent = server.anonymous().await;
    let error = agent.update(&server.canister, "fail").call_and_wait().await.unwrap_err();
    let AgentError::CertifiedReject { reject, .. } = error else { panic!("{error:?}") };
    assert_eq!(
        (reject.reject_code, reject.error_code.as_deref()),
        (RejectCode::CanisterError, Some("IC0503"))
    );
    assert!(reject.reject_message.contains("Canister called `ic0.trap` with message: 'no'"), "{reject:?}");
    let error = agent.update(&server.canister, "none").call_and_wait().await.unwrap_err();
    let AgentError::CertifiedReject { reject, .. } = error else { panic!("{error:?}") };
    assert_eq!(reject.error_code.as_deref(), Some("IC0536"));
    let error = agent.query(&server.canister, "refuse").call().await.unwrap_err();
    let AgentError::UncertifiedReject { reject, .. } = error else { panic!("{error:?}") };
    assert_eq!((reject.reject_code, &*reject.reject_message), (RejectCode::CanisterReject, "no"));
    server.stop().await;
}

/// A message that `canister_inspect_message` does not accept is rejected without execution.
#[tokio::test]
async fn messages_that_are_not_accepted_are_rejected() {
    let server = Server::start().await;
    let agent = server.anonymous().await;
    let error = agent.update(&server.canister, "closed").call_and_wait().await.unwrap_err();
    let AgentError::UncertifiedReject { reject, .. } = error else { panic!("{error:?}") };
    assert_eq!(reject.error_code.as_deref(), Some("IC0406"));
    server.stop().await;
}

/// A client of the v2 interface polls for the outcome of a call.
#[tokio::test]
async fn the_outcome_of_an_asynchronous_call_is_polled() {
    let server = Server::start().await;
    let content = call(server.canister, "write", b"later");
    let id = content.to_request_id();
    let answer = server.post("v2/call", &unsigned(content)).await;
    assert_eq!((answer.status, answer.body.as_slice()), (202, &b""[..]));
    let (reply, _) = server.anonymous().await.wait(&id, server.canister).await.unwrap();
    assert_eq!(reply, b"later");
    let refused = server.post("v2/call", &unsigned(call(server.canister, "closed", b""))).await;
    assert!(refused.status == 200 && refused.text().contains("non_replicated_rejection"), "{refused:?}");
    server.stop().await;
}

/// A message is executed once even if it arrives several times, and each request gets a response.
#[tokio::test]
async fn a_message_that_arrives_again_is_executed_once() {
    let server = Server::start().await;
    let body = unsigned(call(server.canister, "count", b""));
    let together = futures(&server, &body).await;
    assert!(together.iter().all(|status| *status == 200), "{together:?}");
    for endpoint in ["v2/call", "v3/call", "v4/call"] {
        let answer = server.post(endpoint, &body).await;
        assert!([200, 202].contains(&answer.status), "{answer:?}");
    }
    assert_eq!(server.counted().await, 1);
    server.stop().await;
}

async fn futures(server: &Server, body: &[u8]) -> Vec<u16> {
    let (a, b, c) = tokio::join!(
        server.post("v3/call", body),
        server.post("v4/call", body),
        server.post("v4/call", body)
    );
    vec![a.status, b.status, c.status]
}

/// Many concurrent clients each receive their own replies, and all updates are executed.
#[tokio::test]
async fn concurrent_clients_are_all_served() {
    const CLIENTS: u8 = 24;
    let server = Server::start().await;
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let agent = server.agent(BasicIdentity::from_raw_key(&[number; 32])).await;
        let canister = server.canister;
        clients.spawn(async move {
            agent.update(&canister, "count").call_and_wait().await.unwrap();
            let reply = agent.query(&canister, "whoami").call().await.unwrap();
            assert_eq!(Principal::from_slice(&reply), agent.get_principal().unwrap());
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    assert_eq!(server.counted().await, u32::from(CLIENTS));
    server.stop().await;
}

/// A folder that is served again has the same data and the same keys.
#[tokio::test]
async fn a_folder_is_served_again_with_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let mut host = EmbeddedIc::create_dir(&path, Config::default()).unwrap();
    host.install(&wasm(), b"").unwrap();
    let server = Server::of(host, Options::default()).await;
    let agent = server.anonymous().await;
    agent.update(&server.canister, "write").with_arg(b"kept").call_and_wait().await.unwrap();
    let root_key = server.root_key.clone();
    server.stop().await;
    let server =
        Server::of(EmbeddedIc::open_dir(&path, Config::default()).unwrap(), Options::default()).await;
    assert_eq!(server.root_key, root_key);
    assert_eq!(server.anonymous().await.query(&server.canister, "read").call().await.unwrap(), b"kept");
    server.stop().await;
}

/// An agent with another root key rejects the responses.
#[tokio::test]
async fn an_agent_with_another_root_key_rejects_the_responses() {
    let (server, other) = (Server::start().await, Server::start().await);
    let agent = server.anonymous().await;
    agent.set_root_key(other.root_key.clone());
    let error = agent.update(&server.canister, "count").call().await.err().unwrap();
    assert!(matches!(error, AgentError::CertificateVerificationFailed()), "{error:?}");
    agent.query(&server.canister, "read").call().await.unwrap_err();
    server.stop().await;
    other.stop().await;
}

/// The response to a synchronous call has the reply.
#[tokio::test]
async fn a_synchronous_call_has_its_reply() {
    let server = Server::start().await;
    let agent = server.anonymous().await;
    let response = agent.update(&server.canister, "write").with_arg(b"now").call().await.unwrap();
    assert!(matches!(response, CallResponse::Response((reply, _)) if reply == b"now"));
    server.stop().await;
}

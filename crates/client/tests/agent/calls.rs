//! Messages that an agent sends, and its handling of the replies.

use std::time::{SystemTime, UNIX_EPOCH};

use candid::Principal;
use ic_agent::agent::{EnvelopeContent, RejectCode, RejectResponse};
use storage_client::{AgentIdentity, Transport, TransportError};

use crate::certificates::Outcome;
use crate::replica::{Behaviour, Replica};
use crate::{KEY, canister, connect};

const ARG: &[u8] = b"DIDL\0\0 and more";

async fn replying(behaviour: Behaviour) -> Replica {
    Replica::start(behaviour, Outcome::Reply(b"the reply".to_vec())).await
}

fn reject() -> RejectResponse {
    RejectResponse {
        reject_code: RejectCode::CanisterError,
        reject_message: "it trapped".into(),
        error_code: Some("IC0503".into()),
    }
}

fn rejected() -> TransportError {
    TransportError::Rejected { code: 5, error_code: Some("IC0503".into()), message: "it trapped".into() }
}

/// Time until a message expires, in seconds.
fn seconds_left(content: &EnvelopeContent) -> i128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i128;
    (i128::from(content.ingress_expiry()) - now) / 1_000_000_000
}

/// An update is sent once, signed, to the canister's own endpoint, and its certified reply comes back.
#[tokio::test]
async fn update_follows_the_interface_specification() {
    let replica = replying(Behaviour::AtOnce).await;
    let transport = connect(&replica.url, AgentIdentity::Pem(KEY.to_vec())).await;
    assert_eq!(transport.update("put", ARG.to_vec()).await.unwrap(), b"the reply");

    let [message] = &replica.messages("/call")[..] else { panic!("one call") };
    assert_eq!(message.path, format!("/api/v4/canister/{}/call", canister()));
    let EnvelopeContent::Call { nonce, sender, canister_id, method_name, arg, .. } =
        &*message.envelope.content
    else {
        panic!("{message:?}")
    };
    assert_eq!((*canister_id, method_name.as_str(), arg.as_slice()), (canister(), "put", ARG));
    assert_eq!((*sender, Some(*sender)), (transport.sender(), transport.caller()));
    let key = message.envelope.sender_pubkey.as_deref().unwrap();
    assert_eq!(*sender, Principal::self_authenticating(key));
    assert!(message.envelope.sender_sig.is_some());
    // Two calls with the same arguments are two messages.
    assert!(nonce.as_ref().is_some_and(|nonce| !nonce.is_empty()));
    let left = seconds_left(&message.envelope.content);
    assert!((120..=300).contains(&left), "it expires in {left} s");
}

/// A query goes to the query endpoint, and its reply is signed by a node of the subnet.
#[tokio::test]
async fn query_follows_the_interface_specification() {
    let replica = replying(Behaviour::AtOnce).await;
    let transport = connect(&replica.url, AgentIdentity::Anonymous).await;
    assert_eq!(transport.query("get", ARG.to_vec()).await.unwrap(), b"the reply");

    let [message] = &replica.messages("/query")[..] else { panic!("one query") };
    assert_eq!(message.path, format!("/api/v3/canister/{}/query", canister()));
    let EnvelopeContent::Query { sender, canister_id, method_name, arg, .. } = &*message.envelope.content
    else {
        panic!("{message:?}")
    };
    assert_eq!((*canister_id, method_name.as_str(), arg.as_slice()), (canister(), "get", ARG));
    assert_eq!((*sender, transport.sender()), (Principal::anonymous(), Principal::anonymous()));
    assert_eq!(message.envelope.sender_sig, None);
}

/// The outcome of an accepted update is polled until it is known, also after a connection failure. The update is not sent
/// again.
#[tokio::test]
async fn outcome_of_an_accepted_update_is_polled() {
    let replica = replying(Behaviour::Later(1)).await;
    let transport = connect(&replica.url, AgentIdentity::Anonymous).await;
    assert_eq!(transport.update("put", ARG.to_vec()).await.unwrap(), b"the reply");
    assert_eq!(replica.messages("/call").len(), 1);
    assert_eq!(replica.messages("/read_state").len(), 2);
}

/// Rejects of every origin keep their codes and texts: of an update, certified or not, immediate or polled, and of a query.
#[tokio::test]
async fn rejects_keep_their_codes() {
    let certified = Outcome::Reject(reject());
    for (behaviour, outcome) in [
        (Behaviour::AtOnce, certified.clone()),
        (Behaviour::Later(0), certified.clone()),
        (Behaviour::Refused(reject()), Outcome::Reply(Vec::new())),
    ] {
        let replica = Replica::start(behaviour, outcome).await;
        let transport = connect(&replica.url, AgentIdentity::Anonymous).await;
        assert_eq!(transport.update("put", ARG.to_vec()).await, Err(rejected()));
    }
    let replica = Replica::start(Behaviour::AtOnce, certified).await;
    let transport = connect(&replica.url, AgentIdentity::Anonymous).await;
    assert_eq!(transport.query("get", ARG.to_vec()).await, Err(rejected()));
}

/// Replies that the network has not signed are rejected: a query without a signature, or with another network's.
#[tokio::test]
async fn unsigned_and_foreign_replies_are_rejected() {
    let unsigned = replying(Behaviour::Unsigned).await;
    let transport = connect(&unsigned.url, AgentIdentity::Anonymous).await;
    let error = transport.query("get", ARG.to_vec()).await.unwrap_err().to_string();
    assert!(error.contains("did not contain any node signatures"), "{error}");

    let forged = replying(Behaviour::Forged).await;
    let transport = connect(&forged.url, AgentIdentity::Anonymous).await;
    let error = transport.query("get", ARG.to_vec()).await.unwrap_err().to_string();
    assert!(error.contains("signature verification failed"), "{error}");
    let error = transport.update("put", ARG.to_vec()).await.unwrap_err().to_string();
    assert!(error.contains("Certificate verification failed"), "{error}");
}

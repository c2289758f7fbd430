//! What an agent sends, and what it makes of the answers.

use std::time::{SystemTime, UNIX_EPOCH};

use candid::Principal;
use ic_agent::agent::{EnvelopeContent, RejectCode, RejectResponse};
use storage_client::{AgentIdentity, Transport, TransportError};

use crate::certificates::Outcome;
use crate::replica::{Manner, Replica};
use crate::{KEY, canister, connect};

const ARG: &[u8] = b"DIDL\0\0 and more";

async fn replying(manner: Manner) -> Replica {
    Replica::start(manner, Outcome::Reply(b"the reply".to_vec())).await
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

/// When a message expires, in seconds from now.
fn seconds_left(content: &EnvelopeContent) -> i128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i128;
    (i128::from(content.ingress_expiry()) - now) / 1_000_000_000
}

/// An update is sent once, signed, to the canister's own endpoint, and its certified reply comes back.
#[tokio::test]
async fn an_update_is_what_the_interface_says() {
    let replica = replying(Manner::AtOnce).await;
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
    // Two calls with the same arguments are two calls, not one that was sent twice.
    assert!(nonce.as_ref().is_some_and(|nonce| !nonce.is_empty()));
    let left = seconds_left(&message.envelope.content);
    assert!((120..=300).contains(&left), "it expires in {left} s");
}

/// A query goes to the endpoint for queries, and the signature of its reply is that of a node of the subnet.
#[tokio::test]
async fn a_query_is_what_the_interface_says() {
    let replica = replying(Manner::AtOnce).await;
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

/// An update that is only accepted is asked for until its outcome is known, also where a connection breaks meanwhile, and
/// never sent again.
#[tokio::test]
async fn an_outcome_that_comes_later_is_asked_for() {
    let replica = replying(Manner::Later(1)).await;
    let transport = connect(&replica.url, AgentIdentity::Anonymous).await;
    assert_eq!(transport.update("put", ARG.to_vec()).await.unwrap(), b"the reply");
    assert_eq!(replica.messages("/call").len(), 1);
    assert_eq!(replica.messages("/read_state").len(), 2);
}

/// Rejects of every origin keep their codes and texts: of an update, certified or not, at once or later, and of a query.
#[tokio::test]
async fn rejects_keep_their_codes() {
    let certified = Outcome::Reject(reject());
    for (manner, outcome) in [
        (Manner::AtOnce, certified.clone()),
        (Manner::Later(0), certified.clone()),
        (Manner::Refused(reject()), Outcome::Reply(Vec::new())),
    ] {
        let replica = Replica::start(manner, outcome).await;
        let transport = connect(&replica.url, AgentIdentity::Anonymous).await;
        assert_eq!(transport.update("put", ARG.to_vec()).await, Err(rejected()));
    }
    let replica = Replica::start(Manner::AtOnce, certified).await;
    let transport = connect(&replica.url, AgentIdentity::Anonymous).await;
    assert_eq!(transport.query("get", ARG.to_vec()).await, Err(rejected()));
}

/// Nothing is believed that the network has not signed: not a query without a signature, not what others have signed.
#[tokio::test]
async fn what_the_network_has_not_signed_is_not_believed() {
    let unsigned = replying(Manner::Unsigned).await;
    let transport = connect(&unsigned.url, AgentIdentity::Anonymous).await;
    let error = transport.query("get", ARG.to_vec()).await.unwrap_err().to_string();
    assert!(error.contains("did not contain any node signatures"), "{error}");

    let forged = replying(Manner::Forged).await;
    let transport = connect(&forged.url, AgentIdentity::Anonymous).await;
    let error = transport.query("get", ARG.to_vec()).await.unwrap_err().to_string();
    assert!(error.contains("signature verification failed"), "{error}");
    let error = transport.update("put", ARG.to_vec()).await.unwrap_err().to_string();
    assert!(error.contains("Certificate verification failed"), "{error}");
}

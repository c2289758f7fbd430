//! Replicas that are not there, or not well.

use storage_client::{AgentIdentity, AgentOptions, AgentTransport, ConnectError, Transport, TransportError};

use crate::certificates::Outcome;
use crate::replica::{Manner, Replica};
use crate::{canister, connect};

/// The message of what must be no answer.
fn no_answer(error: TransportError) -> String {
    match error {
        TransportError::Unavailable { message } => message,
        other => panic!("{other:?}"),
    }
}

/// Where nothing listens, connecting and calling both say where that is, why, and what to look at.
#[tokio::test]
async fn a_dead_port_is_named() {
    let replica = Replica::start(Manner::AtOnce, Outcome::Reply(Vec::new())).await;
    let transport = connect(&replica.url, AgentIdentity::Anonymous).await;
    let url = replica.stop().await;
    for error in [transport.update("put", Vec::new()).await, transport.query("get", Vec::new()).await] {
        let message = no_answer(error.unwrap_err());
        for part in [url.as_str(), "refused", "is the replica running"] {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
    }
    let error = AgentTransport::connect(AgentOptions::new(&url, canister())).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }) && error.to_string().contains(&url), "{error}");
}

/// An HTTP error and a connection that ends are no answer, and the update is not sent again.
#[tokio::test]
async fn a_replica_that_fails_gives_no_answer() {
    for manner in [Manner::Status(500), Manner::Status(400), Manner::Silence] {
        let replica = Replica::start(manner, Outcome::Reply(Vec::new())).await;
        let transport = connect(&replica.url, AgentIdentity::Anonymous).await;
        let message = no_answer(transport.update("put", Vec::new()).await.unwrap_err());
        assert!(message.contains(&replica.url), "{message}");
        assert_eq!(replica.messages("/call").len(), 1);
        no_answer(transport.query("get", Vec::new()).await.unwrap_err());
    }
}

/// What cannot work is refused before anything is sent.
#[tokio::test]
async fn options_that_cannot_work_are_refused() {
    let error = AgentTransport::connect(AgentOptions::new("ic", canister())).await.unwrap_err();
    assert!(matches!(error, ConnectError::InvalidUrl { .. }), "{error}");
    let options =
        AgentOptions { fetch_root_key: true, ..AgentOptions::new("https://icp-api.io", canister()) };
    let error = AgentTransport::connect(options).await.unwrap_err();
    assert!(matches!(error, ConnectError::RootKeyOfMainnet { .. }), "{error}");
}

/// Connecting to the mainnet makes no connection: its root key is known.
#[tokio::test]
async fn the_mainnet_is_not_asked_for_anything_to_begin_with() {
    let transport = connect("https://icp-api.io", AgentIdentity::Anonymous).await;
    let shown = format!("{:?}", transport.clone());
    assert!(shown.contains("https://icp-api.io/") && shown.contains(&canister().to_text()), "{shown}");
}

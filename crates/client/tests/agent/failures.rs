//! Unreachable and failing replicas.

use storage_client::{AgentIdentity, AgentOptions, AgentTransport, ConnectError, Transport, TransportError};

use crate::certificates::Outcome;
use crate::replica::{Behaviour, Replica};
use crate::{canister, connect};

/// Returns the message of an error that must be a call without a reply.
fn no_answer(error: TransportError) -> String {
    match error {
        TransportError::Unavailable { message } => message,
        other => panic!("{other:?}"),
    }
}

/// If nothing listens at the URL, the error of connecting and of calling names the URL, the cause and what to check.
#[tokio::test]
async fn a_dead_port_is_named() {
    let replica = Replica::start(Behaviour::AtOnce, Outcome::Reply(Vec::new())).await;
    let transport = connect(&replica.url, AgentIdentity::Anonymous).await;
    let url = replica.stop().await;
    for error in [transport.update("put", Vec::new()).await, transport.query("get", Vec::new()).await] {
        let message = no_answer(error.unwrap_err());
        for part in [url.as_str(), "refused", "check that the replica is running"] {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
    }
    let error = AgentTransport::connect(AgentOptions::new(&url, canister())).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }) && error.to_string().contains(&url), "{error}");
}

/// An HTTP error or a closed connection is a call without a reply, and the update is not sent again.
#[tokio::test]
async fn failing_replica_gives_no_reply() {
    for behaviour in [Behaviour::Status(500), Behaviour::Silence] {
        let replica = Replica::start(behaviour, Outcome::Reply(Vec::new())).await;
        let transport = connect(&replica.url, AgentIdentity::Anonymous).await;
        let message = no_answer(transport.update("put", Vec::new()).await.unwrap_err());
        assert!(message.contains(&replica.url), "{message}");
        assert_eq!(replica.messages("/call").len(), 1);
        no_answer(transport.query("get", Vec::new()).await.unwrap_err());
    }
}

/// The error of a request that a server refuses states that it was not executed.
#[tokio::test]
async fn a_refused_request_is_not_executed() {
    let replica = Replica::start(Behaviour::Status(400), Outcome::Reply(Vec::new())).await;
    let transport = connect(&replica.url, AgentIdentity::Anonymous).await;
    for error in [transport.update("put", Vec::new()).await, transport.query("get", Vec::new()).await] {
        let error = error.unwrap_err();
        assert!(
            matches!(&error, TransportError::Refused { message } if message.contains("HTTP 400 Bad Request")),
            "{error}"
        );
    }
    assert_eq!(replica.messages("/call").len(), 1);
}

/// Invalid options are rejected before anything is sent.
#[tokio::test]
async fn invalid_options_are_rejected() {
    let error = AgentTransport::connect(AgentOptions::new("ic", canister())).await.unwrap_err();
    assert!(matches!(error, ConnectError::InvalidUrl { .. }), "{error}");
    let options =
        AgentOptions { fetch_root_key: true, ..AgentOptions::new("https://icp-api.io", canister()) };
    let error = AgentTransport::connect(options).await.unwrap_err();
    assert!(matches!(error, ConnectError::RootKeyOfMainnet { .. }), "{error}");
}

/// Connecting to the mainnet sends no request, because its root key is known.
#[tokio::test]
async fn connecting_to_the_mainnet_sends_no_request() {
    let transport = connect("https://icp-api.io", AgentIdentity::Anonymous).await;
    let shown = format!("{:?}", transport.clone());
    assert!(shown.contains("https://icp-api.io/") && shown.contains(&canister().to_text()), "{shown}");
}

const WITHOUT_CERTIFICATES: [(&str, &str); 2] = [("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")];

const LOCAL_CALL: &str = "calls::update_follows_the_interface_specification";

/// Runs a test of this program with environment variables, and returns whether it passed and its output.
fn run(test: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let mut program = std::process::Command::new(std::env::current_exe().unwrap());
    let output = program.args(["--exact", test]).envs(variables.iter().copied()).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert!(printed.contains("running 1 test"), "there is no test {test}");
    (output.status.success(), printed)
}

/// On a machine without CA certificates, HTTPS is an error that says so, and a local replica works.
#[test]
fn a_machine_without_certificates_can_call_its_own_replica() {
    let (is_ok, printed) = run(LOCAL_CALL, &WITHOUT_CERTIFICATES);
    assert!(is_ok, "{printed}");
    let mainnet = "failures::connecting_to_the_mainnet_sends_no_request";
    let (is_ok, printed) = run(mainnet, &WITHOUT_CERTIFICATES);
    assert!(!is_ok && printed.contains("NoHttps"), "{printed}");
}

/// Calls to a replica on this machine do not use the proxy of the environment.
#[test]
fn local_replica_is_called_without_the_proxy() {
    let unused = "http://127.0.0.1:1";
    let (is_ok, printed) =
        run(LOCAL_CALL, &[("HTTP_PROXY", unused), ("http_proxy", unused), ("ALL_PROXY", unused)]);
    assert!(is_ok, "{printed}");
}

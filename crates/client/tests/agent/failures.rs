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
    for manner in [Manner::Status(500), Manner::Silence] {
        let replica = Replica::start(manner, Outcome::Reply(Vec::new())).await;
        let transport = connect(&replica.url, AgentIdentity::Anonymous).await;
        let message = no_answer(transport.update("put", Vec::new()).await.unwrap_err());
        assert!(message.contains(&replica.url), "{message}");
        assert_eq!(replica.messages("/call").len(), 1);
        no_answer(transport.query("get", Vec::new()).await.unwrap_err());
    }
}

/// A request that a server refuses has not been executed, and says so.
#[tokio::test]
async fn a_refused_request_is_not_executed() {
    let replica = Replica::start(Manner::Status(400), Outcome::Reply(Vec::new())).await;
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

const WITHOUT_CERTIFICATES: [(&str, &str); 2] = [("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")];

const LOCAL_CALL: &str = "calls::an_update_is_what_the_interface_says";

/// Runs a test of this program with variables of its environment, and tells whether it passed and what it printed.
fn run(test: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let mut program = std::process::Command::new(std::env::current_exe().unwrap());
    let output = program.args(["--exact", test]).envs(variables.iter().copied()).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert!(printed.contains("running 1 test"), "there is no test {test}");
    (output.status.success(), printed)
}

/// Without CA certificates, as in a small container, there is no HTTPS, which is an error that says so; a replica on this
/// machine needs none.
#[test]
fn a_machine_without_certificates_can_call_its_own_replica() {
    let (is_ok, printed) = run(LOCAL_CALL, &WITHOUT_CERTIFICATES);
    assert!(is_ok, "{printed}");
    let mainnet = "failures::the_mainnet_is_not_asked_for_anything_to_begin_with";
    let (is_ok, printed) = run(mainnet, &WITHOUT_CERTIFICATES);
    assert!(!is_ok && printed.contains("NoHttps"), "{printed}");
}

/// A replica on this machine is called without the proxy that other hosts may need.
#[test]
fn no_proxy_is_between_this_machine_and_itself() {
    let nobody = "http://127.0.0.1:1";
    let (is_ok, printed) =
        run(LOCAL_CALL, &[("HTTP_PROXY", nobody), ("http_proxy", nobody), ("ALL_PROXY", nobody)]);
    assert!(is_ok, "{printed}");
}

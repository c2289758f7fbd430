//! The local network without a project: icp and dfx use different default ports.

use std::time::Duration;

use anyhow::Result;
use candid::Principal;
use storage_client::{AgentIdentity, AgentTransport};

use super::open;
use crate::{failure::with_help, notes::Notes};

/// Timeout before the next candidate is tried.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Default URL of a program's local network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) url: String,
    pub(super) starts: &'static str,
}

impl Endpoint {
    pub(super) fn icp() -> Self {
        Self { url: "http://127.0.0.1:8000".into(), starts: "icp network start" }
    }

    pub(super) fn dfx() -> Self {
        Self { url: "http://127.0.0.1:4943".into(), starts: "dfx start" }
    }
}

/// Connects to the first of these that is a replica, and reports which.
pub(super) async fn first_that_answers(
    endpoints: &[Endpoint],
    canister: Principal,
    identity: AgentIdentity,
    notes: Notes,
) -> Result<AgentTransport> {
    let mut failures = Vec::new();
    for Endpoint { url, starts } in endpoints {
        match tokio::time::timeout(TIMEOUT, open(url, canister, identity.clone())).await {
            Ok(Ok(transport)) => {
                notes.say(&format!("using the local network at {url}, ({starts})"));
                return Ok(transport);
            }
            // An unusable key would fail on the next network as well.
            Ok(Err(error)) if !is_unreachable(&error) => return Err(error),
            Ok(Err(_)) => failures.push(format!("{url} ({starts})")),
            Err(_) => failures.push(format!("{url} ({starts}, waited for {} s)", TIMEOUT.as_secs())),
        }
    }
    Err(with_help(
        format!("no local network responds at {}", failures.join(" or ")),
        "start one, or give its URL as --network",
    ))
}

fn is_unreachable(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<storage_client::ConnectError>();
    matches!(error, Some(storage_client::ConnectError::Unreachable { .. }))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::*;

    /// Starts a server that replies to each connection with these bytes.
    fn server(body: Vec<u8>) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let _ = connection.read(&mut [0; 4_096]);
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = connection.write_all(&[head.as_bytes(), &body].concat());
            }
        });
        Endpoint { url: format!("http://127.0.0.1:{port}"), starts: "a test" }
    }

    /// Returns a port without a listener.
    fn closed() -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        Endpoint { url: format!("http://127.0.0.1:{port}"), starts: "nothing" }
    }

    /// Returns the status of a replica: a CBOR map with a root key.
    fn status() -> Vec<u8> {
        [&[0xa1, 0x68][..], b"root_key", &[0x58, 133], &[7; 133]].concat()
    }

    async fn connect(endpoints: &[Endpoint]) -> Result<AgentTransport> {
        let notes = Notes { quiet: true, json: false };
        first_that_answers(endpoints, Principal::anonymous(), AgentIdentity::Anonymous, notes).await
    }

    #[tokio::test]
    async fn closed_port_and_other_server_are_skipped() {
        let (other, replica) = (server(b"<html>".to_vec()), server(status()));
        let found = connect(&[closed(), other, replica.clone()]).await.unwrap();
        assert!(format!("{found:?}").contains(&replica.url), "{found:?}");
    }

    #[tokio::test]
    async fn unreachable_candidates_are_all_named() {
        let (closed, other) = (closed(), server(b"<html>".to_vec()));
        let said = crate::failure::printed(&connect(&[closed.clone(), other.clone()]).await.unwrap_err());
        assert!(said.contains(&closed.url) && said.contains(&other.url), "{said}");
        assert!(said.contains("nothing") && said.contains("--network"), "{said}");
    }
}

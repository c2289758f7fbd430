//! Calls to a canister on a replica over HTTP: the mainnet, a local replica, or any URL.

mod error;
mod host;
mod http;
mod identity;

use std::{fmt, sync::Arc, time::Duration};

use candid::Principal;
use ic_agent::{Agent, AgentError, RequestId, agent::CallResponse};
use url::Url;

pub use error::ConnectError;
pub use identity::{AgentIdentity, IdentityError};

use crate::{Transport, TransportError};

/// Time between signing a call and its expiry. A replica accepts at most five minutes; a chunk on a slow line needs some
/// of them to arrive.
const INGRESS_EXPIRY: Duration = Duration::from_secs(4 * 60);

/// Time during which the outcome of an update is polled: until the call has expired, and a minute more.
const POLLING_TIME: Duration = Duration::from_secs(5 * 60);

/// The most connection failures while the outcome of an update is polled.
const MAX_BREAKS: u32 = 30;

/// Pause before the outcome is polled again after a connection failure.
const PAUSE: Duration = Duration::from_secs(1);

/// The largest HTTP response that is read, in bytes. A reply has at most 3 MiB; the rest is for its certificate.
const MAX_RESPONSE_BYTES: usize = 16 << 20;

/// Location of a canister, and the identity of the caller.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// URL of a replica or boundary node, for example `https://icp-api.io` or `http://127.0.0.1:4943`.
    pub url: String,
    /// Identifier of the canister.
    pub canister: Principal,
    /// Identity of the caller.
    pub identity: AgentIdentity,
    /// Whether to trust the root key that the replica itself returns. A replica on this machine is always trusted, and the
    /// mainnet never. This is for test networks elsewhere, over a trusted connection.
    pub fetch_root_key: bool,
}

impl AgentOptions {
    /// Creates options for anonymous calls. The root key is fetched only from a replica on this machine.
    pub fn new(url: impl Into<String>, canister: Principal) -> Self {
        Self { url: url.into(), canister, identity: AgentIdentity::Anonymous, fetch_root_key: false }
    }
}

/// Calls a canister on a replica. Replies are verified: updates by the subnet's certificate, queries by the signatures of
/// its nodes. Clones share the connection.
///
/// If a replica is too busy to accept a message (HTTP 429 and 503), the same message is sent again a few times. A replica
/// executes a message at most once, so this is safe for every call.
#[derive(Clone)]
pub struct AgentTransport {
    agent: Agent,
    url: Arc<Url>,
    canister: Principal,
    sender: Principal,
}

impl AgentTransport {
    /// Prepares calls to a canister. Only fetching the root key makes a connection; the mainnet is first contacted by the
    /// first call.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    pub async fn connect(options: AgentOptions) -> Result<Self, ConnectError> {
        let url = host::parse(&options.url)?;
        let fetches_root_key = host::fetches_root_key(&url, options.fetch_root_key)?;
        let identity = options.identity.load()?;
        let sender = identity.sender().map_err(IdentityError::no_sender)?;
        let agent = Agent::builder()
            .with_url(url.as_str())
            .with_http_client(http::client(&url)?)
            .with_arc_identity(identity)
            .with_ingress_expiry(INGRESS_EXPIRY)
            .with_max_polling_time(POLLING_TIME)
            .with_max_response_body_size(MAX_RESPONSE_BYTES)
            .with_verify_query_signatures(true)
            .build()
            .map_err(|error| ConnectError::unreachable(&url, &error))?;
        if fetches_root_key {
            agent.fetch_root_key().await.map_err(|error| ConnectError::unreachable(&url, &error))?;
        }
        Ok(Self { agent, url: Arc::new(url), canister: options.canister, sender })
    }

    /// Returns the principal of the caller.
    pub fn sender(&self) -> Principal {
        self.sender
    }

    /// Returns the URL of the replica.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Returns the URL of a path of the canister's web site for browsers: at `icp0.io` for the mainnet, under `localhost` for
    /// a network on this machine, and with the canister as a parameter elsewhere.
    pub fn site_url(&self, path: &str) -> String {
        host::site_url(&self.url, &self.canister.to_text(), path)
    }

    /// Returns the root key of the network, in DER: that of the mainnet, or the one that was fetched.
    pub fn root_key(&self) -> Vec<u8> {
        self.agent.read_root_key()
    }

    /// Returns the identifier of the canister.
    pub fn canister(&self) -> Principal {
        self.canister
    }

    /// Returns the outcome of an update that the replica has accepted but not answered yet. Polling changes nothing, so it
    /// continues after a connection failure.
    async fn outcome(&self, request: &RequestId) -> Result<Vec<u8>, AgentError> {
        let mut breaks = 0;
        loop {
            match self.agent.wait(request, self.canister).await {
                Ok((reply, _certificate)) => return Ok(reply),
                Err(error) if error::is_of_connection(&error) && breaks < MAX_BREAKS => {
                    breaks += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Debug for AgentTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AgentTransport")
            .field("url", &self.url.as_str())
            .field("canister", &self.canister.to_text())
            .field("sender", &self.sender.to_text())
            .finish_non_exhaustive()
    }
}

impl Transport for AgentTransport {
    async fn update(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let called = match self.agent.update(&self.canister, method).with_arg(arg).call().await {
            Ok(CallResponse::Response((reply, _certificate))) => Ok(reply),
            Ok(CallResponse::Poll(request)) => {
                return self.outcome(&request).await.map_err(|error| error::of_outcome(&self.url, error));
            }
            Err(error) => Err(error),
        };
        called.map_err(|error| error::transport(&self.url, error))
    }

    async fn query(&self, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, TransportError> {
        let reply = self.agent.query(&self.canister, method).with_arg(arg).call().await;
        reply.map_err(|error| error::transport(&self.url, error))
    }

    fn caller(&self) -> Option<Principal> {
        Some(self.sender)
    }
}

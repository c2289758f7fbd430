//! The HTTP client of an agent.

use std::time::Duration;

use ic_agent::export::reqwest::{Certificate, Client};
use url::Url;

use super::{ConnectError, host};

/// Timeout for making a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Timeout of a request, long enough for a chunk on a slow line. After it, the message has expired.
const TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Creates a client for this URL. The agent's default client panics on a machine without CA certificates.
pub(super) fn client(url: &Url) -> Result<Client, ConnectError> {
    let builder = Client::builder().connect_timeout(CONNECT_TIMEOUT).timeout(TIMEOUT);
    // HTTPS needs CA certificates. HTTP does not, so none are loaded.
    let builder = if url.scheme() == "https" { builder } else { builder.tls_certs_only(NONE) };
    // Replies from this machine are trusted, so they must not come through a proxy.
    let builder = if host::is_local(url) { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| ConnectError::no_https(url, &error))
}

const NONE: [Certificate; 0] = [];

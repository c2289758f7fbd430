//! The HTTP client of an agent.

use std::time::Duration;

use ic_agent::export::reqwest::{Certificate, Client};
use url::Url;

use super::{ConnectError, host};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a request may take, with a chunk on a slow line. By then its message has expired.
const TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// A client for this URL. The agent would make one by itself, and panic on a machine that has no CA certificates.
pub(super) fn client(url: &Url) -> Result<Client, ConnectError> {
    let builder = Client::builder().connect_timeout(CONNECT_TIMEOUT).timeout(TIMEOUT);
    // Certificates are for HTTPS. Without it none are needed, and none are looked for.
    let builder = if url.scheme() == "https" { builder } else { builder.tls_certs_only(NONE) };
    // What this machine tells of itself is believed, so it must not come from a proxy.
    let builder = if host::is_local(url) { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| ConnectError::no_https(url, &error))
}

const NONE: [Certificate; 0] = [];

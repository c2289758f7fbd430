//! What an agent's errors mean to a caller.

use ic_agent::{AgentError, agent::RejectResponse};
use url::Url;

use super::IdentityError;
use crate::TransportError;

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is none.
    #[error(
        "{url:?} is not the URL of a replica: {reason}; one is, for example, https://icp-api.io or http://127.0.0.1:4943"
    )]
    InvalidUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The identity cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The root key of the mainnet is known; one that is sent could be anybody's.
    #[error(
        "the root key of the mainnet is never fetched, and {url} is of the mainnet; do not ask for it there"
    )]
    RootKeyOfMainnet {
        /// The URL.
        url: String,
    },
    /// The replica did not tell its root key.
    #[error("cannot get the root key of {url}: {message}")]
    Unreachable {
        /// The URL.
        url: String,
        /// What failed, and what to do.
        message: String,
    },
}

impl ConnectError {
    pub(super) fn unreachable(url: &Url, error: &AgentError) -> Self {
        Self::Unreachable { url: url.to_string(), message: explain(error) }
    }
}

/// Rejects are kept with their codes, and everything else is no answer.
pub(super) fn transport(url: &Url, error: AgentError) -> TransportError {
    match error {
        AgentError::CertifiedReject { reject, .. } | AgentError::UncertifiedReject { reject, .. } => {
            rejected(reject)
        }
        error => TransportError::Unavailable { message: format!("{url}: {}", explain(&error)) },
    }
}

fn rejected(reject: RejectResponse) -> TransportError {
    TransportError::Rejected {
        code: reject.reject_code as u32,
        error_code: reject.error_code,
        message: reject.reject_message,
    }
}

/// What failed with all its causes, and what to do about it.
fn explain(error: &AgentError) -> String {
    let causes = causes(error);
    match advice(error) {
        Some(advice) => format!("{causes}; {advice}"),
        None => causes,
    }
}

/// An error and what caused it. The HTTP client says only in the last of its causes that a connection was refused.
fn causes(error: &AgentError) -> String {
    let mut text = error.to_string();
    let AgentError::TransportError(ic_agent::agent_error::TransportError::Reqwest(error)) = error else {
        return text;
    };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn advice(error: &AgentError) -> Option<&'static str> {
    match error {
        AgentError::TransportError(_) => Some("is the replica running, and is the URL right?"),
        AgentError::HttpError(error) if error.status == 429 => {
            Some("there are too many calls; try again later, with fewer at once")
        }
        AgentError::HttpError(error) if error.status >= 500 => {
            Some("the replica is overloaded or being restarted; try again")
        }
        AgentError::HttpError(_) => Some("does the URL lead to a replica, and is the clock right?"),
        AgentError::TimeoutWaitingForResponse() => {
            Some("look whether the call was carried out before calling again")
        }
        AgentError::CertificateOutdated(_) => Some("is this computer's clock right?"),
        AgentError::CertificateVerificationFailed()
        | AgentError::QuerySignatureVerificationFailed
        | AgentError::MissingSignature
        | AgentError::MalformedSignature => Some(
            "the reply is not of the network whose root key is known; a test network elsewhere needs its root key fetched",
        ),
        AgentError::CertificateNotAuthorized() => Some("is the canister on this network?"),
        _ => None,
    }
}

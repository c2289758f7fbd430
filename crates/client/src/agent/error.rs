//! What an agent's errors mean to a caller.

use std::error::Error;

use ic_agent::{AgentError, agent::RejectResponse, agent_error, export::reqwest};
use url::Url;

use super::IdentityError;
use crate::TransportError;

/// The HTTP status of a server that asks for fewer requests.
const TOO_MANY_REQUESTS: u16 = 429;

/// The first of the HTTP statuses that say that the server is to blame.
const SERVER_ERRORS: u16 = 500;

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
    /// HTTPS cannot be had on this machine.
    #[error(
        "cannot use HTTPS for {url}: {reason}; are CA certificates installed, or does SSL_CERT_FILE name some?"
    )]
    NoHttps {
        /// The URL.
        url: String,
        /// What failed.
        reason: String,
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
    pub(super) fn no_https(url: &Url, error: &reqwest::Error) -> Self {
        Self::NoHttps { url: url.to_string(), reason: with_causes(error) }
    }

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

/// Whether an error says nothing but that the replica could not be asked this time.
pub(super) fn is_of_connection(error: &AgentError) -> bool {
    match error {
        AgentError::TransportError(_) => true,
        AgentError::HttpError(error) => error.status == TOO_MANY_REQUESTS || error.status >= SERVER_ERRORS,
        _ => false,
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

/// The HTTP client says only in the last of its causes that a connection was refused.
fn causes(error: &AgentError) -> String {
    match error {
        AgentError::TransportError(agent_error::TransportError::Reqwest(error)) => with_causes(error),
        error => error.to_string(),
    }
}

/// An error and what caused it.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn advice(error: &AgentError) -> Option<&'static str> {
    match error {
        AgentError::TransportError(_) => Some("is the replica running, and is the URL right?"),
        AgentError::HttpError(error) if error.status == TOO_MANY_REQUESTS => {
            Some("there are too many calls; try again later, with fewer at once")
        }
        AgentError::HttpError(error) if error.status >= SERVER_ERRORS => {
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

#[cfg(test)]
mod tests {
    use ic_agent::agent::{RejectCode, agent_error::HttpErrorPayload};

    use super::*;

    fn mapped(error: AgentError) -> TransportError {
        transport(&Url::parse("http://127.0.0.1:1").expect("it is a URL"), error)
    }

    fn http(status: u16) -> AgentError {
        AgentError::HttpError(HttpErrorPayload { status, content_type: None, content: b"text".to_vec() })
    }

    #[test]
    fn rejects_keep_their_codes_whether_certified_or_not() {
        let reject = RejectResponse {
            reject_code: RejectCode::CanisterError,
            reject_message: "it trapped".into(),
            error_code: Some("IC0503".into()),
        };
        let expected = TransportError::Rejected {
            code: 5,
            error_code: Some("IC0503".into()),
            message: "it trapped".into(),
        };
        let certified = AgentError::CertifiedReject { reject: reject.clone(), operation: None };
        assert_eq!(mapped(certified), expected);
        assert_eq!(mapped(AgentError::UncertifiedReject { reject, operation: None }), expected);
    }

    #[test]
    fn everything_else_is_no_answer_that_names_the_url_and_says_what_to_do() {
        let errors = [
            (http(429), "fewer at once"),
            (http(503), "try again"),
            (http(400), "clock"),
            (AgentError::TimeoutWaitingForResponse(), "was carried out"),
            (AgentError::CertificateVerificationFailed(), "root key"),
            (AgentError::MissingSignature, "root key"),
            (AgentError::CertificateOutdated(std::time::Duration::ZERO), "clock"),
            (AgentError::CertificateNotAuthorized(), "on this network"),
        ];
        for (error, advice) in errors {
            let shown = mapped(error).to_string();
            let is_complete = shown.starts_with("no answer: http://127.0.0.1:1/: ") && shown.contains(advice);
            assert!(is_complete, "{shown}");
        }
    }

    #[test]
    fn only_what_says_nothing_of_the_call_is_asked_again() {
        assert!(is_of_connection(&http(429)) && is_of_connection(&http(502)));
        assert!(!is_of_connection(&http(400)) && !is_of_connection(&AgentError::TimeoutWaitingForResponse()));
        assert!(!is_of_connection(&AgentError::CertificateVerificationFailed()));
    }
}

//! What an agent's errors mean to a caller.

use std::error::Error;

use ic_agent::{AgentError, agent::RejectResponse, agent_error, export::reqwest};
use url::Url;

use super::IdentityError;
use crate::TransportError;

/// The HTTP status of a server that has waited too long for the rest of a request.
const REQUEST_TIMEOUT: u16 = 408;

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
        error => {
            let message = format!("{url}: {}", explain(&error));
            match error {
                AgentError::HttpError(error) if is_refusal(error.status) => {
                    TransportError::Refused { message }
                }
                _ => TransportError::Unavailable { message },
            }
        }
    }
}

/// The same for an update that the replica has taken: whatever is refused now, it may have been executed.
pub(super) fn of_outcome(url: &Url, error: AgentError) -> TransportError {
    match transport(url, error) {
        TransportError::Refused { message } => TransportError::Unavailable { message },
        error => error,
    }
}

/// Whether a server says that the request is to blame, so that the same one will be refused again.
fn is_refusal(status: u16) -> bool {
    (400..SERVER_ERRORS).contains(&status) && ![REQUEST_TIMEOUT, TOO_MANY_REQUESTS].contains(&status)
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
        AgentError::HttpError(error) => status_line(error.status, &error.content),
        error => error.to_string(),
    }
}

/// How many characters of what a server says are worth reading.
const SAID: usize = 200;

/// The status, and what the server says about it where that is a line of text. Gateways send whole pages of HTML.
fn status_line(status: u16, content: &[u8]) -> String {
    let named = reqwest::StatusCode::from_u16(status);
    let status = named.map_or_else(|_| status.to_string(), |named| named.to_string());
    let content = str::from_utf8(content).unwrap_or_default();
    let line = content.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    match line.starts_with('<') || line.is_empty() {
        true => format!("HTTP {status}"),
        false => format!("HTTP {status}: {}", line.chars().take(SAID).collect::<String>()),
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

    /// A request that is refused has changed nothing and is not tried again, unless its outcome is asked for.
    #[test]
    fn a_refusal_is_no_silence() {
        let url = Url::parse("http://127.0.0.1:1").expect("it is a URL");
        for status in [400, 403, 404, 413] {
            assert!(matches!(mapped(http(status)), TransportError::Refused { .. }), "{status}");
            assert!(matches!(of_outcome(&url, http(status)), TransportError::Unavailable { .. }), "{status}");
        }
        for status in [408, 429, 500, 502, 503] {
            assert!(matches!(mapped(http(status)), TransportError::Unavailable { .. }), "{status}");
        }
    }

    /// A page of HTML is not for reading in an error; a line of text is, and no more than that.
    #[test]
    fn an_error_of_http_is_one_line() {
        let page = format!("<!DOCTYPE html>\n<html>{}</html>\n", "<br>\n".repeat(130));
        assert_eq!(status_line(400, page.as_bytes()), "HTTP 400 Bad Request");
        assert_eq!(
            status_line(400, b"\n canister_not_found \nmore"),
            "HTTP 400 Bad Request: canister_not_found"
        );
        assert_eq!(status_line(599, b"\xff"), "HTTP 599 <unknown status code>");
        assert!(status_line(502, "x".repeat(9_999).as_bytes()).len() < 300);
    }

    #[test]
    fn only_what_says_nothing_of_the_call_is_asked_again() {
        assert!(is_of_connection(&http(429)) && is_of_connection(&http(502)));
        assert!(!is_of_connection(&http(400)) && !is_of_connection(&AgentError::TimeoutWaitingForResponse()));
        assert!(!is_of_connection(&AgentError::CertificateVerificationFailed()));
    }
}

//! Mapping of an agent's errors to errors of a call.

use std::error::Error;

use ic_agent::{AgentError, agent::RejectResponse, agent_error, export::reqwest};
use url::Url;

use super::IdentityError;
use crate::TransportError;

/// HTTP status of a server that timed out waiting for the rest of a request.
const REQUEST_TIMEOUT: u16 = 408;

/// HTTP status of a server that asks for fewer requests.
const TOO_MANY_REQUESTS: u16 = 429;

/// First of the HTTP statuses for errors of the server.
const SERVER_ERRORS: u16 = 500;

/// Reason why a connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is invalid.
    #[error(
        "{url:?} is not the URL of a replica: {reason}; one is, for example, https://icp-api.io or http://127.0.0.1:4943"
    )]
    InvalidUrl {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The identity cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The root key of the mainnet is known. A fetched one could come from anyone.
    #[error("cannot fetch a root key from {url}: it is the mainnet, whose root key is known")]
    RootKeyOfMainnet {
        /// The URL.
        url: String,
    },
    /// HTTPS is not available on this machine.
    #[error("cannot use HTTPS for {url}: {reason}; install CA certificates, or set SSL_CERT_FILE")]
    NoHttps {
        /// The URL.
        url: String,
        /// What failed.
        reason: String,
    },
    /// The replica did not return its root key.
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

/// Keeps rejects with their codes, and reports everything else as a call without a reply.
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

/// Maps errors after the replica has accepted an update: it may have been executed, whatever is refused now.
pub(super) fn of_outcome(url: &Url, error: AgentError) -> TransportError {
    match transport(url, error) {
        TransportError::Refused { message } => TransportError::Unavailable { message },
        error => error,
    }
}

/// Returns whether the status blames the request, so that the same request would be refused again.
fn is_refusal(status: u16) -> bool {
    (400..SERVER_ERRORS).contains(&status) && ![REQUEST_TIMEOUT, TOO_MANY_REQUESTS].contains(&status)
}

/// Returns whether the error means only that the replica could not be reached this time.
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

/// Returns the error with all its causes, and what to do about it.
fn explain(error: &AgentError) -> String {
    let causes = causes(error);
    match advice(error) {
        Some(advice) => format!("{causes}; {advice}"),
        None => causes,
    }
}

/// Joins the causes. The HTTP client reports a refused connection only in the last of its causes.
fn causes(error: &AgentError) -> String {
    match error {
        AgentError::TransportError(agent_error::TransportError::Reqwest(error)) => with_causes(error),
        AgentError::HttpError(error) => status_line(error.status, &error.content),
        error => error.to_string(),
    }
}

/// The most characters of a server's message that are shown.
const SAID: usize = 200;

/// Returns the status, and the server's message if it is a line of text. Gateways send whole pages of HTML.
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

/// Returns an error with its causes.
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
        AgentError::TransportError(_) => {
            Some("check that the replica is running and that the URL is correct")
        }
        AgentError::HttpError(error) if error.status == TOO_MANY_REQUESTS => {
            Some("too many calls; try again later with fewer concurrent calls")
        }
        AgentError::HttpError(error) if error.status >= SERVER_ERRORS => {
            Some("the replica is overloaded or restarting; try again later")
        }
        AgentError::HttpError(_) => {
            Some("check that the URL is that of a replica and that the clock is correct")
        }
        AgentError::TimeoutWaitingForResponse() => {
            Some("check whether the call was executed before you repeat it")
        }
        AgentError::CertificateOutdated(_) => Some("check the clock of this computer"),
        AgentError::CertificateVerificationFailed()
        | AgentError::QuerySignatureVerificationFailed
        | AgentError::MissingSignature
        | AgentError::MalformedSignature => {
            Some("the reply is signed by another network; for a test network, fetch its root key")
        }
        AgentError::CertificateNotAuthorized() => Some("check that the canister is on this network"),
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
            (http(429), "fewer concurrent"),
            (http(503), "try again"),
            (AgentError::TimeoutWaitingForResponse(), "was executed"),
            (AgentError::CertificateVerificationFailed(), "root key"),
            (AgentError::MissingSignature, "root key"),
            (AgentError::CertificateOutdated(std::time::Duration::ZERO), "clock"),
            (AgentError::CertificateNotAuthorized(), "on this network"),
        ];
        for (error, advice) in errors {
            let shown = mapped(error).to_string();
            let is_complete = shown.starts_with("no reply: http://127.0.0.1:1/: ") && shown.contains(advice);
            assert!(is_complete, "{shown}");
        }
    }

    /// A refused request changed nothing and is not sent again, unless the outcome of an accepted update is polled.
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

    /// An error shows one line of text, shortened, and no page of HTML.
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

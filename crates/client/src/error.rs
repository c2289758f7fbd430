//! Reasons why a call failed.

use crate::TransportError;

/// Result of every call.
pub type Result<T> = std::result::Result<T, ClientError>;

/// Reason why a call failed. Every case names the method of the contract.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The canister returned an error of its contract, rejected the call with the text of one, or the client found the error
    /// before it sent the call. Nothing has changed.
    #[error("{method}: {error}")]
    Storage {
        /// The method that was called.
        method: &'static str,
        /// The error.
        #[source]
        error: stable_storage_api::Error,
    },
    /// The call was refused, or the canister trapped. Nothing has changed.
    #[error("{method}: {message}")]
    Rejected {
        /// The method that was called.
        method: &'static str,
        /// The reject code of the Internet Computer, 1 to 6.
        code: u32,
        /// Error code of the replica, for example `IC0503`, if it gave one.
        error_code: Option<String>,
        /// Message of the replica or the canister.
        message: String,
    },
    /// The call did not reach the canister, because a server on the way refused it. Nothing has changed.
    #[error("{method}: refused: {message}")]
    Refused {
        /// The method that was called.
        method: &'static str,
        /// Which server refused it, and why.
        message: String,
    },
    /// There was no reply. The call may have been executed or not.
    #[error("{method}: no reply: {message}")]
    Transport {
        /// The method that was called.
        method: &'static str,
        /// What failed.
        message: String,
    },
    /// The host in this process could not execute the call, for example because its disk is full. Nothing has changed.
    #[error("{method}: {message}")]
    Host {
        /// The method that was called.
        method: &'static str,
        /// What failed.
        message: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The reply does not match the contract. The canister may have another version than this client.
    #[error("{method}: cannot decode the reply, the canister may have another version: {error}")]
    Decode {
        /// The method that was called.
        method: &'static str,
        /// Error of the decoder.
        #[source]
        error: candid::Error,
    },
}

impl ClientError {
    pub(crate) fn transport(method: &'static str, error: TransportError) -> Self {
        match error {
            TransportError::Rejected { code, error_code, message } => match storage_error_in(&message) {
                Some(error) => Self::Storage { method, error },
                None => Self::Rejected { method, code, error_code, message },
            },
            TransportError::Refused { message } => Self::Refused { method, message },
            TransportError::Unavailable { message } => Self::Transport { method, message },
            TransportError::Host { message, hint } => Self::Host { method, message, hint },
        }
    }

    /// Returns the method of the contract whose call failed.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Storage { method, .. }
            | Self::Rejected { method, .. }
            | Self::Refused { method, .. }
            | Self::Transport { method, .. }
            | Self::Host { method, .. }
            | Self::Decode { method, .. } => method,
        }
    }

    /// Returns whether a server on the way refused the call. An earlier attempt may still have been executed.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Returns the error of the contract, if the canister returned one.
    pub fn storage_error(&self) -> Option<&stable_storage_api::Error> {
        match self {
            Self::Storage { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Returns the error of the contract that a reject message carries as text: of `inspect_message`, and of methods whose
/// reply type has no error. The replica adds text around it.
fn storage_error_in(message: &str) -> Option<stable_storage_api::Error> {
    let trapped = message.split_once(TRAPPED).and_then(|(_, quoted)| quoted.rsplit_once('\''));
    let rejected = message.split_once(REJECTED).map(|(_, text)| text);
    let texts = [Some(message), trapped.map(|(text, _)| text), rejected];
    texts.into_iter().flatten().find_map(|text| text.trim().parse().ok())
}

/// Text of the replica before the text of a trap, which ends with a quotation mark.
const TRAPPED: &str = "with message: '";

/// Text that the replica may put before the text of a reject.
const REJECTED: &str = "explicitly rejected message: ";

#[cfg(test)]
mod tests {
    use stable_storage_api::{Error, Role};

    use super::*;

    fn of(message: &str) -> ClientError {
        let error_code = Some("IC0503".to_owned());
        ClientError::transport(
            "put",
            TransportError::Rejected { code: 5, error_code, message: message.into() },
        )
    }

    /// The text of a trap in `inspect_message`, or of a reject by `log`, is parsed as the original error.
    #[test]
    fn a_reject_with_the_text_of_an_error_is_the_error() {
        let what = "the key has 1025 bytes; it's too long";
        let errors = [Error::invalid(what), Error::Unauthorized { needed: Role::Writer }];
        for error in errors {
            for message in [
                format!(
                    "Error from Canister aaaaa-aa: Canister called `ic0.trap` with message: '{error}'.\nConsider gracefully handling failures."
                ),
                format!("Canister called `ic0.trap` with message: '{error}'"),
                error.to_string(),
            ] {
                assert_eq!(of(&message).storage_error(), Some(&error), "{message}");
            }
        }
    }

    #[test]
    fn another_reject_stays_one() {
        for message in ["", "no", "Canister called `ic0.trap` with message: 'index out of bounds'"] {
            assert!(matches!(of(message), ClientError::Rejected { .. }), "{message}");
        }
    }
}

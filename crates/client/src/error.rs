//! Why a call failed, and which one.

use crate::TransportError;

/// The result of every call.
pub type Result<T> = std::result::Result<T, ClientError>;

/// Why a call failed. Every case names the method of the contract.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The canister answered with an error of its contract. Nothing has changed.
    #[error("{method}: {error}")]
    Storage {
        /// The method that was called.
        method: &'static str,
        /// What the canister answered.
        #[source]
        error: storage_api::Error,
    },
    /// The call was refused, or the canister trapped. Nothing has changed.
    #[error("{method}: {message}")]
    Rejected {
        /// The method that was called.
        method: &'static str,
        /// The reject code of the Internet Computer, 1 to 6.
        code: u32,
        /// The replica's error code, for example `IC0503`, where it gave one.
        error_code: Option<String>,
        /// What the replica or the canister said.
        message: String,
    },
    /// There was no answer. Whether the call was carried out is not known.
    #[error("{method}: no answer: {message}")]
    Transport {
        /// The method that was called.
        method: &'static str,
        /// What failed.
        message: String,
    },
    /// The reply is not what the contract says; the canister may be of another version than this client.
    #[error("{method}: the reply could not be decoded, is the canister of another version? {error}")]
    Decode {
        /// The method that was called.
        method: &'static str,
        /// What the decoder found.
        #[source]
        error: candid::Error,
    },
}

impl ClientError {
    pub(crate) fn transport(method: &'static str, error: TransportError) -> Self {
        match error {
            TransportError::Rejected { code, error_code, message } => {
                Self::Rejected { method, code, error_code, message }
            }
            TransportError::Unavailable { message } => Self::Transport { method, message },
        }
    }

    /// The method of the contract whose call failed.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Storage { method, .. }
            | Self::Rejected { method, .. }
            | Self::Transport { method, .. }
            | Self::Decode { method, .. } => method,
        }
    }

    /// What the canister answered, where it answered with an error of its contract.
    pub fn storage_error(&self) -> Option<&storage_api::Error> {
        match self {
            Self::Storage { error, .. } => Some(error),
            _ => None,
        }
    }
}

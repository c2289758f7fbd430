//! What carries a call to the canister and its reply back.

use std::future::Future;

use candid::Principal;

/// Carries encoded arguments to one canister, in the name of one caller, and brings back the encoded reply.
///
/// A transport knows nothing of the contract, and it does not try again by itself: whether a call may be repeated
/// depends on what it does.
pub trait Transport: Send + Sync {
    /// Calls a method that may change the canister's state.
    fn update(
        &self,
        method: &str,
        arg: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, TransportError>> + Send;

    /// Calls a method that leaves the canister's state as it is.
    fn query(
        &self,
        method: &str,
        arg: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, TransportError>> + Send;

    /// In whose name the calls are made, where the transport knows.
    fn caller(&self) -> Option<Principal> {
        None
    }
}

/// Why a call brought back no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The replica or the canister refused the call, or the canister trapped. The state is what it was before.
    #[error("rejected ({}): {message}", .error_code.as_deref().unwrap_or("no error code"))]
    Rejected {
        /// The reject code of the Internet Computer, 1 to 6.
        code: u32,
        /// The replica's error code, for example `IC0503`, where it gave one.
        error_code: Option<String>,
        /// What the replica or the canister said.
        message: String,
    },
    /// A server on the way to the replica, or the replica itself, refused to take the call. It was not executed, and would be
    /// refused again.
    #[error("refused: {message}")]
    Refused {
        /// Who refused it, and why.
        message: String,
    },
    /// The replica could not be reached or did not answer. Whether the call was carried out is not known.
    #[error("no answer: {message}")]
    Unavailable {
        /// What failed.
        message: String,
    },
    /// The host in this process could not carry out the call, for example because its disk is full. The state is what it
    /// was before.
    #[error("{message}")]
    Host {
        /// What failed.
        message: String,
        /// What to do about it.
        hint: &'static str,
    },
}

//! Transport of calls to the canister.

use std::future::Future;

use candid::Principal;

/// Sends encoded arguments to one canister, as one caller, and returns the encoded reply.
///
/// A transport knows nothing of the contract, and it does not repeat calls: whether that is safe depends on the method.
pub trait Transport: Send + Sync {
    /// Calls a method that may change the canister's state.
    fn update(
        &self,
        method: &str,
        arg: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, TransportError>> + Send;

    /// Calls a method that does not change the canister's state.
    fn query(
        &self,
        method: &str,
        arg: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, TransportError>> + Send;

    /// Returns the principal of the caller, if the transport knows it.
    fn caller(&self) -> Option<Principal> {
        None
    }
}

/// Reason why a call has no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The replica or the canister rejected the call, or the canister trapped. The state has not changed.
    #[error("rejected ({}): {message}", .error_code.as_deref().unwrap_or("no error code"))]
    Rejected {
        /// The reject code of the Internet Computer, 1 to 6.
        code: u32,
        /// Error code of the replica, for example `IC0503`, if it gave one.
        error_code: Option<String>,
        /// Message of the replica or the canister.
        message: String,
    },
    /// A server on the way to the replica, or the replica itself, refused to accept the call. It was not executed, and would be
    /// refused again.
    #[error("refused: {message}")]
    Refused {
        /// Which server refused it, and why.
        message: String,
    },
    /// The replica could not be reached or did not reply. The call may have been executed or not.
    #[error("no reply: {message}")]
    Unavailable {
        /// What failed.
        message: String,
    },
    /// The host in this process could not execute the call, for example because its disk is full. The state has not changed.
    #[error("{message}")]
    Host {
        /// What failed.
        message: String,
        /// What to do about it.
        hint: &'static str,
    },
}

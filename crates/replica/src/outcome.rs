//! Outcomes of messages.

use embedded_ic::{CallError, HostError, Reject};
use ic_transport_types::{RejectCode, RejectResponse};

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Replied(Vec<u8>),
    Rejected(RejectResponse),
    /// The call was executed, and its reply is no longer stored.
    Done,
}

impl Outcome {
    /// Returns the bytes that the outcome needs in memory.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Replied(reply) => reply.len(),
            Self::Rejected(reject) => reject.reject_message.len(),
            Self::Done => 0,
        }
    }
}

/// Converts an error of the host to a reject.
pub(crate) fn rejection(error: CallError) -> RejectResponse {
    match error {
        CallError::Rejected(Reject { code, error_code, message, .. }) => RejectResponse {
            reject_code: code_of(code),
            reject_message: message,
            error_code: Some(error_code.to_owned()),
        },
        CallError::Host(error) => host_failed(&error),
    }
}

/// Returns a reject of this server.
pub(crate) fn reject(code: RejectCode, error_code: &str, message: impl Into<String>) -> RejectResponse {
    RejectResponse { reject_code: code, reject_message: message.into(), error_code: Some(error_code.into()) }
}

/// Returns the reject for a failure of the host. Nothing has changed.
pub(crate) fn host_failed(error: &HostError) -> RejectResponse {
    reject(RejectCode::SysTransient, "IC0207", format!("The host of the canister failed: {error}"))
}

fn code_of(code: embedded_ic::RejectCode) -> RejectCode {
    match code {
        embedded_ic::RejectCode::SysFatal => RejectCode::SysFatal,
        embedded_ic::RejectCode::SysTransient => RejectCode::SysTransient,
        embedded_ic::RejectCode::DestinationInvalid => RejectCode::DestinationInvalid,
        embedded_ic::RejectCode::CanisterReject => RejectCode::CanisterReject,
        embedded_ic::RejectCode::CanisterError => RejectCode::CanisterError,
    }
}

//! What comes of a message.

use embedded_ic::{CallError, HostError, Reject};
use ic_transport_types::{RejectCode, RejectResponse};

/// The end of a call that was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Replied(Vec<u8>),
    Rejected(RejectResponse),
    /// It was executed, and what it replied is no longer known.
    Done,
}

impl Outcome {
    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Replied(reply) => reply.len(),
            Self::Rejected(reject) => reject.reject_message.len(),
            Self::Done => 0,
        }
    }
}

/// The result of a message as a client is told it.
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

/// A reject that the server makes.
pub(crate) fn reject(code: RejectCode, error_code: &str, message: impl Into<String>) -> RejectResponse {
    RejectResponse { reject_code: code, reject_message: message.into(), error_code: Some(error_code.into()) }
}

/// The host could not execute the message, and nothing has changed.
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

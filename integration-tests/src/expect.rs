//! Expected errors.

use std::fmt::Debug;

use storage_client::{ClientError, TransportError};

/// Returns the error of the contract that a call must have returned.
pub fn storage_error<T: Debug>(result: Result<T, ClientError>) -> stable_storage_api::Error {
    match result {
        Err(ClientError::Storage { error, .. }) => error,
        other => panic!("an error of the contract was expected, not {other:?}"),
    }
}

/// Returns the message of a call that must be rejected: an error of the contract, which the client also parses from the text
/// of a reject, or another reject.
pub fn refused<T: Debug>(result: Result<T, ClientError>) -> String {
    match result {
        Err(ClientError::Storage { error, .. }) => error.to_string(),
        Err(ClientError::Rejected { message, .. }) => message,
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

/// Returns the message of the reject of an install or a raw call.
pub fn refusal<T: Debug>(result: Result<T, TransportError>) -> String {
    match result {
        Err(TransportError::Rejected { message, .. }) => message,
        other => panic!("a reject was expected, not {other:?}"),
    }
}

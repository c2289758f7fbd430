//! What a test expects where a call must fail.

use std::fmt::Debug;

use storage_client::{ClientError, TransportError};

/// The error of the contract that a call must have answered.
pub fn storage_error<T: Debug>(result: Result<T, ClientError>) -> stable_storage_api::Error {
    match result {
        Err(ClientError::Storage { error, .. }) => error,
        other => panic!("an error of the contract was expected, not {other:?}"),
    }
}

/// What the sender of a call is told that must be refused: in an error of the contract, which the client also makes of a
/// reject with its text, or in another reject.
pub fn refused<T: Debug>(result: Result<T, ClientError>) -> String {
    match result {
        Err(ClientError::Storage { error, .. }) => error.to_string(),
        Err(ClientError::Rejected { message, .. }) => message,
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

/// The message of the reject that an install or a raw call must have ended with.
pub fn refusal<T: Debug>(result: Result<T, TransportError>) -> String {
    match result {
        Err(TransportError::Rejected { message, .. }) => message,
        other => panic!("a reject was expected, not {other:?}"),
    }
}

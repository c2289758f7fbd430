//! Errors of the client as errors of S3.

use axum::http::StatusCode;
use s3s::{S3Error, S3ErrorCode, s3_error};
use stable_storage_api::Error;
use storage_client::{ClientError, TransferError};

use crate::details;

/// Converts an error of a call.
pub(crate) fn of_call(error: ClientError) -> S3Error {
    if error.storage_error() == Some(&Error::AlreadyExists) {
        return exists();
    }
    let (code, status) = match (error.storage_error(), &error) {
        // No status of S3 says this. With a separate status, clients do not send the request again.
        (Some(Error::OutOfMemory { .. }), _) => {
            (S3ErrorCode::InternalError, Some(StatusCode::INSUFFICIENT_STORAGE))
        }
        (Some(error), _) => (code(error), None),
        // The client may send the request again.
        (None, ClientError::Transport { .. } | ClientError::Refused { .. }) => {
            (S3ErrorCode::ServiceUnavailable, None)
        }
        _ => (S3ErrorCode::InternalError, None),
    };
    let mut answer = S3Error::with_message(code, text(&error));
    if let Some(status) = status {
        answer.set_status_code(status);
    }
    answer
}

/// Returns the text of an error, without the method of the canister that was called: clients of S3 do not know it.
fn text(error: &ClientError) -> String {
    match error {
        ClientError::Storage { error, .. } => error.to_string(),
        ClientError::Rejected { message, .. } | ClientError::Host { message, .. } => message.clone(),
        ClientError::Refused { message, .. } => format!("refused: {message}"),
        ClientError::Transport { message, .. } => format!("no reply: {message}"),
        ClientError::Decode { error, .. } => format!("the canister may have another version: {error}"),
    }
}

fn code(error: &Error) -> S3ErrorCode {
    match error {
        Error::NotFound => S3ErrorCode::NoSuchKey,
        Error::AlreadyExists | Error::RevisionMismatch { .. } => S3ErrorCode::PreconditionFailed,
        Error::Unauthorized { .. } => S3ErrorCode::AccessDenied,
        Error::InvalidArgument { .. } | Error::OutOfRange { .. } => S3ErrorCode::InvalidArgument,
        Error::TooLarge { .. } => S3ErrorCode::EntityTooLarge,
        Error::LimitExceeded { .. } => S3ErrorCode::SlowDown,
        Error::OutOfMemory { .. }
        | Error::Incomplete { .. }
        | Error::Corrupted { .. }
        | Error::ChunkConflict { .. } => S3ErrorCode::InternalError,
    }
}

/// Converts an error of a transfer. The reason that a request body was refused is kept.
pub(crate) fn of_transfer(error: TransferError) -> S3Error {
    match error {
        TransferError::Client(error) => of_call(error),
        TransferError::Read { error, .. } => match error.downcast::<S3Error>() {
            Ok(reason) => reason,
            Err(error) => match error.downcast::<TransferError>() {
                Ok(source) => of_transfer(source),
                Err(error) => S3Error::with_message(S3ErrorCode::IncompleteBody, error.to_string()),
            },
        },
        TransferError::SourceEndsEarly { .. } | TransferError::SourceIsLonger { .. } => {
            s3_error!(IncompleteBody, "{error}")
        }
        TransferError::WrongDigest { .. } | TransferError::SourceChanged { .. } => {
            s3_error!(BadDigest, "{error}")
        }
        error => S3Error::with_message(S3ErrorCode::InternalError, error.to_string()),
    }
}

/// Returns the error for a condition that does not hold, with the name of its header.
pub(crate) fn condition_failed(name: &str) -> S3Error {
    details::with(s3_error!(PreconditionFailed, "the condition {name} does not hold"), "Condition", name)
}

/// Returns the error for a write to a key that has an object, on the condition that it has none.
pub(crate) fn exists() -> S3Error {
    condition_failed("If-None-Match")
}

/// Returns the error for a part of an object that the object does not have.
pub(crate) fn no_such_part(number: i32) -> S3Error {
    let code = S3ErrorCode::Custom("InvalidPartNumber".into());
    let mut error = S3Error::with_message(code, format!("the object has no part {number}"));
    error.set_status_code(StatusCode::RANGE_NOT_SATISFIABLE);
    error
}

/// What S3 has and this gateway has not.
pub(crate) fn not_implemented(what: &str) -> S3Error {
    s3_error!(NotImplemented, "{what}: not supported by this gateway")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(error: Error) -> (S3ErrorCode, Option<StatusCode>) {
        let error = of_transfer(TransferError::Client(ClientError::Storage { method: "put", error }));
        (error.code().clone(), error.status_code())
    }

    #[test]
    fn a_full_store_is_not_an_error_that_is_tried_again() {
        let full = Error::OutOfMemory { requested: 2, available: 1 };
        assert_eq!(converted(full), (S3ErrorCode::InternalError, Some(StatusCode::INSUFFICIENT_STORAGE)));
        assert_eq!(converted(Error::AlreadyExists).0, S3ErrorCode::PreconditionFailed);
    }

    #[test]
    fn messages_do_not_name_the_methods_of_the_canister() {
        let (method, message) = ("put_with", "reason".to_owned());
        let errors = [
            ClientError::Storage { method, error: Error::AlreadyExists },
            ClientError::Rejected { method, code: 4, error_code: None, message: message.clone() },
            ClientError::Refused { method, message: message.clone() },
            ClientError::Transport { method, message: message.clone() },
            ClientError::Host { method, message, hint: "" },
            ClientError::Decode { method, error: candid::Error::msg("reason") },
        ];
        for error in errors {
            let error = of_transfer(error.into());
            let text = error.message().unwrap();
            assert!(!text.contains(method) && !text.is_empty(), "{text}");
        }
    }

    /// The reason that a body was refused arrives through the transfer that read it.
    #[test]
    fn the_reason_of_a_body_is_kept() {
        let error = std::io::Error::other(s3_error!(BadDigest));
        assert_eq!(of_transfer(TransferError::Read { offset: 7, error }).code(), &S3ErrorCode::BadDigest);
        let source =
            ClientError::Storage { method: "read", error: Error::RevisionMismatch { current: None } };
        let error = std::io::Error::other(TransferError::Client(source));
        assert_eq!(
            of_transfer(TransferError::Read { offset: 7, error }).code(),
            &S3ErrorCode::PreconditionFailed
        );
    }
}

//! Errors of the client as errors of S3.

use s3s::{S3Error, S3ErrorCode, s3_error};
use stable_storage_api::Error;
use storage_client::{ClientError, TransferError};

/// Converts an error of a call.
pub(crate) fn of_call(error: ClientError) -> S3Error {
    let code = match error.storage_error() {
        Some(error) => code(error),
        None => match &error {
            // The client may send the request again.
            ClientError::Transport { .. } | ClientError::Refused { .. } => S3ErrorCode::ServiceUnavailable,
            _ => S3ErrorCode::InternalError,
        },
    };
    S3Error::with_message(code, error.to_string())
}

fn code(error: &Error) -> S3ErrorCode {
    match error {
        Error::NotFound => S3ErrorCode::NoSuchKey,
        Error::AlreadyExists | Error::RevisionMismatch { .. } => S3ErrorCode::PreconditionFailed,
        Error::Unauthorized { .. } => S3ErrorCode::AccessDenied,
        Error::InvalidArgument { .. } | Error::OutOfRange { .. } => S3ErrorCode::InvalidArgument,
        Error::TooLarge { .. } => S3ErrorCode::EntityTooLarge,
        Error::LimitExceeded { .. } => S3ErrorCode::SlowDown,
        Error::OutOfMemory { .. } => {
            S3ErrorCode::from_bytes(b"InsufficientStorage").unwrap_or(S3ErrorCode::InternalError)
        }
        Error::Incomplete { .. } | Error::Corrupted { .. } | Error::ChunkConflict { .. } => {
            S3ErrorCode::InternalError
        }
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

/// What S3 has and this gateway has not.
pub(crate) fn not_implemented(what: &str) -> S3Error {
    s3_error!(NotImplemented, "{what}: not supported by this gateway")
}

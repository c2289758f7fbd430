//! Errors of the client as errors of `object_store`.

use std::borrow::Borrow;

use object_store::Error;
use storage_client::{ClientError, TransferError};

/// Name of the store in errors.
pub(crate) const STORE: &str = "storage canister";

/// Converts an error of a call for one object. Calls that share their outcome share the error.
pub(crate) fn of_call<E>(path: &str, error: E) -> Error
where
    E: Borrow<ClientError> + Into<Box<dyn std::error::Error + Send + Sync>>,
{
    use stable_storage_api::Error as Reason;
    let path = path.to_owned();
    match error.borrow().storage_error() {
        Some(Reason::NotFound) => Error::NotFound { path, source: error.into() },
        Some(Reason::AlreadyExists) => Error::AlreadyExists { path, source: error.into() },
        Some(Reason::RevisionMismatch { .. }) => Error::Precondition { path, source: error.into() },
        Some(Reason::Unauthorized { .. }) => Error::PermissionDenied { path, source: error.into() },
        _ => generic(error),
    }
}

/// Converts an error of a transfer of one object.
pub(crate) fn of_transfer(path: &str, error: TransferError) -> Error {
    match error {
        TransferError::Client(error) => of_call(path, error),
        error => generic(error),
    }
}

/// An error that `object_store` has no case for.
pub(crate) fn generic(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: STORE, source: error.into() }
}

/// An option that the canister has nothing for.
pub(crate) fn not_supported(what: impl Into<String>) -> Error {
    Error::NotSupported { source: what.into().into() }
}

/// A condition that cannot hold.
pub(crate) fn precondition(path: &str, why: impl Into<String>) -> Error {
    Error::Precondition { path: path.to_owned(), source: why.into().into() }
}

#[cfg(test)]
mod tests {
    use stable_storage_api::{Error as Reason, Role};

    use super::*;

    fn converted(error: Reason) -> Error {
        of_transfer("a/b", TransferError::Client(ClientError::Storage { method: "put", error }))
    }

    #[test]
    fn errors_of_the_contract_have_the_case_that_says_the_same() {
        assert!(matches!(converted(Reason::NotFound), Error::NotFound { path, .. } if path == "a/b"));
        assert!(
            matches!(converted(Reason::AlreadyExists), Error::AlreadyExists { path, .. } if path == "a/b")
        );
        let mismatch = Reason::RevisionMismatch { current: None };
        assert!(matches!(converted(mismatch), Error::Precondition { path, .. } if path == "a/b"));
        let unauthorized = Reason::Unauthorized { needed: Role::Writer };
        assert!(matches!(converted(unauthorized), Error::PermissionDenied { path, .. } if path == "a/b"));
        let full = Reason::OutOfMemory { requested: 2, available: 1 };
        assert!(matches!(converted(full), Error::Generic { store: STORE, .. }));
    }
}

//! Who may call what: controllers everything, others nothing.

use storage_api::{Error, Role};
use storage_engine::Caller;

/// Checks that the caller has a role.
pub(crate) fn require(needed: Role) -> Result<(), Error> {
    if ic_cdk::api::is_controller(&ic_cdk::api::msg_caller()) {
        Ok(())
    } else {
        Err(Error::Unauthorized { needed })
    }
}

/// The caller as the uploads know it.
pub(crate) fn caller() -> Caller {
    let principal = ic_cdk::api::msg_caller();
    Caller { principal, is_admin: ic_cdk::api::is_controller(&principal) }
}

/// The guard of a method that reads and whose reply has no place for an error: the caller is rejected with its text.
pub(crate) fn reader() -> Result<(), String> {
    require(Role::Reader).map_err(|error| error.to_string())
}

/// The guard of a method that writes and whose reply has no place for an error.
pub(crate) fn writer() -> Result<(), String> {
    require(Role::Writer).map_err(|error| error.to_string())
}

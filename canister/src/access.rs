//! Who may call what: controllers everything, others nothing.

use candid::Principal;
use storage_api::{Error, Role};
use storage_engine::Caller;

/// Checks that the caller has a role.
pub(crate) fn require(needed: Role) -> Result<(), Error> {
    // Straight from the platform, because every message pays for this: a `Principal` need not be made of the bytes.
    let mut caller = [0; Principal::MAX_LENGTH_IN_BYTES];
    let caller = &mut caller[..ic0::msg_caller_size()];
    ic0::msg_caller_copy(caller, 0);
    if ic0::is_controller(caller) == 1 { Ok(()) } else { Err(Error::Unauthorized { needed }) }
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

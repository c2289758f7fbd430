//! Who may call what. Which role a method needs is said by `storage_api::METHODS`, and nowhere else.

use candid::Principal;
use storage_api::{Error, METHODS, Role};
use storage_engine::Caller;

use crate::state::{self, CanisterStore};

/// The role of the caller, if it has the one that a method needs. `method` is its place in [`METHODS`].
pub(crate) fn check(store: &CanisterStore, method: usize) -> Result<Option<Role>, Error> {
    let needed = METHODS[method].role;
    let role = role_of_caller(store)?;
    match needed {
        Some(needed) if role < Some(needed) => Err(Error::Unauthorized { needed }),
        _ => Ok(role),
    }
}

/// The caller as uploads and regions know it, whose role has been found out.
pub(crate) fn caller(role: Option<Role>) -> Caller {
    Caller { principal: ic_cdk::api::msg_caller(), is_admin: role == Some(Role::Admin) }
}

/// The check of a method whose reply has no place for an error: the caller is rejected with its text.
pub(crate) fn guard(method: usize) -> Result<(), String> {
    state::read(|store| check(store, method)).map(drop).map_err(|error| error.to_string())
}

/// Controllers are admins, others have the role that they were given. Where reads are public, everyone is a reader.
fn role_of_caller(store: &CanisterStore) -> Result<Option<Role>, Error> {
    // Straight from the platform, because every message pays for this: for a controller, a `Principal` need not be made of
    // the bytes.
    let mut caller = [0; Principal::MAX_LENGTH_IN_BYTES];
    let caller = &mut caller[..ic0::msg_caller_size()];
    ic0::msg_caller_copy(caller, 0);
    if ic0::is_controller(caller) == 1 {
        return Ok(Some(Role::Admin));
    }
    let given = store.role(&Principal::from_slice(caller))?;
    Ok(given.max(store.config().public_read.then_some(Role::Reader)))
}

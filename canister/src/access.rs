//! Access control. `stable_storage_api::METHODS` defines the role that each method needs.

use candid::Principal;
use stable_storage_api::{Error, METHODS, Role};
use storage_engine::Caller;

use crate::state::CanisterStore;

/// The caller of a message, as the bytes of its principal.
pub(crate) struct Sender {
    bytes: [u8; Principal::MAX_LENGTH_IN_BYTES],
    length: usize,
}

/// Result of the access check.
#[derive(Clone, Copy)]
pub(crate) struct Admission {
    role: Option<Role>,
    /// Whether the caller may be a controller. This is not queried if the granted role is sufficient.
    may_control: bool,
}

impl Sender {
    pub(crate) fn of_message() -> Self {
        let mut bytes = [0; Principal::MAX_LENGTH_IN_BYTES];
        let length = ic0::msg_caller_size();
        ic0::msg_caller_copy(&mut bytes[..length], 0);
        Self { bytes, length }
    }

    /// Returns the caller in the form that uploads and regions need.
    pub(crate) fn caller(&self, admission: Admission) -> Caller {
        let Admission { role, may_control } = admission;
        let is_admin = role == Some(Role::Admin) || (may_control && self.is_controller());
        Caller { principal: Principal::from_slice(self.as_slice()), is_admin }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn is_controller(&self) -> bool {
        ic0::is_controller(self.as_slice()) == 1
    }
}

/// Checks that the caller has the role that a method needs. Runs before anything else of the message is read.
/// `method` is the index of the method in [`METHODS`].
pub(crate) fn check(store: &CanisterStore, method: usize, sender: &Sender) -> Result<Admission, Error> {
    admit(store, method, sender, store.config().public_read.then_some(Role::Reader))
}

/// Checks that the caller was granted the role that a method needs; public reads do not count.
pub(crate) fn check_given(store: &CanisterStore, method: usize) -> Result<(), Error> {
    admit(store, method, &Sender::of_message(), None).map(drop)
}

/// Returns the role of a caller: controllers are admins; others have the role they were granted, and at least
/// the public one.
fn admit(
    store: &CanisterStore,
    method: usize,
    sender: &Sender,
    of_everyone: Option<Role>,
) -> Result<Admission, Error> {
    let needed = METHODS[method].role;
    // A cached role is found for a tenth of the cost of querying the controllers.
    let known = store.known_role(sender.as_slice()).max(of_everyone);
    if known >= needed {
        return Ok(Admission { role: known, may_control: true });
    }
    if sender.is_controller() {
        return Ok(Admission { role: Some(Role::Admin), may_control: false });
    }
    let role = store.role(&Principal::from_slice(sender.as_slice()))?.max(of_everyone);
    match needed {
        Some(needed) if role < Some(needed) => Err(Error::Unauthorized { needed }),
        _ => Ok(Admission { role, may_control: false }),
    }
}

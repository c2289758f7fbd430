//! The roles.

use candid::Principal;
use stable_storage_api::{Grant, Result, Role};

use crate::state::CanisterStore;

pub(crate) fn set_role(store: &mut CanisterStore, who: Principal, role: Option<Role>) -> Result<()> {
    store.set_role(&who, role)
}

pub(crate) fn list_roles(store: &CanisterStore) -> Result<Vec<Grant>> {
    store.list_roles()
}

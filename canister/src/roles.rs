//! Who has which role.

use candid::Principal;
use ic_cdk::{query, update};
use storage_api::{Grant, Result, Role};

use crate::state::{self, method};

#[update]
fn set_role(who: Principal, role: Option<Role>) -> Result<()> {
    state::update(method!("set_role"), |store| store.set_role(&who, role))
}

#[query]
fn list_roles() -> Result<Vec<Grant>> {
    state::query(method!("list_roles"), |store| store.list_roles())
}

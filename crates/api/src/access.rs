//! Roles and grants.

use candid::{CandidType, Principal};
use serde::{Deserialize, Serialize};
use storage_wire::Wire;

/// What a caller is allowed to do. Each role includes the ones before it. Controllers of the canister are admins.
#[derive(
    CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
pub enum Role {
    /// May call the methods that read.
    Reader,
    /// May also call the methods that change data.
    Writer,
    /// May also change roles and the configuration of the canister.
    Admin,
}

/// A principal with its role.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The principal.
    pub who: Principal,
    /// Its role.
    pub role: Role,
}

//! Who may do what.

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
    /// May also change who may do what, and how the canister is configured.
    Admin,
}

/// A role that a principal has been given.
#[derive(CandidType, Serialize, Deserialize, Wire, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who has it.
    pub who: Principal,
    /// The role.
    pub role: Role,
}

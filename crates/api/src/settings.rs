//! What can be set.

use candid::CandidType;
use serde::{Deserialize, Serialize};

/// The argument of install and upgrade, as `(opt InitArgs)`. On an upgrade, a field that is absent keeps what is
/// configured.
#[derive(CandidType, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct InitArgs {
    /// The most stable memory that the canister may grow to, in bytes. At least
    /// [`MIN_CAPACITY_BYTES`](crate::limits::MIN_CAPACITY_BYTES). Where it is not given at install, the platform's
    /// limit of 500 GiB holds.
    pub capacity: Option<u64>,
}

//! Who calls.

use candid::Principal;

/// Who calls a method of an upload or a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The principal.
    pub principal: Principal,
    /// Whether it may do everything with every upload and every region.
    pub is_admin: bool,
}

impl Caller {
    /// Whether it may use what belongs to this principal.
    pub(crate) fn may_use(&self, owner: Principal) -> bool {
        self.is_admin || self.principal == owner
    }
}

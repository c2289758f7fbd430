//! The caller of a method.

use candid::Principal;

/// Caller of a method for uploads or regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The caller's principal.
    pub principal: Principal,
    /// Whether the caller may use every upload and every region.
    pub is_admin: bool,
}

impl Caller {
    /// Returns whether the caller may use what belongs to this principal.
    pub(crate) fn may_use(&self, owner: Principal) -> bool {
        self.is_admin || self.principal == owner
    }
}

//! The caller of a method.

use candid::Principal;

/// Caller of a method for uploads or regions.
///
/// ```
/// use candid::Principal;
/// use storage_engine::{Caller, Error, Store, VectorMemory};
///
/// let mut store = Store::open(VectorMemory::default())?;
/// let alice = Caller { principal: Principal::from_slice(&[1]), is_admin: false };
/// let bob = Caller { principal: Principal::from_slice(&[2]), is_admin: false };
/// let region = store.region_new(&alice, 0)?;
/// assert!(matches!(store.region_info(region.id, &bob), Err(Error::Unauthorized { .. })));
/// assert!(store.region_info(region.id, &Caller { is_admin: true, ..bob }).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

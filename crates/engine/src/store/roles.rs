//! Methods of a store for roles: see [`crate::subjects::roles`].

use candid::Principal;
use ic_stable_structures::Memory;
use stable_storage_api::{Error, Grant, Role};

use super::Store;

impl<M: Memory + Clone> Store<M> {
    /// Returns the role of a principal.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn role(&self, principal: &Principal) -> Result<Option<Role>, Error> {
        self.roles.role(principal)
    }

    /// Returns the role of the principal with these bytes, if it is cached on the heap from an earlier
    /// lookup. Does not read stable memory.
    #[must_use]
    pub fn known_role(&self, principal: &[u8]) -> Option<Role> {
        self.roles.known_role(principal)
    }

    /// Sets the role of a principal, replacing its current role; `None` removes it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a role of the anonymous principal; [`Error::LimitExceeded`] for more
    /// than 10,000 principals; and [`Error::OutOfMemory`].
    pub fn set_role(&mut self, principal: &Principal, role: Option<Role>) -> Result<(), Error> {
        self.roles.set(&self.core, principal, role)
    }

    /// Returns all principals with a role, in the order of their bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn list_roles(&self) -> Result<Vec<Grant>, Error> {
        self.roles.list()
    }
}

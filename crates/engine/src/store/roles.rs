//! The methods of a store that are about roles: see [`crate::subjects::roles`].

use candid::Principal;
use ic_stable_structures::Memory;
use stable_storage_api::{Error, Grant, Role};

use super::Store;

impl<M: Memory + Clone> Store<M> {
    /// The role that a principal has been given.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn role(&self, principal: &Principal) -> Result<Option<Role>, Error> {
        self.roles.role(principal)
    }

    /// The role of the principal with these bytes, if it was given one and that has been looked up before. Stable memory is not
    /// read.
    #[must_use]
    pub fn known_role(&self, principal: &[u8]) -> Option<Role> {
        self.roles.known_role(principal)
    }

    /// Gives a principal a role in place of the one that it has, or takes it away.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a role of the anonymous principal; [`Error::LimitExceeded`] for more than 10,000
    /// principals; and [`Error::OutOfMemory`].
    pub fn set_role(&mut self, principal: &Principal, role: Option<Role>) -> Result<(), Error> {
        self.roles.set(&self.core, principal, role)
    }

    /// All principals that have a role, in the order of their bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub fn list_roles(&self) -> Result<Vec<Grant>, Error> {
        self.roles.list()
    }
}

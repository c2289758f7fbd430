//! The roles of principals.
//!
//! # Layout v1
//!
//! A map from the bytes of a principal to five bytes:
//!
//! ```text
//! offset  bytes  field
//!      0      1  role: 1 reader, 2 writer, 3 admin
//!      1      4  CRC-32 of the principal and the role
//! ```
//!
//! The checksum is needed because one flipped bit turns a reader into an admin, or one principal into
//! another.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Bound::Unbounded;

use candid::Principal;
use ic_stable_structures::Memory;
use ic_stable_structures::storable::Bound;
use stable_storage_api::limits::MAX_ROLES;
use stable_storage_api::{Error, Grant, Role};

use crate::base::layout::ROLES;
use crate::base::open::OpenError;
use crate::base::problem::{CheckReport, Problem};
use crate::core::{Core, open_map};
use crate::memory::space::{Space, StoreMemory};
use crate::structures::btree::{Map, storable_bytes};

/// Number of principals whose roles are cached on the heap. A lookup in the map costs three times as much as
/// a short log entry. The absence of a role is cached as well, so that repeated refusals of one caller are
/// cheap.
const MAX_KNOWN: usize = 1_000;

/// The roles of all principals that have one.
pub(crate) struct Roles<M: Memory> {
    map: Map<RawPrincipal, RawRole, M>,
    /// Cache of roles that were looked up; `None` for a principal without a role.
    known: RefCell<BTreeMap<Principal, Option<Role>>>,
}

/// Bytes of a principal. The map sees a key of unbounded length, because [`Map`] supports no other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RawPrincipal(Vec<u8>);

storable_bytes!(RawPrincipal, Bound::Unbounded);

impl RawPrincipal {
    fn of(principal: &Principal) -> Self {
        Self(principal.as_slice().to_vec())
    }

    fn principal(&self) -> Result<Principal, Error> {
        Principal::try_from_slice(&self.0)
            .map_err(|_| Error::corrupted("the key of a role is not a principal", 0))
    }
}

/// Bytes of a role as stored in the map, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawRole(Vec<u8>);

storable_bytes!(RawRole, Bound::Unbounded);

impl RawRole {
    fn of(principal: &RawPrincipal, role: Role) -> Self {
        let code = encode(role);
        let checksum = crc32fast::hash(&[principal.0.as_slice(), &[code]].concat());
        Self([&[code][..], &checksum.to_le_bytes()].concat())
    }

    /// Returns the role, if it is valid and belongs to this principal.
    fn decode(&self, principal: &RawPrincipal) -> Result<Role, Error> {
        let code = self.0.first().copied().unwrap_or_default();
        let role = decode(code)?;
        if *self != Self::of(principal, role) {
            return Err(Error::corrupted("a role does not match its checksum", 0));
        }
        Ok(role)
    }
}

impl<M: Memory + Clone> Roles<StoreMemory<M>> {
    pub(crate) fn open(space: &Space<M>) -> Result<Self, OpenError> {
        Ok(Self { map: open_map(space, ROLES, "roles")?, known: RefCell::default() })
    }
}

impl<M: Memory> Roles<M> {
    pub(crate) fn len(&self) -> u64 {
        self.map.len()
    }
}

impl<M: Memory + Clone> Roles<StoreMemory<M>> {
    /// Returns the role of a principal.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub(crate) fn role(&self, principal: &Principal) -> Result<Option<Role>, Error> {
        let mut known = self.known.borrow_mut();
        if let Some(role) = known.get(principal) {
            return Ok(*role);
        }
        let key = RawPrincipal::of(principal);
        let role = match self.map.get(&key)? {
            Some(raw) => Some(raw.decode(&key)?),
            None => None,
        };
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(*principal, role);
        Ok(role)
    }

    /// Returns the role of the principal with these bytes, if it is cached from an earlier lookup. Does not
    /// read stable memory.
    #[must_use]
    pub(crate) fn known_role(&self, principal: &[u8]) -> Option<Role> {
        let known = self.known.borrow();
        if known.is_empty() {
            return None;
        }
        known.get(&Principal::try_from_slice(principal).ok()?).copied().flatten()
    }

    /// Sets the role of a principal, replacing its current role; `None` removes it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] for a role of the anonymous principal; [`Error::LimitExceeded`] for more than 10,000
    /// principals; and [`Error::OutOfMemory`].
    pub(crate) fn set(
        &mut self,
        core: &Core<M>,
        principal: &Principal,
        role: Option<Role>,
    ) -> Result<(), Error> {
        let (key, map) = (RawPrincipal::of(principal), &self.map);
        let mut roles = map.begin();
        let is_new = roles.get(&key)?.is_none();
        stable_storage_api::check::role(principal, role)?;
        if is_new && role.is_none() {
            return Ok(());
        }
        if is_new && map.len() >= MAX_ROLES {
            return Err(Error::LimitExceeded { what: "principals with a role".into(), limit: MAX_ROLES });
        }
        match role {
            Some(role) => roles.insert(&key, &RawRole::of(&key, role))?,
            None => drop(roles.remove(&key)?),
        }
        core.commit_alone(roles)?;
        self.known.get_mut().remove(principal);
        Ok(())
    }

    /// Returns all principals with a role, in the order of their bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupted`].
    pub(crate) fn list(&self) -> Result<Vec<Grant>, Error> {
        let all = self.map.from(Unbounded, |_| true);
        all.map(|role| {
            let (key, raw) = role?;
            Ok(Grant { who: key.principal()?, role: raw.decode(&key)? })
        })
        .collect()
    }

    /// Checks all roles.
    pub(crate) fn check(&self, report: &mut CheckReport) {
        if !self.map.check(&mut report.problems) {
            return;
        }
        for role in self.map.from(Unbounded, |_| true) {
            let read = role.and_then(|(key, raw)| Ok((key.principal()?, raw.decode(&key)?)));
            let what = match read {
                Ok((principal, _)) if principal != Principal::anonymous() => continue,
                Ok((principal, _)) => format!("{principal} cannot have a role, but has one"),
                Err(error) => error.to_string(),
            };
            report.problems.push(Problem { what, offset: 0 });
        }
    }
}

fn encode(role: Role) -> u8 {
    match role {
        Role::Reader => 1,
        Role::Writer => 2,
        Role::Admin => 3,
    }
}

fn decode(byte: u8) -> Result<Role, Error> {
    match byte {
        1 => Ok(Role::Reader),
        2 => Ok(Role::Writer),
        3 => Ok(Role::Admin),
        _ => Err(Error::corrupted(format!("role {byte} is unknown; valid are 1, 2 and 3"), 0)),
    }
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::VectorMemory;

    use super::*;
    use crate::Store;

    const ROLE_BYTES: usize = 1 + crate::base::checksum::CRC_BYTES;

    fn principal(number: u64) -> Principal {
        Principal::from_slice(&number.to_be_bytes())
    }

    #[test]
    fn roles_are_set_replaced_removed_and_persistent() {
        let memory = VectorMemory::default();
        let mut store = Store::open(memory.clone()).unwrap();
        assert_eq!(store.role(&principal(1)), Ok(None));
        for role in [Role::Reader, Role::Writer, Role::Admin] {
            store.set_role(&principal(1), Some(role)).unwrap();
            assert_eq!(store.role(&principal(1)), Ok(Some(role)));
        }
        store.set_role(&principal(2), Some(Role::Reader)).unwrap();
        store.set_role(&principal(3), None).unwrap();
        let mut store = Store::open(memory).unwrap();
        let grants = [(1, Role::Admin), (2, Role::Reader)];
        let grants = grants.map(|(number, role)| Grant { who: principal(number), role });
        assert_eq!(store.list_roles().unwrap(), grants);
        assert_eq!(store.known_role(principal(2).as_slice()), None);
        assert_eq!(store.role(&principal(2)), Ok(Some(Role::Reader)));
        assert_eq!(store.known_role(principal(2).as_slice()), Some(Role::Reader));
        assert_eq!(store.known_role(principal(7).as_slice()), None);
        assert_eq!(store.known_role(&[0; 30]), None);
        store.set_role(&principal(2), Some(Role::Writer)).unwrap();
        assert_eq!(store.known_role(principal(2).as_slice()), None);
        store.set_role(&principal(1), None).unwrap();
        assert_eq!((store.role(&principal(1)), store.roles.len()), (Ok(None), 1));
        assert_eq!(store.check().problems, []);
    }

    #[test]
    fn the_anonymous_principal_gets_no_role() {
        let mut store = Store::open(VectorMemory::default()).unwrap();
        for role in [Role::Reader, Role::Writer, Role::Admin] {
            let refused = store.set_role(&Principal::anonymous(), Some(role));
            assert!(matches!(refused, Err(Error::InvalidArgument { .. })), "{refused:?}");
        }
        store.set_role(&Principal::anonymous(), None).unwrap();
    }

    #[test]
    fn a_stored_role_of_the_anonymous_principal_is_reported() {
        let store = Store::open(VectorMemory::default()).unwrap();
        assert_eq!((store.roles.len(), store.check().problems.len()), (0, 0));
        let key = RawPrincipal::of(&Principal::anonymous());
        let mut roles = store.roles.map.begin();
        roles.insert(&key, &RawRole::of(&key, Role::Reader)).unwrap();
        roles.commit();
        let problems = store.check().problems;
        assert_eq!(problems[0].what, "2vxsx-fae cannot have a role, but has one");
        assert_eq!((store.roles.len(), problems.len()), (1, 1));
    }

    #[test]
    fn there_is_a_limit_on_principals_but_not_on_changes() {
        let mut store = Store::open(VectorMemory::default()).unwrap();
        (0..MAX_ROLES).for_each(|number| store.set_role(&principal(number), Some(Role::Reader)).unwrap());
        let refused = store.set_role(&principal(MAX_ROLES), Some(Role::Reader));
        assert!(matches!(refused, Err(Error::LimitExceeded { limit: MAX_ROLES, .. })), "{refused:?}");
        store.set_role(&principal(7), Some(Role::Writer)).unwrap();
        store.set_role(&principal(8), None).unwrap();
        store.set_role(&principal(MAX_ROLES), Some(Role::Reader)).unwrap();
        assert_eq!(store.list_roles().unwrap().len() as u64, MAX_ROLES);
    }

    #[test]
    fn a_role_copied_to_another_principal_is_reported() {
        let key = RawPrincipal::of(&principal(1));
        let given = RawRole::of(&key, Role::Reader);
        assert_eq!(given.0[1..], crc32fast::hash(&[0, 0, 0, 0, 0, 0, 0, 1, 1]).to_le_bytes());
        let mut damaged: Vec<_> = (0..ROLE_BYTES * 8)
            .map(|bit| {
                let mut raw = given.clone();
                raw.0[bit / 8] ^= 1 << (bit % 8);
                raw
            })
            .collect();
        damaged.push(RawRole(vec![]));
        damaged.push(RawRole(vec![1]));
        damaged.push(RawRole::of(&RawPrincipal::of(&principal(2)), Role::Reader));
        for raw in damaged {
            let store = Store::open(VectorMemory::default()).unwrap();
            let mut roles = store.roles.map.begin();
            roles.insert(&key, &raw).unwrap();
            roles.commit();
            assert!(matches!(store.role(&principal(1)), Err(Error::Corrupted { .. })));
            assert!(matches!(store.list_roles(), Err(Error::Corrupted { .. })));
            assert_eq!(store.check().problems.len(), 1);
        }
    }
}

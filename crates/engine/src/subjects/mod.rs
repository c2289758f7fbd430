//! The subjects of a store: objects, uploads, regions, roles, sites, and what is certified of them. Each
//! implements its operations over the core.

pub(crate) mod certified;
pub(crate) mod objects;
pub(crate) mod regions;
pub(crate) mod roles;
pub(crate) mod scopes;
pub(crate) mod sites;
pub(crate) mod uploads;

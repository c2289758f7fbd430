//! The subjects of a store: objects, uploads, regions, roles and sites. Each implements its operations over the
//! core.

pub(crate) mod objects;
pub(crate) mod regions;
pub(crate) mod roles;
#[allow(dead_code, unused_imports, reason = "the store does not use it yet")]
pub(crate) mod sites;
pub(crate) mod uploads;

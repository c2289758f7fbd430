//! The subjects of a store: objects, uploads, regions and roles. Each implements its operations over the
//! core.

pub(crate) mod objects;
pub(crate) mod regions;
pub(crate) mod roles;
pub(crate) mod uploads;

//! What a store is about: objects, uploads, regions and roles. Each owns its operations over the core.

pub(crate) mod objects;
pub(crate) mod regions;
pub(crate) mod roles;
pub(crate) mod uploads;

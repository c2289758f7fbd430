//! Preparing a module: from the installed bytes to one that can be instantiated.

mod cache;
mod check;
mod compiled;
mod engine;
mod prepare;
mod rewrite;
mod scratch;
mod segments;

pub(crate) use cache::prepared;
pub(crate) use check::ModuleLimits;
pub(crate) use check::{COMPOSITE_QUERY, QUERY, UPDATE};
pub(crate) use engine::{engine, keep_compiled_modules};
pub(crate) use prepare::Prepared;
pub(crate) use rewrite::{MEMORY_EXPORT, START_EXPORT, global_export};
pub(crate) use segments::Segments;

/// SHA-256 of a module as it was installed, compressed or not.
pub(crate) type ModuleHash = [u8; 32];

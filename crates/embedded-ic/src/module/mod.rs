//! From the bytes that someone installs to a module that is ready to run.

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

/// The SHA-256 of a module as it was installed, gzip'd or not.
pub(crate) type ModuleHash = [u8; 32];

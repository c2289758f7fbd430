//! The embedded host with small modules: messages and their limits, state folders, certificates, and modules that mean harm.

#![expect(clippy::unwrap_used, reason = "a helper of tests may fail the test")]

#[path = "../common/mod.rs"]
mod common;

mod boundary;
mod certificates;
mod contexts;
mod folder;
mod hostile;
mod image;
mod lifecycle;
mod limits;
mod messages;
mod metering;
mod queries;
mod scratch;

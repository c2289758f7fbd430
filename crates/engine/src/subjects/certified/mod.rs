//! Certified reads: prefixes whose objects are in the hash tree, and replies with a witness.

mod check;
mod declare;
mod log;
mod reads;
mod steps;
#[cfg(test)]
mod tests;

use ic_stable_structures::Memory;

use crate::subjects::objects::Objects;
pub(crate) use log::CertifiedLog;
pub use log::LogProof;
pub use reads::{InfoPage, Witnessed};

/// The longest certified prefix, in bytes.
pub(crate) const MAX_PREFIX_BYTES: usize = 1_000;

/// The certified objects of a store.
pub(crate) struct CertifiedObjects<'a, M: Memory> {
    pub(crate) objects: Objects<'a, M>,
}

//! What is certified: prefixes whose objects are in the hash tree, sites whose responses are, the log, and replies with a witness.

mod check;
mod declare;
mod http;
mod log;
mod reads;
mod sites;
mod steps;
#[cfg(test)]
mod tests;

use ic_stable_structures::Memory;

use crate::subjects::objects::Objects;
pub use http::HttpReply;
pub(crate) use log::CertifiedLog;
pub use log::LogProof;
pub use reads::{InfoPage, Witnessed};

/// Label of the tree of the certified prefixes whose objects are all certified. The leaf under each of them is empty.
pub(crate) const PREFIXES_LABEL: &[u8] = b"prefixes";

/// The longest certified prefix, in bytes.
pub(crate) const MAX_PREFIX_BYTES: usize = 1_000;

/// The certified objects of a store.
pub(crate) struct CertifiedObjects<'a, M: Memory> {
    pub(crate) objects: Objects<'a, M>,
}

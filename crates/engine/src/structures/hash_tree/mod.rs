//! The hash tree: an ordered map from labels to digests in stable memory, whose digest the Internet Computer certifies.
//!
//! - The digests of the inner nodes are kept, so that a change hashes the way from one label to the root.
//! - A [`Change`] is planned on copies of the nodes and written in one step. Every possible error occurs before its first write.
//! - Opening reads the header, of 64 bytes.
//! - A [`HashTree`] is a witness: the part of the tree that concerns a reply, with the digests of all else.

mod balance;
mod change;
mod check;
mod hash;
mod header;
mod plan;
mod prove;
mod slot;
#[cfg(test)]
mod tests;
mod tree;
mod witness;

pub(crate) use change::{Change, MAX_PATH};
pub use hash::Digest;
pub(crate) use hash::{EMPTY, labeled, leaf};
pub(crate) use header::HEADER_BYTES;
pub(crate) use tree::Tree;
pub use witness::HashTree;

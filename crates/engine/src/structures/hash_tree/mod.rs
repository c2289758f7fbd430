//! The hash tree: an ordered map from labels to digests in stable memory, whose digest the Internet Computer certifies.

mod hash;
mod witness;

pub use hash::Digest;
pub(crate) use hash::labeled;
pub use witness::HashTree;

//! The data structures, each in a separate memory: the allocator, the ordered map, the hash tree, the log and its digests.

pub mod arena;
pub(crate) mod btree;
pub(crate) mod hash_tree;
pub(crate) mod log;
pub(crate) mod mountain_range;

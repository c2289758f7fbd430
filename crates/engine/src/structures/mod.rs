//! The data structures, each in a separate memory: the allocator, the ordered map, and the log.

pub mod arena;
pub(crate) mod btree;
pub(crate) mod log;

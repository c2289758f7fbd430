//! Data structures, each in a memory of its own: the allocator, the ordered map, and the log.

pub mod arena;
pub(crate) mod btree;
pub(crate) mod log;

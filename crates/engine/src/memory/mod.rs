//! The physical memory, divided into memories that grow by buckets, and what is reserved of it.

pub(crate) mod buckets;
pub(crate) mod space;

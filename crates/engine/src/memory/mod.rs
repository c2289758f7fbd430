//! The physical memory: its division into memories that grow by buckets, and the reservation of buckets.

pub(crate) mod buckets;
pub(crate) mod space;

//! Limits of what is checked.

/// Default age at which a certificate is refused, in nanoseconds: five minutes, as agents and HTTP gateways have it.
pub const MAX_AGE_NS: u64 = 5 * 60 * 1_000_000_000;

/// Default time by which a certificate may be ahead of the clock, in nanoseconds: five minutes.
pub const MAX_AHEAD_NS: u64 = 5 * 60 * 1_000_000_000;

/// The largest certificate or witness, in bytes: 3 MiB, the largest reply of a query on the Internet Computer.
pub const MAX_PROOF_BYTES: usize = 3 << 20;

/// The most nodes of a hash tree on the way from its root to a leaf. The tree of a store with 2^32 objects has about 100.
pub const MAX_TREE_DEPTH: u32 = 256;

//! The limits of inline values.

/// Largest size in bytes of a value that is stored inline in the index, unless [`Options`](crate::Options)
/// set another.
///
/// Measured with `scripts/measure-inline.sh`; the figures are in docs/BENCHMARKS.md.
pub const INLINE_LIMIT: u64 = 512;

/// Largest inline limit that can be set. It bounds the growth of the index by one change.
pub(crate) const MAX_INLINE_LIMIT: u64 = 4_096;

const _: () = assert!(INLINE_LIMIT <= MAX_INLINE_LIMIT);

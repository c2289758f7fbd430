//! Where a value lies, by its size.

/// Values of at most this many bytes are stored inline in the index unless [`Options`](crate::Options) say otherwise.
///
/// Measured with `scripts/measure-inline.sh`; the figures are in docs/BENCHMARKS.md.
pub const INLINE_LIMIT: u64 = 512;

/// The largest inline limit that can be chosen. It bounds how much a change of the index can grow its memory.
pub(crate) const MAX_INLINE_LIMIT: u64 = 4_096;

const _: () = assert!(INLINE_LIMIT <= MAX_INLINE_LIMIT);

//! What a change needs of a memory.

use ic_stable_structures::Memory;

/// How far a memory will grow in one mutation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand<'a, M: Memory> {
    pub(crate) memory: &'a M,
    /// Pages beyond its present size.
    pub(crate) pages: u64,
}

//! The memory that a change needs.

use ic_stable_structures::Memory;

/// Growth of one memory by one change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth<'a, M: Memory> {
    pub(crate) memory: &'a M,
    /// Pages to add to the current size.
    pub(crate) pages: u64,
}

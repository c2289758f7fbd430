//! Memories for tests: [`FaultyMemory`] refuses growth, traps and flips bits on request, and [`SparseMemory`] has hundreds
//! of gigabytes whose untouched pages take no space.

mod faulty;
mod pages;
mod sparse;

pub use faulty::{FaultyMemory, TooManyReads, Trap};
pub use sparse::{SparseMemory, Traffic};

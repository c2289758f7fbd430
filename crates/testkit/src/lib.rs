//! Memories for tests: [`FaultyMemory`] refuses growth, traps and flips bits on request, and [`SparseMemory`] has hundreds
//! of gigabytes whose untouched pages take no space.
//!
//! With the feature `client`, also `Lagging`, a network whose queries lag its updates, and `object_info`.

#[cfg(feature = "client")]
mod client;
mod faulty;
mod pages;
mod sparse;

#[cfg(feature = "client")]
pub use client::{Lagging, object_info};
pub use faulty::{FaultyMemory, TooManyReads, Trap};
pub use sparse::{SparseMemory, Traffic};

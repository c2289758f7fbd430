//! Memories for tests, and a list of operations that covers every structure.

mod faulty;
mod pages;
mod raw;
mod sparse;
mod workload;

pub use faulty::{FaultyMemory, TooManyReads, Trap};
pub use raw::RawMap;
pub use sparse::{SparseMemory, Traffic};
pub use workload::{Step, callers, key_of, now_ns, run_all, steps, value_of};

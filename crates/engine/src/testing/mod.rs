//! For tests: a list of operations that covers every structure, and records with any bytes.

mod certified;
mod raw;
mod workload;

pub use certified::{certified_steps, run_certified};
pub use raw::RawMap;
pub use workload::{Step, callers, key_of, now_ns, run_all, steps, value_of};

//! The heap of the canister: a committed copy in a file, mapped copy-on-write into the memory that wasm runs on.
//!
//! While a message runs, the kernel copies each page that it writes, so the pages that differ from the committed copy are
//! those that are no longer backed by the file. [`dirty`] asks the kernel for them. A rollback drops these copies; a commit
//! writes them to the file and then drops them. The cost of both depends on what was written, not on the size of the heap.

mod dirty;
mod image;
mod mapping;

pub(crate) use image::HeapImage;

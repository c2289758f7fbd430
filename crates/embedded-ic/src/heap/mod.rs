//! The heap of the canister: a committed copy in a file, mapped copy-on-write into the memory that wasm runs on.
//!
//! While a message runs, the kernel copies each page that it writes, so the pages that differ from the committed copy
//! are those that are no longer backed by the file. [`dirty`] asks the kernel which ones they are. A rollback drops
//! these copies; a commit writes them to the file and then drops them. Both cost what was written, not what is held.

mod dirty;
mod image;
mod mapping;

pub(crate) use image::HeapImage;

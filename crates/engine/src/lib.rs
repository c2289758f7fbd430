//! Storage held entirely in stable memory: objects of any size, an append-only log and raw regions, behind one header.
//!
//! A canister that serialises its heap on upgrade stops being upgradable when it grows. This crate keeps nothing on the
//! heap that matters between two messages: every change is written through to stable memory, and opening a store reads
//! a header of one page and the table of its buckets, however much is stored.
//!
//! [`Store`] is the way in. It is generic over [`Memory`], so the same code runs on a canister's stable memory, on a
//! `Vec` in a test, and on a file that was downloaded from a canister:
//!
//! ```
//! use storage_engine::{Put, Store, VectorMemory};
//!
//! let memory = VectorMemory::default();
//! let mut store = Store::open(memory.clone())?;
//! store.put(Put::new("greeting", b"hello"), 0)?;
//! drop(store);
//!
//! // Another heap, the same memory: this is what an upgrade is.
//! let store = Store::open(memory)?;
//! assert_eq!(store.get("greeting")?, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`BPlusTreeMap`] is the ordered map that everything in the store is kept in, for canisters that want just that: it takes any
//! memory, a `VirtualMemory` of a `MemoryManager` too. `examples/ordered_map.rs` is a program of ten lines on it.
//!
//! A store takes any memory as well, so it can be beside other structures of the same canister. `canister/examples/beside.rs` in
//! the repository is a canister that does this. A `MemoryManager` panics where the platform refuses memory;
//! [`Store::configure`] sets a capacity that is kept to before it is asked.
//!
//! # What is promised
//!
//! - **An error means that nothing has changed.** Everything that can fail, running out of memory included, is found out
//!   before the first byte is written. On the IC a returned error commits, so this is not a nicety.
//! - **Open has three outcomes**: empty memory is formatted, a known header is loaded, anything else is an
//!   [`OpenError`] and the memory is untouched.
//! - **No operation walks what is stored.** Costs grow with the bytes of the operation and the depth of the index.
//!
//! # Layout
//!
//! Page 0 holds the header ([`header`]); the pages after it are buckets of 256 pages, owned by the memories that are named
//! in [`layout`]. docs/FORMAT.md explains the whole.

// One method of a trait is forwarded with it, in `buckets/memory.rs`.
#![deny(unsafe_code)]

mod base;
mod core;
mod memory;
mod store;
mod structures;
mod subjects;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use base::caller::Caller;
pub use base::layout;
pub use base::open::OpenError;
pub use base::problem::{CheckReport, Problem};
pub use core::header;
pub use ic_stable_structures::{FileMemory, Memory, VectorMemory};
/// The arguments and results of the methods of a [`Store`], and its error: those of the canister's contract.
pub use stable_storage_api as api;
pub use stable_storage_api::{Condition, Error, ListArgs, ObjectInfo, ReadArgs, Written};
pub use store::{HostFacts, Options, Store, UPGRADE_BYTES};
pub use structures::arena;
pub use structures::btree::{BPlusTreeMap, Iter, MAX_MAP_KEY_BYTES, MapOptions};
pub use structures::log::{LOG_START, Log, check_entries};
pub use subjects::objects::{INLINE_LIMIT, ObjectView, PageEnd, Put, ValueView};

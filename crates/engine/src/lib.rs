//! Stores objects of any size, an append-only log and raw regions in stable memory, after a single header.
//!
//! A canister that serialises its heap during an upgrade can no longer be upgraded once the heap is large.
//! This crate keeps no state on the heap between two messages: it writes every change through to stable
//! memory. Opening a store reads a header of one page and the bucket table, regardless of how much is stored.
//!
//! [`Store`] is the entry point. It is generic over [`Memory`], so the same code runs on a canister's stable
//! memory, on a `Vec` in a test, and on a file downloaded from a canister:
//!
//! ```
//! use storage_engine::{Put, Store, VectorMemory};
//!
//! let memory = VectorMemory::default();
//! let mut store = Store::open(memory.clone())?;
//! store.put(Put::new("greeting", b"hello"), 0)?;
//! drop(store);
//!
//! // A new heap over the same memory: this is what an upgrade does.
//! let store = Store::open(memory)?;
//! assert_eq!(store.get("greeting")?, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`BPlusTreeMap`] is the ordered map that the store is built on, for canisters that need only a map. It
//! accepts any memory, including a `VirtualMemory` of a `MemoryManager`. `examples/ordered_map.rs` is a
//! program of ten lines that uses it.
//!
//! A store also accepts any memory, so it can share a canister with other stable structures.
//! `canister/examples/beside.rs` in the repository is a canister that does this. A `MemoryManager` panics if
//! the platform refuses memory; [`Store::configure`] sets a capacity that the store never exceeds, so that
//! the platform is not asked.
//!
//! # Guarantees
//!
//! - **An error means that nothing has changed.** Every operation that can fail, including the reservation of
//!   memory, runs before the first byte is written. On the IC a message that returns an error still commits
//!   its writes.
//! - **Opening has three outcomes**: an empty memory is formatted, a memory with a known header is loaded,
//!   and any other memory is left unchanged and reported as an [`OpenError`].
//! - **No operation scans everything that is stored.** Costs grow with the bytes of the operation and the
//!   depth of the index.
//!
//! # Layout
//!
//! Page 0 contains the header ([`header`]). The pages after it form buckets of 256 pages, each owned by one
//! of the memories listed in [`layout`]. docs/FORMAT.md describes the complete format.

// Two modules have unsafe code: `memory/buckets/memory.rs` forwards an unsafe method of a trait, and
// `structures/btree/page.rs` reads a page into a buffer that is not initialised.
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
pub use base::layout::{self, BucketSize};
pub use base::open::OpenError;
pub use base::problem::{CheckReport, Problem};
pub use core::header;
pub use ic_stable_structures::{FileMemory, Memory, VectorMemory};
/// The arguments and results of the methods of a [`Store`], and its error. The canister's contract uses the
/// same types.
pub use stable_storage_api as api;
pub use stable_storage_api::{Condition, Error, ListArgs, ObjectInfo, ReadArgs, Written};
pub use store::{HostFacts, Options, Store, UPGRADE_BYTES};
pub use structures::arena;
pub use structures::btree::{BPlusTreeMap, Iter, MAX_MAP_KEY_BYTES, MapOptions};
pub use structures::hash_tree::{Digest, HashTree};
pub use structures::log::{LOG_START, Log, check_entries};
pub use subjects::certified::{HttpReply, InfoPage, LogProof, Witnessed};
pub use subjects::objects::{INLINE_LIMIT, ObjectView, PageEnd, Put, ValueView};

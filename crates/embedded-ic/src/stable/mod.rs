//! Stable memory: a store of committed 4 KiB pages, and an overlay with the writes of the running message. Queries that run
//! beside the host share the store, and read it as of the commit before which they started.

mod backing;
mod file;
mod pages;
mod runs;
mod versions;
mod view;

pub(crate) use backing::{MemoryStore, PageStore};
pub(crate) use file::{FileStore, next_data};
pub(crate) use pages::{PAGE, Page, PageMap};
pub(crate) use runs::Runs;
pub(crate) use versions::{Snapshot, Snapshots, Versions};
pub(crate) use view::{PageLimits, StableFault, StableMemory};

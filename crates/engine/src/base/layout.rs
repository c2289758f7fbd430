//! Where things lie in stable memory.
//!
//! # Layout v1
//!
//! ```text
//! page 0          header (see `header`), counters (see `counters`) and ledger (see `ledger`)
//! page 1          sizes of the memories and the owner of each bucket (see `buckets`)
//! page 2 ..       buckets of 256 pages (16 MiB), each owned by one memory:
//!   memory 0      object index: map from key to entry, small values inline
//!   memory 1      arena: the bytes of larger values
//!   memory 2      log: entries as Motoko's StableLog lays them out
//!   memory 3      log index: the end offset of every 64th entry
//!   memory 4      uploads: map from identifier to record
//!   memory 5      roles: map from principal to role
//!   memory 6      regions: map from identifier to record
//!   memory 16 ..  the regions, each in the memory of its identifier
//! ```
//!
//! A memory takes its first bucket at its first write, so an empty store has two pages. Memories 7 to 15 are free.

/// Version of everything that this page describes.
pub const LAYOUT_VERSION: u32 = 1;

/// Bytes of a WebAssembly page.
pub const PAGE_BYTES: u64 = 65_536;

/// Pages of a bucket. With 32,768 buckets at most, the manager addresses 512 GiB, more than the 500 GiB that the
/// platform gives a canister. The size is fixed when a memory is first formatted.
pub const BUCKET_PAGES: u64 = 256;

/// Bytes of a bucket.
pub const BUCKET_BYTES: u64 = BUCKET_PAGES * PAGE_BYTES;

/// The most buckets that the memory manager handles.
pub const MAX_BUCKETS: u64 = 32_768;

/// Page on which the memory manager starts.
pub const MANAGER_PAGE: u64 = 1;

/// Pages before the first bucket: the header and the manager's own page.
pub const FIRST_BUCKET_PAGE: u64 = MANAGER_PAGE + 1;

/// Number of a memory: 0 to 254.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryId(u8);

impl MemoryId {
    /// Stands for no memory.
    pub(crate) const NONE: Self = Self(255);

    pub(crate) const fn new(id: u8) -> Self {
        assert!(id < 255, "255 stands for no memory");
        Self(id)
    }

    pub(crate) const fn get(self) -> u8 {
        self.0
    }

    /// The same as an index.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

pub(crate) const OBJECTS: MemoryId = MemoryId::new(0);
pub(crate) const ARENA: MemoryId = MemoryId::new(1);
pub(crate) const LOG: MemoryId = MemoryId::new(2);
pub(crate) const LOG_INDEX: MemoryId = MemoryId::new(3);
pub(crate) const UPLOADS: MemoryId = MemoryId::new(4);
pub(crate) const ROLES: MemoryId = MemoryId::new(5);
pub(crate) const REGIONS: MemoryId = MemoryId::new(6);

/// Where the headers of the trees start, in bytes from the start of stable memory: after the ledger, in the page of 4 KiB that
/// most messages change.
const TREE_HEADERS_AT: u64 = 2_304;

/// Bytes from one header of a tree to the next.
pub(crate) const TREE_HEADER_STEP: u64 = 64;

/// The first memory that has no tree for sure.
const TREES_END: u64 = 16;

/// Where a sealed store has the mark at the end of the log, in bytes from the start of stable memory: after the headers of the
/// trees.
pub(crate) const LOG_MARK_AT: u64 = TREE_HEADERS_AT + TREES_END * TREE_HEADER_STEP;

/// Where the header of the tree in a memory is, in bytes from the start of stable memory.
pub(crate) fn tree_header_at(id: MemoryId) -> u64 {
    TREE_HEADERS_AT + TREE_HEADER_STEP * u64::from(id.get())
}

const _: () = assert!(MAX_BUCKETS * BUCKET_BYTES == 512 << 30);
const _: () = assert!(PAGE_BYTES == stable_storage_api::limits::PAGE_BYTES);

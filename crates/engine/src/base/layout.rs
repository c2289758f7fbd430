//! The division of stable memory.
//!
//! # Layout v1
//!
//! ```text
//! page 0          header (see `header`), counters (see `counters`) and ledger (see `ledger`)
//! page 1          sizes of the memories and the owner of each bucket (see `buckets`)
//! page 2 ..       buckets of 256 pages (16 MiB), each owned by one memory:
//!   memory 0      object index: map from key to entry; small values are inline
//!   memory 1      arena: the bytes of larger values
//!   memory 2      log: entries in the layout of Motoko's StableLog
//!   memory 3      log index: the end offset of every 64th entry
//!   memory 4      uploads: map from identifier to record
//!   memory 5      roles: map from principal to role
//!   memory 6      regions: map from identifier to record
//!   memory 7      hash tree: the digests that the Internet Computer certifies
//!   memory 8      Merkle mountain range over the entries of the log
//!   memory 9      scopes: map from the certified prefixes and the sites to record
//!   memory 10     pieces: map from revision and number to the digest of a piece of a large object
//!   memory 11     pending: map of the keys that wait to be certified
//!   memory 16 ..  the regions; the memory's number is the region's identifier
//! ```
//!
//! A memory gets its first bucket at its first write, so an empty store has two pages. Memories 7 to 11 are used
//! once something is certified, and 12 to 15 are not used.

/// Version of the whole layout described here.
pub const LAYOUT_VERSION: u32 = 1;

/// Size of a WebAssembly page, in bytes.
pub const PAGE_BYTES: u64 = 65_536;

/// Size of a bucket, in pages. At most 32,768 buckets address 512 GiB, which exceeds the platform's limit of
/// 500 GiB per canister. The size is fixed when a memory is first formatted.
pub const BUCKET_PAGES: u64 = 256;

/// Size of a bucket, in bytes.
pub const BUCKET_BYTES: u64 = BUCKET_PAGES * PAGE_BYTES;

/// Largest number of buckets.
pub const MAX_BUCKETS: u64 = 32_768;

/// Page with the bucket table.
pub const MANAGER_PAGE: u64 = 1;

/// Number of pages before the first bucket: the header and the bucket table.
pub const FIRST_BUCKET_PAGE: u64 = MANAGER_PAGE + 1;

/// Size of a slot, in bytes: the block of the arena for a full extent of a large object. Only free blocks of at
/// least a slot are in its class and above, so an allocation of a full extent finds one if there is any. Every new
/// bucket of 16 MiB supplies one. Slots can therefore be counted and reserved.
pub const SLOT_BYTES: u64 = 31 << 19;

/// Size of the buckets of a store, which is chosen when its memory is formatted.
///
/// A memory of a store takes whole buckets, and a store has seven memories and one for each region. Smaller buckets
/// suit a store that shares the stable memory of a canister with other structures. There are at most 32,768 buckets,
/// so the largest size reaches 512 GiB and the smallest 32 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketSize(u16);

impl BucketSize {
    /// Buckets of 1 MiB.
    pub const SMALLEST: Self = Self(16);
    /// Buckets of 16 MiB, the usual size.
    pub const LARGEST: Self = Self(BUCKET_PAGES as u16);

    /// Returns the size of this number of pages of 64 KiB. `None` unless it is 16, 32, 64, 128 or 256.
    #[must_use]
    pub const fn from_pages(pages: u64) -> Option<Self> {
        match pages {
            16 | 32 | 64 | 128 | BUCKET_PAGES => Some(Self(pages as u16)),
            _ => None,
        }
    }

    /// Returns the pages of a bucket.
    #[must_use]
    pub const fn pages(self) -> u64 {
        self.0 as u64
    }

    /// Returns the bytes of a bucket.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.pages() * PAGE_BYTES
    }

    /// Returns the number of buckets that have `pages` pages.
    pub(crate) const fn count(self, pages: u64) -> u64 {
        pages.div_ceil(self.pages())
    }

    /// Returns the number of buckets by which an arena grows for a block of [`SLOT_BYTES`].
    pub(crate) const fn per_slot(self) -> u64 {
        SLOT_BYTES.div_ceil(self.bytes())
    }

    /// Returns the number of physical pages of a store with `buckets` buckets.
    pub(crate) const fn physical_pages(self, buckets: u64) -> u64 {
        FIRST_BUCKET_PAGE + buckets * self.pages()
    }

    /// Returns the offset of a bucket, in bytes from the start of the physical memory.
    pub(crate) const fn address(self, bucket: u64) -> u64 {
        FIRST_BUCKET_PAGE * PAGE_BYTES + bucket * self.bytes()
    }
}

/// Number of a memory: 0 to 254.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryId(u8);

impl MemoryId {
    /// Marks the absence of a memory.
    pub(crate) const NONE: Self = Self(255);

    pub(crate) const fn new(id: u8) -> Self {
        assert!(id < 255, "255 marks the absence of a memory");
        Self(id)
    }

    pub(crate) const fn get(self) -> u8 {
        self.0
    }

    /// Returns the number as an index.
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
pub(crate) const HASH_TREE: MemoryId = MemoryId::new(7);
pub(crate) const LOG_RANGE: MemoryId = MemoryId::new(8);
pub(crate) const SCOPES: MemoryId = MemoryId::new(9);
pub(crate) const PIECES: MemoryId = MemoryId::new(10);
pub(crate) const PENDING: MemoryId = MemoryId::new(11);

/// Offset of the first header of a tree, B+ tree or hash tree, from the start of stable memory, in bytes. It follows the ledger, in the
/// page of 4 KiB that most messages change.
const TREE_HEADERS_AT: u64 = 2_304;

/// Distance between the headers of two trees, in bytes.
pub(crate) const TREE_HEADER_STEP: u64 = 64;

/// Upper bound of the memories that may contain a tree.
const TREES_END: u64 = 16;

/// Offset of the mark of the log's end from the start of stable memory, in bytes. The mark follows the
/// headers of the trees, and is valid after a clean shutdown.
pub(crate) const LOG_MARK_AT: u64 = TREE_HEADERS_AT + TREES_END * TREE_HEADER_STEP;

/// Returns the offset of the header of the tree in a memory, in bytes from the start of stable memory.
pub(crate) const fn tree_header_at(id: MemoryId) -> u64 {
    TREE_HEADERS_AT + TREE_HEADER_STEP * id.get() as u64
}

const _: () = assert!(MAX_BUCKETS * BUCKET_BYTES == 512 << 30);
const _: () = assert!(PAGE_BYTES == stable_storage_api::limits::PAGE_BYTES);

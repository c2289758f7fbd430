//! Many memories in one: buckets of 16 MiB, each owned by one memory.
//!
//! # Layout v1
//!
//! The page has the bytes of `MemoryManager` of ic-stable-structures, version 1, so each can open what the
//! other has written; a test does both. Offsets are from the start of the page.
//!
//! ```text
//! offset  bytes  field
//!      0      4  magic "MGR" and the version, 1 or 2
//!      4      2  number of allocated buckets
//!      6      2  pages of a bucket, 256
//!      8      2  number of moved runs; 0 in version 1
//!     10     30  reserved, zero
//!     40   2040  sizes of memories 0 to 254, in pages
//!   2080  32768  owner of each bucket; 255 for a bucket without an owner
//!  34848  6 * m  the moved runs: index of the first bucket in its memory, number of the bucket, count; 16 bits each
//! ```
//!
//! Bucket 0 starts on the page after this one, followed by the others. The buckets of a memory are in
//! ascending order.
//!
//! That is version 1. A memory can also free buckets at its end, and other memories can reuse them, even if
//! their own buckets have higher numbers. In that case some buckets have no owner, or runs of buckets are
//! *moved*: the list of moved runs contains their positions, and the other buckets are in ascending order
//! around them. Such a page has version 2, which the library refuses. When no such bucket is left, the page
//! has version 1 again.
//!
//! A freed bucket is not zero. Its next owner fills it with zeroes, unless it is the arena.
//!
//! The library's `MemoryManager` is not used for four reasons. It reads the whole table when it is opened, so
//! an upgrade costs more as the store grows. It panics if the platform refuses to grow. It rewrites 2 KB at
//! each growth. It accesses a range bucket by bucket, even if the buckets are contiguous.

mod memory;
mod runs;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use ic_stable_structures::Memory;

use crate::base::layout::{BucketSize, FIRST_BUCKET_PAGE, MANAGER_PAGE, MAX_BUCKETS, MemoryId, PAGE_BYTES};
use crate::base::open::OpenError;
use crate::base::problem::Problem;
pub(crate) use memory::BucketMemory;
#[cfg(test)]
pub(crate) use memory::MAX_CLEARED_BUCKETS;
use runs::{Moved, Run, Runs, buckets_in};

const MEMORIES: usize = 255;
const NO_OWNER: u8 = 255;
const MAGIC: [u8; 3] = *b"MGR";
/// Version of the library's manager.
const PLAIN: u8 = 1;
/// Version of a page with freed or moved buckets.
const MOVED: u8 = 2;

const MAGIC_AT: u64 = MANAGER_PAGE * PAGE_BYTES;
const VERSION_AT: u64 = MAGIC_AT + MAGIC.len() as u64;
const ALLOCATED_AT: u64 = VERSION_AT + 1;
const BUCKET_PAGES_AT: u64 = ALLOCATED_AT + 2;
const MOVED_COUNT_AT: u64 = BUCKET_PAGES_AT + 2;
const RESERVED_AT: u64 = MOVED_COUNT_AT + 2;
const SIZES_AT: u64 = RESERVED_AT + 30;
const OWNERS_AT: u64 = SIZES_AT + 8 * MEMORIES as u64;
const MOVED_AT: u64 = OWNERS_AT + MAX_BUCKETS;
const MOVED_BYTES: u64 = 6;
/// Largest number of moved runs that the page has space for.
const MAX_MOVED: u64 = (FIRST_BUCKET_PAGE * PAGE_BYTES - MOVED_AT) / MOVED_BYTES;

/// Bytes of the page before the owners.
const HEAD_BYTES: usize = (OWNERS_AT - MAGIC_AT) as usize;

const _: () = assert!(HEAD_BYTES == 2_080);
const _: () = assert!(MAX_MOVED > 5_000);

/// The memories. Clones share their state.
#[derive(Clone)]
pub(crate) struct Buckets<M: Memory> {
    raw: M,
    state: Rc<RefCell<State>>,
    /// Number of times that buckets were freed.
    epoch: Rc<Cell<u64>>,
}

/// Contents of the page, in the form used for look-ups.
struct State {
    /// Buckets that memories own or have freed; the numbers after them are unused.
    allocated: u64,
    /// Freed buckets.
    holes: BTreeSet<u64>,
    /// Number of moved runs in the page.
    moved: u64,
    version: u8,
    bucket_size: BucketSize,
    /// Sizes of the memories, in pages.
    sizes: Box<[u64]>,
    /// Locations of the buckets of each memory.
    runs: Runs,
}

impl<M: Memory + Clone> Buckets<M> {
    /// Writes the page of an empty store. The caller has grown the memory to two pages and written only page
    /// 0.
    pub(crate) fn format(raw: M, bucket_size: BucketSize) -> Self {
        let mut head = [0; HEAD_BYTES];
        head[..3].copy_from_slice(&MAGIC);
        head[3] = PLAIN;
        head[6..8].copy_from_slice(&(bucket_size.pages() as u16).to_le_bytes());
        raw.write(MAGIC_AT, &head);
        raw.write(OWNERS_AT, &[NO_OWNER; MAX_BUCKETS as usize]);
        let (sizes, runs) = (vec![0; MEMORIES].into(), Runs::default());
        let holes = BTreeSet::new();
        Self::over(raw, State { allocated: 0, holes, moved: 0, version: PLAIN, bucket_size, sizes, runs })
    }

    /// Opens the page. Reads the owners of the allocated buckets, one byte each. The cost is low
    /// as long as neighbours have the same owner.
    pub(crate) fn load(raw: M) -> Result<Self, OpenError> {
        if raw.size() < FIRST_BUCKET_PAGE {
            return Err(OpenError::damaged("the memory ends before the bucket table", MAGIC_AT));
        }
        let mut head = [0; HEAD_BYTES];
        raw.read(MAGIC_AT, &mut head);
        let version = head[3];
        if head[..3] != MAGIC || ![PLAIN, MOVED].contains(&version) {
            return Err(OpenError::damaged("the bucket table does not have version 1 or 2", MAGIC_AT));
        }
        let allocated = u64::from(u16::from_le_bytes([head[4], head[5]]));
        let bucket_size = BucketSize::from_pages(u16::from_le_bytes([head[6], head[7]]).into());
        let is_possible =
            |size: &BucketSize| allocated <= MAX_BUCKETS && raw.size() >= size.physical_pages(allocated);
        let bucket_size = bucket_size.filter(is_possible).ok_or_else(|| {
            OpenError::damaged("the header of the bucket table contradicts the memory", ALLOCATED_AT)
        })?;
        let (sizes, _) = head[(SIZES_AT - MAGIC_AT) as usize..].as_chunks();
        let sizes = sizes.iter().copied().map(u64::from_le_bytes).collect();
        let mut owners = vec![0; allocated as usize];
        raw.read(OWNERS_AT, &mut owners);
        let moved = if version == PLAIN { Vec::new() } else { read_moved(&raw, [head[8], head[9]])? };
        let (runs, holes) = Runs::scan(&owners, &moved)
            .filter(|(_, holes)| version == MOVED || holes.is_empty())
            .ok_or_else(|| {
                OpenError::damaged(
                    "the number of allocated buckets does not match the bucket table",
                    OWNERS_AT,
                )
            })?;
        let state = State { allocated, holes, moved: moved.len() as u64, version, bucket_size, sizes, runs };
        match state.first_impossible_size() {
            Some(id) => Err(OpenError::damaged(
                format!("the size of memory {id} does not match its number of buckets"),
                SIZES_AT + 8 * id as u64,
            )),
            None => Ok(Self::over(raw, state)),
        }
    }

    fn over(raw: M, state: State) -> Self {
        Self { raw, state: Rc::new(RefCell::new(state)), epoch: Rc::default() }
    }

    /// Returns the memory with this identifier.
    pub(crate) fn memory(&self, id: MemoryId) -> BucketMemory<M> {
        BucketMemory::new(self.raw.clone(), Rc::clone(&self.state), Rc::clone(&self.epoch), id)
    }

    /// Returns the first page of the physical memory, which belongs to no bucket.
    pub(crate) fn first_page(&self) -> BucketMemory<M> {
        BucketMemory::first_page(self.raw.clone(), Rc::clone(&self.state))
    }

    /// Returns the physical memory.
    pub(crate) fn raw(&self) -> &M {
        &self.raw
    }

    /// Returns the size of the buckets.
    pub(crate) fn bucket_size(&self) -> BucketSize {
        self.state.borrow().bucket_size
    }

    /// Returns the number of freed buckets that can be reused.
    pub(crate) fn freed(&self) -> u64 {
        self.state.borrow().freed()
    }

    /// Returns the size of a memory, in pages.
    pub(crate) fn size(&self, id: MemoryId) -> u64 {
        self.state.borrow().sizes[id.index()]
    }
}

impl<M: Memory> Buckets<M> {
    /// Returns the number of buckets that memories own or have freed.
    pub(crate) fn allocated(&self) -> u64 {
        self.state.borrow().allocated
    }

    /// Reports owners of buckets that are not allocated. Opening does not read these, to keep upgrades cheap.
    pub(crate) fn check(&self) -> Option<Problem> {
        let allocated = self.allocated();
        let mut owners = vec![0; (MAX_BUCKETS - allocated) as usize];
        self.raw.read(OWNERS_AT + allocated, &mut owners);
        let index = owners.iter().position(|owner| *owner != NO_OWNER)? as u64;
        let bucket = allocated + index;
        Some(Problem {
            what: format!("bucket {bucket} has an owner, and only {allocated} buckets are allocated"),
            offset: OWNERS_AT + bucket,
        })
    }
}

/// Reads the list of moved runs.
fn read_moved<M: Memory>(raw: &M, count: [u8; 2]) -> Result<Vec<Moved>, OpenError> {
    let count = u64::from(u16::from_le_bytes(count));
    if count > MAX_MOVED {
        return Err(OpenError::damaged(
            "the bucket table lists more moved runs than it has space for",
            MOVED_COUNT_AT,
        ));
    }
    let mut bytes = vec![0; (count * MOVED_BYTES) as usize];
    raw.read(MOVED_AT, &mut bytes);
    let (runs, _) = bytes.as_chunks::<{ MOVED_BYTES as usize }>();
    let number = |low, high| u16::from_le_bytes([low, high]);
    let run = |&[a, b, c, d, e, f]: &[u8; 6]| Moved {
        first: number(a, b),
        bucket: number(c, d),
        count: number(e, f),
    };
    Ok(runs.iter().map(run).collect())
}

impl State {
    /// Returns the first memory whose size does not match its number of buckets.
    fn first_impossible_size(&self) -> Option<usize> {
        let is_possible = |(size, runs): (&u64, &Vec<Run>)| {
            // Most memories are empty. An upgrade checks all of them.
            let is_empty = *size == 0 && runs.is_empty();
            is_empty || self.bucket_size.count(*size) == buckets_in(runs)
        };
        self.sizes.iter().zip(self.runs.all()).position(|memory| !is_possible(memory))
    }

    /// Returns the number of freed buckets that can be reused: each of them may become a moved run.
    fn freed(&self) -> u64 {
        (self.holes.len() as u64).min(MAX_MOVED - self.moved)
    }

    /// Writes the size of a memory.
    fn write_size<M: Memory>(&self, raw: &M, id: MemoryId) {
        raw.write(SIZES_AT + 8 * id.index() as u64, &self.sizes[id.index()].to_le_bytes());
    }

    /// Writes the owner of some buckets, contiguous ones in one write, and the number of allocated buckets.
    fn write_owners<M: Memory>(&self, raw: &M, mut buckets: Vec<u64>, owner: u8) {
        buckets.sort_unstable();
        for run in buckets.chunk_by(|one, next| one + 1 == *next) {
            raw.write(OWNERS_AT + run[0], &vec![owner; run.len()]);
        }
        let allocated = u16::try_from(self.allocated).expect("there are at most 32,768 buckets");
        raw.write(ALLOCATED_AT, &allocated.to_le_bytes());
    }

    /// Writes the version and the moved runs, unless there are none and were none.
    fn write_moved<M: Memory>(&mut self, raw: &M) {
        if self.version == PLAIN && self.holes.is_empty() {
            return;
        }
        let moved = self.runs.moved();
        let number = |moved: &Moved| [moved.first, moved.bucket, moved.count];
        let bytes: Vec<u8> = moved.iter().flat_map(number).flat_map(u16::to_le_bytes).collect();
        raw.write(MOVED_AT, &bytes);
        self.moved = moved.len() as u64;
        self.version = if self.holes.is_empty() && moved.is_empty() { PLAIN } else { MOVED };
        raw.write(VERSION_AT, &[self.version]);
        let count = u16::try_from(self.moved).expect("the page has space for them");
        raw.write(MOVED_COUNT_AT, &count.to_le_bytes());
    }
}

#[cfg(test)]
mod tests;

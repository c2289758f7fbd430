//! Many memories in one: buckets of 16 MiB, each owned by one memory.
//!
//! # Layout v1
//!
//! The page of the manager has the bytes of `MemoryManager` of ic-stable-structures, version 1, so that either can open
//! what the other has written; a test does both. Offsets are from the start of the page.
//!
//! ```text
//! offset  bytes  field
//!      0      4  magic "MGR" and the version 1
//!      4      2  buckets given to memories so far
//!      6      2  pages of a bucket, 256
//!      8     32  reserved, zero
//!     40   2040  sizes of memories 0 to 254, in pages
//!   2080  32768  owner of each bucket; 255 for those that have none yet
//! ```
//!
//! Bucket 0 starts on the page after this one, and the others follow. The buckets of a memory are in ascending order.
//!
//! Why not the original: it walks the table bucket by bucket when it is opened, so that an upgrade costs the more the
//! more there is; it panics where the platform refuses to grow; it rewrites 2 KB at each growth; and it goes through a
//! bucket at a time where a range lies in several that are neighbours.

mod memory;
mod runs;

use std::cell::RefCell;
use std::rc::Rc;

use ic_stable_structures::Memory;

use crate::layout::{
    BUCKET_BYTES, BUCKET_PAGES, FIRST_BUCKET_PAGE, MANAGER_PAGE, MAX_BUCKETS, MemoryId, PAGE_BYTES,
};
use crate::open::OpenError;
pub(crate) use memory::BucketMemory;
use runs::Runs;

const MEMORIES: usize = 255;
const NO_OWNER: u8 = 255;
const MAGIC: [u8; 4] = *b"MGR\x01";

const MAGIC_AT: u64 = MANAGER_PAGE * PAGE_BYTES;
const ALLOCATED_AT: u64 = MAGIC_AT + MAGIC.len() as u64;
const BUCKET_PAGES_AT: u64 = ALLOCATED_AT + 2;
const RESERVED_AT: u64 = BUCKET_PAGES_AT + 2;
const SIZES_AT: u64 = RESERVED_AT + 32;
const OWNERS_AT: u64 = SIZES_AT + 8 * MEMORIES as u64;
const END: u64 = OWNERS_AT + MAX_BUCKETS;

/// Bytes of the page before the owners.
const HEAD_BYTES: usize = (OWNERS_AT - MAGIC_AT) as usize;

const _: () = assert!(HEAD_BYTES == 2_080);
const _: () = assert!(END <= FIRST_BUCKET_PAGE * PAGE_BYTES);

/// The memories. Clones share their state.
pub(crate) struct Buckets<M: Memory> {
    raw: M,
    state: Rc<RefCell<State>>,
}

/// What the page of the manager says, in the form in which it is asked for.
struct State {
    /// Buckets that memories have.
    allocated: u64,
    /// Sizes of the memories in pages.
    sizes: [u64; MEMORIES],
    /// Where the buckets of each memory are.
    runs: Runs,
}

impl<M: Memory + Clone> Buckets<M> {
    /// Makes the manager's page in a memory of which only page 0 is used. The caller has grown it to two pages.
    pub(crate) fn format(raw: M) -> Self {
        let mut head = [0; HEAD_BYTES];
        head[..4].copy_from_slice(&MAGIC);
        head[6..8].copy_from_slice(&(BUCKET_PAGES as u16).to_le_bytes());
        raw.write(MAGIC_AT, &head);
        raw.write(OWNERS_AT, &[NO_OWNER; MAX_BUCKETS as usize]);
        Self::over(raw, State { allocated: 0, sizes: [0; MEMORIES], runs: Runs::default() })
    }

    /// Opens the manager's page. Reads the same bytes however much there is, and costs little more for more buckets as
    /// long as neighbours have the same owner.
    pub(crate) fn load(raw: M) -> Result<Self, OpenError> {
        if raw.size() < FIRST_BUCKET_PAGE {
            return Err(OpenError::damaged("the memory ends before the page of the manager", MAGIC_AT));
        }
        let mut head = [0; HEAD_BYTES];
        raw.read(MAGIC_AT, &mut head);
        if head[..4] != MAGIC {
            return Err(OpenError::damaged("there is no memory manager of version 1", MAGIC_AT));
        }
        let allocated = u64::from(u16::from_le_bytes([head[4], head[5]]));
        let bucket_pages = u64::from(u16::from_le_bytes([head[6], head[7]]));
        if bucket_pages != BUCKET_PAGES || allocated > MAX_BUCKETS || raw.size() < pages_of(allocated) {
            return Err(OpenError::damaged("the manager's head contradicts the memory", ALLOCATED_AT));
        }
        let (sizes, _) = head[(SIZES_AT - MAGIC_AT) as usize..].as_chunks();
        let sizes = std::array::from_fn(|id| u64::from_le_bytes(sizes[id]));
        let mut owners = vec![NO_OWNER; MAX_BUCKETS as usize];
        raw.read(OWNERS_AT, &mut owners);
        let runs = Runs::scan(&owners, allocated)
            .ok_or_else(|| OpenError::damaged("the manager counts other buckets than it lists", OWNERS_AT))?;
        let state = State { allocated, sizes, runs };
        match (0..MEMORIES).find(|id| !state.size_is_possible(*id)) {
            Some(id) => Err(OpenError::damaged(
                format!("memory {id} has another size than its buckets allow"),
                SIZES_AT + 8 * id as u64,
            )),
            None => Ok(Self::over(raw, state)),
        }
    }

    fn over(raw: M, state: State) -> Self {
        Self { raw, state: Rc::new(RefCell::new(state)) }
    }

    /// The memory with this identifier.
    pub(crate) fn memory(&self, id: MemoryId) -> BucketMemory<M> {
        BucketMemory::new(self.raw.clone(), Rc::clone(&self.state), id)
    }

    /// The physical memory.
    pub(crate) fn raw(&self) -> &M {
        &self.raw
    }

    /// How many buckets memories have.
    pub(crate) fn allocated(&self) -> u64 {
        self.state.borrow().allocated
    }
}

impl State {
    fn size_is_possible(&self, id: usize) -> bool {
        self.sizes[id].div_ceil(BUCKET_PAGES) == self.runs.buckets(id)
    }
}

/// Physical pages of a store with so many buckets.
pub(crate) fn pages_of(buckets: u64) -> u64 {
    FIRST_BUCKET_PAGE + buckets * BUCKET_PAGES
}

/// Where a bucket starts, in bytes from the start of the physical memory.
fn address_of(bucket: u64) -> u64 {
    FIRST_BUCKET_PAGE * PAGE_BYTES + bucket * BUCKET_BYTES
}

#[cfg(test)]
mod tests {
    use ic_stable_structures::memory_manager::{self, MemoryManager};
    use ic_stable_structures::{RestrictedMemory, VectorMemory};

    use super::*;

    fn formatted() -> (VectorMemory, Buckets<VectorMemory>) {
        let raw = VectorMemory::default();
        raw.grow(FIRST_BUCKET_PAGE);
        (raw.clone(), Buckets::format(raw))
    }

    fn original(raw: &VectorMemory) -> MemoryManager<RestrictedMemory<VectorMemory>> {
        let pages = MANAGER_PAGE..pages_of(MAX_BUCKETS);
        MemoryManager::init_with_bucket_size(RestrictedMemory::new(raw.clone(), pages), BUCKET_PAGES as u16)
    }

    /// Grows memories in turns, so that their buckets are mixed, and writes at both sides of each boundary.
    fn exercise<A: Memory>(memories: &[A]) {
        for round in 0..3u8 {
            for (id, memory) in memories.iter().enumerate() {
                let pages = [1, 255, 300][usize::from(round + id as u8) % 3];
                let end = memory.size() * PAGE_BYTES;
                assert_eq!(memory.grow(pages), (end / PAGE_BYTES) as i64);
                let start = end.saturating_sub(100);
                memory.write(start, &[id as u8 * 16 + round; 1_000]);
            }
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_original_whoever_writes_them() {
        let (ours, buckets) = formatted();
        exercise(&[0, 3, 254].map(|id| buckets.memory(MemoryId::new(id))));
        let theirs = VectorMemory::default();
        theirs.grow(1);
        let manager = original(&theirs);
        exercise(&[0, 3, 254].map(|id| manager.get(memory_manager::MemoryId::new(id))));
        assert!(*ours.borrow() == *theirs.borrow());
    }

    #[test]
    fn what_one_has_written_the_other_reads() {
        let (ours, buckets) = formatted();
        exercise(&[7, 9].map(|id| buckets.memory(MemoryId::new(id))));
        let manager = original(&ours);
        let reloaded = Buckets::load(ours).unwrap();
        for id in [7, 9] {
            let theirs = manager.get(memory_manager::MemoryId::new(id));
            let read = |memory: &dyn Memory| {
                let mut bytes = vec![0; (memory.size() * PAGE_BYTES) as usize];
                memory.read(0, &mut bytes);
                bytes
            };
            let expected = read(&theirs);
            assert!(read(&buckets.memory(MemoryId::new(id))) == expected);
            assert!(read(&reloaded.memory(MemoryId::new(id))) == expected);
        }
    }

    #[test]
    fn a_page_that_contradicts_itself_is_refused() {
        let (raw, buckets) = formatted();
        exercise(&[0, 1].map(|id| buckets.memory(MemoryId::new(id))));
        let wrong: [(u64, &[u8]); 8] = [
            (MAGIC_AT, b"X"),
            (MAGIC_AT + 3, &[2]),
            (ALLOCATED_AT, &[0xff, 0xff]),
            (ALLOCATED_AT, &[1]),
            (BUCKET_PAGES_AT, &[128]),
            (SIZES_AT + 2, &[1]),
            (OWNERS_AT, &[NO_OWNER]),
            (OWNERS_AT + MAX_BUCKETS - 1, &[0]),
        ];
        for (at, bytes) in wrong {
            let before = raw.borrow().clone();
            raw.write(at, bytes);
            assert!(matches!(Buckets::load(raw.clone()), Err(OpenError::Damaged { .. })), "byte {at}");
            raw.borrow_mut().copy_from_slice(&before);
        }
        assert!(Buckets::load(raw).is_ok());
    }

    #[test]
    fn a_growth_that_the_platform_refuses_is_an_answer_and_changes_nothing() {
        let raw = crate::testing::SparseMemory::with_maximum(pages_of(2));
        raw.grow(FIRST_BUCKET_PAGE);
        let buckets = Buckets::format(raw.clone());
        let memory = buckets.memory(MemoryId::new(0));
        assert_eq!(memory.grow(BUCKET_PAGES), 0);
        let before = raw.copy();
        assert_eq!(memory.grow(2 * BUCKET_PAGES), -1);
        assert_eq!(memory.grow(u64::MAX), -1);
        assert!(raw.same_as(&before));
        assert_eq!((memory.size(), buckets.allocated()), (BUCKET_PAGES, 1));
        assert_eq!(memory.grow(BUCKET_PAGES), BUCKET_PAGES as i64);
    }
}

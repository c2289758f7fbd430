//! A small store with data in every structure, made once and copied for every input.

use candid::Principal;
use ic_stable_structures::Memory;
use stable_storage_api::limits::CHUNK_BYTES;
use stable_storage_api::{Condition, Error, Role, Settings, UploadArgs};
use storage_engine::layout::{BUCKET_BYTES, FIRST_BUCKET_PAGE, MANAGER_PAGE, PAGE_BYTES};
use storage_engine::{Caller, Put, Store};
use storage_testkit::SparseMemory;

/// The memories, by the numbers of docs/FORMAT.md.
pub(crate) const OBJECTS: usize = 0;
pub(crate) const ARENA: usize = 1;
pub(crate) const LOG: usize = 2;
pub(crate) const LOG_INDEX: usize = 3;
pub(crate) const UPLOADS: usize = 4;
pub(crate) const ROLES: usize = 5;
pub(crate) const REGIONS: usize = 6;
pub(crate) const FIRST_REGION: usize = 16;

/// The memories that contain a map.
pub(crate) const MAPS: [usize; 4] = [OBJECTS, UPLOADS, ROLES, REGIONS];

// Offsets in the bucket table, as in `buckets/mod.rs`.
const MANAGER_AT: u64 = MANAGER_PAGE * PAGE_BYTES;
const SIZES_AT: u64 = MANAGER_AT + 40;
const OWNERS_AT: u64 = SIZES_AT + 255 * 8;
const ALLOCATED_AT: u64 = MANAGER_AT + 4;

/// The offset of the arena's first block, and the size bits of a tag, as in `arena/tag.rs`.
const FIRST_BLOCK: u64 = 4_096;
const TAG_SIZE_MASK: u64 = (1 << 48) - 32;

/// The keys of the objects, and one without an object.
pub(crate) const KEYS: [&str; 6] = ["empty", "inline", "one extent", "table", "being verified", "nothing"];

/// A caller that may use every upload and every region.
pub(crate) const ADMIN: Caller = Caller { principal: Principal::management_canister(), is_admin: true };

/// The creation time of everything, in nanoseconds.
pub(crate) const MADE_NS: u64 = 1_000;

/// The store, and the locations of its parts.
pub(crate) struct Base {
    memory: SparseMemory,
    /// The memory that owns each bucket.
    owners: Vec<usize>,
    /// Offsets of the blocks from the start of the arena's memory, in bytes.
    pub(crate) blocks: Vec<u64>,
}

thread_local! {
    static BASE: Base = Base::new();
}

/// Calls `f` with the store of this thread.
pub(crate) fn with_base<T>(f: impl FnOnce(&Base) -> T) -> T {
    BASE.with(f)
}

impl Base {
    fn new() -> Self {
        let memory = filled();
        let mut allocated = [0; 2];
        memory.read(ALLOCATED_AT, &mut allocated);
        let mut owners = vec![0; u16::from_le_bytes(allocated).into()];
        memory.read(OWNERS_AT, &mut owners);
        let mut base = Self { memory, owners: owners.into_iter().map(usize::from).collect(), blocks: vec![] };
        base.blocks = base.blocks();
        base
    }

    /// Returns a separate memory with the same contents.
    pub(crate) fn copy(&self) -> SparseMemory {
        self.memory.copy()
    }

    /// Returns the physical offset of a byte of a memory, if the memory has the bucket.
    pub(crate) fn address(&self, memory: usize, offset: u64) -> Option<u64> {
        let mut buckets = self.owners.iter().enumerate().filter(|(_, owner)| **owner == memory);
        let (bucket, _) = buckets.nth((offset / BUCKET_BYTES) as usize)?;
        Some(FIRST_BUCKET_PAGE * PAGE_BYTES + bucket as u64 * BUCKET_BYTES + offset % BUCKET_BYTES)
    }

    /// Returns the offsets of the blocks, following their tags.
    fn blocks(&self) -> Vec<u64> {
        let mut at = FIRST_BLOCK;
        std::iter::from_fn(|| {
            let mut tag = [0; 8];
            self.memory.read(self.address(ARENA, at)?, &mut tag);
            let block = at;
            at += u64::from_le_bytes(tag) & TAG_SIZE_MASK;
            (at > block).then_some(block)
        })
        .collect()
    }
}

/// Returns a store with data in every structure, an object of two buckets, and one of many whose bytes use no
/// memory.
fn filled() -> SparseMemory {
    let memory = SparseMemory::default();
    let mut store = Store::open(memory.clone()).expect("empty memory is formatted");
    fill(&mut store).expect("everything fits");
    store.count(0, &Ok(()));
    store.seal();
    assert_eq!(store.check().problems, [], "the initial store is sound");
    memory
}

fn fill(store: &mut Store<SparseMemory>) -> Result<(), Error> {
    let [empty, inline, extent, table, being_verified, _] = KEYS;
    store.put(Put { content_type: Some("text/plain"), ..Put::new(inline, b"value") }, MADE_NS)?;
    store.put(Put::new(empty, b""), MADE_NS)?;
    store.put(Put::new("soon gone", &[1; 20_000]), MADE_NS)?;
    store.put(Put::new(extent, &[7; 10_000]), MADE_NS)?;
    store.delete("soon gone")?;
    store.verify(extent)?;
    store.put_sparse(table, 20 << 20)?;
    store.put_sparse(being_verified, 65 << 20)?;
    store.verify(being_verified)?;
    store.append(&(0..150u8).map(|length| vec![length; length.into()]).collect::<Vec<_>>())?;

    let mut whole = UploadArgs::new("uploaded", 100);
    (whole.content_type, whole.sha256) = (Some("a/b".into()), Some(vec![3; 32].into()));
    let id = store.create_upload(&whole, &ADMIN, MADE_NS)?.id;
    store.write_chunk(id, 0, &[9; 100], &ADMIN, MADE_NS)?;
    let condition = Some(Condition::Absent);
    let parted = UploadArgs { condition, ..UploadArgs::new("parted", 20 * CHUNK_BYTES) };
    store.create_upload(&parted, &ADMIN, MADE_NS)?;

    for (who, role) in [(1, Role::Reader), (2, Role::Writer), (3, Role::Admin)] {
        store.set_role(&Principal::from_slice(&[who; 9]), Some(role))?;
    }
    for pages in [1, 2] {
        let region = store.region_new(&ADMIN, MADE_NS)?.id;
        store.region_grow(region, pages, &ADMIN)?;
        store.region_store_blob(region, 100, b"bytes of a region", &ADMIN)?;
    }
    store.configure(&Settings { max_uploads: Some(7), ..Settings::default() })?;
    Ok(())
}

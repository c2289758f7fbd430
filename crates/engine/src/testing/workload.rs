//! A list of operations that covers everything in a store, the same each time: for golden images, and for
//! tests that make each step fail.

use candid::Principal;
use ic_stable_structures::Memory;
use sha2::{Digest, Sha256};
use stable_storage_api::limits::{CHUNK_BYTES, MIN_UPLOAD_IDLE_NS};
use stable_storage_api::{
    Condition, DeletePrefixArgs, Error, MetadataPair, Method, RegionStore, RegionValue, RenameArgs, Role,
    Settings, UploadArgs,
};

use crate::base::caller::Caller;
use crate::store::Store;
use crate::structures::arena::SLOT_EXTENT_BYTES;
use crate::subjects::objects::Put;

/// One operation, or a few that belong together.
pub struct Step<M: Memory + Clone> {
    /// Description of the step.
    pub name: &'static str,
    pub(super) run: Run<M>,
}

type Run<M> = fn(&mut Store<M>, &M) -> Result<(), Error>;

impl<M: Memory + Clone> Step<M> {
    /// Runs the step. A refused step has changed nothing, and can be repeated.
    ///
    /// # Errors
    ///
    /// Any error of the operation.
    pub fn run(&self, store: &mut Store<M>, memory: &M) -> Result<(), Error> {
        (self.run)(store, memory)
    }
}

/// Returns the time of a step, in nanoseconds since 1970: `seconds` seconds after the first one.
#[must_use]
pub const fn now_ns(seconds: u64) -> u64 {
    (1_700_000_000 + seconds) * 1_000_000_000
}

/// Returns a value of `size` bytes that depends on a seed.
#[must_use]
pub fn value_of(size: usize, seed: u8) -> Vec<u8> {
    (0..size).map(|i| (i as u8).wrapping_mul(31) ^ (i >> 8) as u8 ^ seed).collect()
}

/// Returns a key of the batch.
#[must_use]
pub fn key_of(number: u8) -> String {
    format!("batch/{number:02}")
}

/// Returns two callers that are not admins, and one that is.
#[must_use]
pub fn callers() -> [Caller; 3] {
    let caller = |bytes: &[u8], is_admin| Caller { principal: Principal::from_slice(bytes), is_admin };
    [caller(&[1; 29], false), caller(&[2, 2], false), caller(&[3], true)]
}

/// Returns a chunk of zeroes with its number at the start and a mark at the end: most of its pages use no
/// memory in a test.
fn chunk(index: u64, size: u64) -> Vec<u8> {
    let length = CHUNK_BYTES.min(size - index * CHUNK_BYTES) as usize;
    let mut bytes = vec![0; length];
    bytes[0] = index as u8 + 1;
    bytes[length - 1] = 0xee;
    bytes
}

/// More than one extent, so that the object has a table.
const LARGE_BYTES: u64 = SLOT_EXTENT_BYTES + 1_000_000;

/// Two full extents and a short one.
const OPEN_BYTES: u64 = 2 * SLOT_EXTENT_BYTES + 5;

/// Returns all steps, in order. The first one expects an empty store.
#[must_use]
pub fn steps<M: Memory + Clone>() -> Vec<Step<M>> {
    let parts =
        [objects(), uploads(), large_objects(), log(), roles(), regions(), upgrades(), last_changes()];
    parts.into_iter().flatten().map(|(name, run)| Step { name, run }).collect()
}

/// Runs all steps on a store in this memory, which must be empty.
///
/// # Panics
///
/// Panics if a step fails, or if the memory cannot be formatted.
pub fn run_all<M: Memory + Clone>(memory: &M) {
    let mut store = Store::open(memory.clone()).expect("empty memory is formatted");
    for step in steps() {
        step.run(&mut store, memory).unwrap_or_else(|error| panic!("{}: {error}", step.name));
    }
}

pub(super) type Named<M> = Vec<(&'static str, Run<M>)>;

fn objects<M: Memory + Clone>() -> Named<M> {
    vec![
        ("configure", |store, _| {
            let settings = Settings {
                public_read: Some(true),
                max_uploads: Some(10),
                upload_idle_ns: Some(MIN_UPLOAD_IDLE_NS),
                capacity: Some(100 << 30),
            };
            store.configure(&settings).map(drop)
        }),
        ("put inline", |store, _| store.put(Put::new("inline", b"a small value"), now_ns(1)).map(drop)),
        ("put an empty value", |store, _| store.put(Put::new("empty", b""), now_ns(2)).map(drop)),
        ("put an extent", |store, _| store.put(Put::new("extent", &value_of(5_000, 1)), now_ns(3)).map(drop)),
        ("put under a long key", |store, _| {
            let key = "long/".repeat(204);
            let put = Put {
                content_type: Some("text/plain"),
                content_encoding: Some("identity"),
                metadata: &[("name", "value"), ("other", "")],
                sha256: Some(&Sha256::digest(b"under a long key")),
                owner: Some(callers()[0].principal),
                condition: Condition::Absent,
                ..Put::new(&key, b"under a long key")
            };
            store.put(put, now_ns(4)).map(drop)
        }),
        ("put a batch", |store, _| {
            let entries: Vec<_> =
                (0..40).map(|i| (key_of(i), value_of(usize::from(i) * 9 % 260, i))).collect();
            let puts: Vec<_> = entries.iter().map(|(key, value)| Put::new(key, value)).collect();
            store.put_many(puts, now_ns(5)).map(drop)
        }),
        ("overwrite an extent", |store, _| {
            store.put(Put::new("extent", &value_of(70_000, 2)), now_ns(6)).map(drop)
        }),
        ("overwrite a small value with an extent", |store, _| {
            store.put(Put::new(&key_of(3), &value_of(1_000, 3)), now_ns(7)).map(drop)
        }),
        ("rename", |store, _| rename(store, &key_of(4), "renamed", 8)),
        ("rename onto an object", |store, _| rename(store, &key_of(39), &key_of(3), 9)),
        ("delete", |store, _| store.delete(&key_of(5)).map(drop)),
        ("delete under a prefix", |store, _| {
            store.delete_prefix(&DeletePrefixArgs { prefix: "batch/1".into(), limit: Some(9) }).map(drop)
        }),
        ("take the first", |store, _| store.take_first("batch/").map(drop)),
        ("verify", |store, _| store.verify("extent").map(drop)),
    ]
}

fn rename<M: Memory + Clone>(store: &mut Store<M>, from: &str, to: &str, seconds: u64) -> Result<(), Error> {
    let args = RenameArgs { from: from.into(), to: to.into(), condition: None };
    store.rename(&args, now_ns(seconds)).map(drop)
}

fn uploads<M: Memory + Clone>() -> Named<M> {
    vec![
        ("upload 1: create, with a digest", |store, _| {
            let args = UploadArgs {
                sha256: Some(Sha256::digest(value_of(300_000, 4)).to_vec().into()),
                content_type: Some("application/octet-stream".into()),
                content_encoding: Some("gzip".into()),
                metadata: Some(vec![MetadataPair::new("uploaded by", "alice")]),
                ..UploadArgs::new("uploaded", 300_000)
            };
            store.create_upload(&args, &callers()[0], now_ns(20)).map(drop)
        }),
        ("upload 1: a chunk", |store, _| {
            store.write_chunk(1, 0, &value_of(300_000, 4), &callers()[0], now_ns(21)).map(drop)
        }),
        ("upload 1: commit", |store, _| store.commit_upload(1, &callers()[0], now_ns(22)).map(drop)),
        ("upload 1: verify", |store, _| store.verify("uploaded").map(drop)),
        ("upload 2: create", |store, _| create(store, "aborted", LARGE_BYTES, 23)),
        ("upload 2: the last chunk", |store, _| write_chunk(store, 2, 8, LARGE_BYTES, 24)),
        ("upload 2: a chunk", |store, _| write_chunk(store, 2, 0, LARGE_BYTES, 25)),
        ("upload 2: abort", |store, _| store.abort_upload(2, &callers()[1])),
        ("upload 3: create", |store, _| create(store, "forgotten", LARGE_BYTES, 26)),
        ("upload 3: a chunk", |store, _| write_chunk(store, 3, 1, LARGE_BYTES, 27)),
    ]
}

fn create<M: Memory + Clone>(store: &mut Store<M>, key: &str, size: u64, seconds: u64) -> Result<(), Error> {
    store.create_upload(&UploadArgs::new(key, size), &callers()[1], now_ns(seconds)).map(drop)
}

fn write_chunk<M: Memory + Clone>(
    store: &mut Store<M>,
    id: u64,
    index: u64,
    size: u64,
    seconds: u64,
) -> Result<(), Error> {
    store.write_chunk(id, index, &chunk(index, size), &callers()[1], now_ns(seconds)).map(drop)
}

fn large_objects<M: Memory + Clone>() -> Named<M> {
    vec![
        ("upload 4: create, when upload 3 has expired", |store, _| create(store, "big", LARGE_BYTES, 100)),
        ("upload 4: chunk 8", |store, _| write_chunk(store, 4, 8, LARGE_BYTES, 101)),
        ("upload 4: chunk 7, in two extents", |store, _| write_chunk(store, 4, 7, LARGE_BYTES, 102)),
        ("upload 4: chunk 0", |store, _| write_chunk(store, 4, 0, LARGE_BYTES, 103)),
        ("upload 4: chunk 1", |store, _| write_chunk(store, 4, 1, LARGE_BYTES, 104)),
        ("upload 4: chunk 2", |store, _| write_chunk(store, 4, 2, LARGE_BYTES, 105)),
        ("upload 4: chunk 3", |store, _| write_chunk(store, 4, 3, LARGE_BYTES, 106)),
        ("upload 4: chunk 4", |store, _| write_chunk(store, 4, 4, LARGE_BYTES, 107)),
        ("upload 4: chunk 5", |store, _| write_chunk(store, 4, 5, LARGE_BYTES, 108)),
        ("upload 4: chunk 6", |store, _| write_chunk(store, 4, 6, LARGE_BYTES, 109)),
        ("upload 4: chunk 6 again", |store, _| write_chunk(store, 4, 6, LARGE_BYTES, 110)),
        ("upload 4: commit", |store, _| store.commit_upload(4, &callers()[1], now_ns(111)).map(drop)),
        ("rename a large object", |store, _| rename(store, "big", "large", 112)),
        ("begin to verify a large object", |store, _| store.verify_in_steps("large", 1 << 20).map(drop)),
        ("upload 5: create over a small object", |store, _| create(store, "inline", OPEN_BYTES, 113)),
        ("upload 5: a chunk", |store, _| write_chunk(store, 5, 0, OPEN_BYTES, 114)),
        ("upload 6: create", |store, _| create(store, "open", 3_000_000, 115)),
        ("upload 6: the last chunk", |store, _| write_chunk(store, 6, 1, 3_000_000, 116)),
        ("upload 7: create, without a size", |store, _| {
            store.create_upload(&UploadArgs::unsized_new("stream"), &callers()[1], now_ns(117)).map(drop)
        }),
        ("upload 7: a chunk", |store, _| write_chunk(store, 7, 0, CHUNK_BYTES, 118)),
    ]
}

fn log<M: Memory + Clone>() -> Named<M> {
    vec![
        ("log", |store, _| store.append(&["the first entry"]).map(drop)),
        ("log nothing", |store, _| store.append::<&str>(&[]).map(drop)),
        ("log a batch", |store, _| {
            let entries: Vec<_> = (0..150).map(|i| value_of(usize::from(i) * 7 % 50, i)).collect();
            store.append(&entries).map(drop)
        }),
        ("log a large entry", |store, _| store.append(&[vec![0; 100_000]]).map(drop)),
    ]
}

fn roles<M: Memory + Clone>() -> Named<M> {
    vec![
        ("give the first role", |store, _| give(store, 0, Role::Reader)),
        ("give roles", |store, _| (1..15).try_for_each(|number| give(store, number, Role::Writer))),
        ("give another role", |store, _| give(store, 0, Role::Admin)),
        ("take a role", |store, _| store.set_role(&Principal::from_slice(&[9, 7]), None)),
    ]
}

fn give<M: Memory + Clone>(store: &mut Store<M>, number: u8, role: Role) -> Result<(), Error> {
    store.set_role(&Principal::from_slice(&[9, number]), Some(role))
}

fn regions<M: Memory + Clone>() -> Named<M> {
    vec![
        ("region 16: make", |store, _| store.region_new(&callers()[0], now_ns(200)).map(drop)),
        ("region 17: make", |store, _| store.region_new(&callers()[1], now_ns(201)).map(drop)),
        ("region 16: grow", |store, _| store.region_grow(16, 1, &callers()[0]).map(drop)),
        ("region 17: grow", |store, _| store.region_grow(17, 2, &callers()[1]).map(drop)),
        ("region 17: store bytes", |store, _| {
            store.region_store_blob(17, 65_000, &value_of(1_000, 5), &callers()[1])
        }),
        ("region 16: store numbers", |store, _| {
            let store_at = |offset, value| RegionStore { offset, value };
            let stores = [
                store_at(0, RegionValue::Nat8(200)),
                store_at(1, RegionValue::Int32(-7)),
                store_at(65_528, RegionValue::Float(0.5)),
            ];
            store.region_store(16, &stores, &callers()[0])
        }),
        ("region 17: give to another", |store, _| {
            store.region_set_owner(17, callers()[0].principal, &callers()[1]).map(drop)
        }),
    ]
}

fn upgrades<M: Memory + Clone>() -> Named<M> {
    vec![
        ("upgrade", |store, memory| {
            store.count(const { Method::position("put") }, &Ok(()));
            store.count::<()>(const { Method::position("get") }, &Err(Error::NotFound));
            store.seal();
            reopen(store, memory)
        }),
        ("upgrade without the seal", reopen),
    ]
}

fn reopen<M: Memory + Clone>(store: &mut Store<M>, memory: &M) -> Result<(), Error> {
    *store = Store::open(memory.clone()).expect("a store that was open can be opened");
    store.record_upgrade(12_345);
    Ok(())
}

fn last_changes<M: Memory + Clone>() -> Named<M> {
    vec![
        ("put after the upgrades", |store, _| store.put(Put::new("last", b"one"), now_ns(300)).map(drop)),
        ("seal", |store, _| {
            store.seal();
            Ok(())
        }),
    ]
}

//! Hundreds of gigabytes without their bytes: the engine creates an image on a sparse file, the embedded host imports it, and
//! the canister works on it.
//!
//! PocketIC accepts no such image, so this always runs on the embedded host.

use std::fs::OpenOptions;

use candid::{CandidType, Principal};
use embedded_ic::{Config, EmbeddedIc, UpgradeOptions};
use integration_tests::init_args;
use serde::de::DeserializeOwned;
use stable_storage_api::limits::{MAX_STABLE_BYTES, VERIFY_STEP_BYTES};
use stable_storage_api::{
    ChunkRange, DeleteArgs, ObjectInfo, PutArgs, ReadArgs, RegionInfo, RenameArgs, Status, Upload,
    UploadArgs, UploadStatus, VerifyProgress, Written,
};
use storage_engine::arena::SLOT_EXTENT_BYTES;
use storage_engine::{FileMemory, HostFacts, Put, Store};
use storage_wasm::STORAGE_WASM;

const GIB: u64 = 1 << 30;
const BUCKET_BYTES: u64 = 16 << 20;

/// Most instructions of a message that deletes, overwrites or renames an object of 100 GiB.
const MAX_INSTRUCTIONS: u64 = 20_000_000;

/// The same for an object of 100 GiB of whose extents no two are contiguous.
const MAX_SCATTERED_INSTRUCTIONS: u64 = 150_000_000;

/// Most instructions of a call of `verify`, which hashes 64 MiB.
const MAX_VERIFY_INSTRUCTIONS: u64 = 5_300_000_000;

/// Most instructions per bucket that a message fills with zeroes.
const MAX_BUCKET_INSTRUCTIONS: u64 = 22_000_000;

/// Most instructions for each extent that a message frees.
const MAX_EXTENT_INSTRUCTIONS: u64 = 25_000;

/// Most bytes by which each of these extents makes the heap grow.
const MAX_EXTENT_HEAP_BYTES: u64 = 400;

/// More extents than an upload can have: one for each bucket of the largest memory.
const MOST_EXTENTS: u64 = MAX_STABLE_BYTES / BUCKET_BYTES;

/// docs/SECURITY.md, which states these.
const SECURITY: &str = include_str!("../../../docs/SECURITY.md");

/// Limit on the heap, whatever is stored and removed.
const MAX_HEAP_BYTES: u64 = 4 << 20;

/// The same after removing an object of 100 GiB of whose extents no two are contiguous.
const MAX_SCATTERED_HEAP_BYTES: u64 = 6 << 20;

/// Canister with such an image as stable memory.
struct Canister {
    host: EmbeddedIc,
    sender: Principal,
}

impl Canister {
    /// Creates a canister with an object of the given size under each key.
    fn with_objects(objects: &[(&str, u64)]) -> Self {
        Self::with(|store| {
            for (key, size) in objects {
                store.put_sparse(key, *size).unwrap();
            }
        })
    }

    /// Creates a canister with the contents that `fill` puts into its store.
    fn with(fill: impl FnOnce(&mut Store<FileMemory>)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&image).unwrap();
        let mut store = Store::open(FileMemory::new(file)).unwrap();
        fill(&mut store);
        assert!(store.check().is_sound());
        store.seal();
        drop(store);

        let mut host = EmbeddedIc::new(Config::default()).unwrap();
        host.install(STORAGE_WASM, &init_args(None)).unwrap();
        host.import_stable(&image).unwrap();
        let sender = host.controllers()[0];
        let mut canister = Self { host, sender };
        // The heap belongs to the old memory, so its pre_upgrade must not run.
        canister.upgrade(true);
        canister
    }

    fn upgrade(&mut self, skip_pre_upgrade: bool) -> u64 {
        let options = UpgradeOptions { skip_pre_upgrade };
        self.host.upgrade(STORAGE_WASM, &init_args(None), options).unwrap().instructions
    }

    /// Makes an update and returns its cost in instructions.
    fn update<T: CandidType + DeserializeOwned>(&mut self, method: &str, args: Vec<u8>) -> (T, u64) {
        let reply = self.host.update(self.sender, method, &args).unwrap();
        let result: stable_storage_api::Result<T> = candid::decode_one(&reply.bytes).unwrap();
        (result.unwrap(), reply.instructions)
    }

    /// Makes an update that must be cheap, however large the object is.
    fn cheap<T: CandidType + DeserializeOwned>(&mut self, what: &str, method: &str, args: Vec<u8>) -> T {
        let (value, instructions) = self.update(method, args);
        println!("{what}: {instructions} instructions");
        assert!(instructions < MAX_INSTRUCTIONS, "{what} costs {instructions} instructions");
        value
    }

    fn query<T: CandidType + DeserializeOwned>(&mut self, method: &str, args: Vec<u8>) -> T {
        let reply = self.host.query(self.sender, method, &args).unwrap();
        let result: stable_storage_api::Result<T> = candid::decode_one(&reply.bytes).unwrap();
        result.unwrap()
    }

    fn status(&mut self) -> Status {
        self.query("status", candid::encode_args(()).unwrap())
    }

    fn read(&mut self, key: &str, offset: u64, length: u64) -> usize {
        let args = ReadArgs { key: key.into(), offset, length: Some(length), revision: None };
        let bytes: serde_bytes::ByteBuf = self.query("read", one(args));
        bytes.len()
    }
}

fn one(value: impl CandidType) -> Vec<u8> {
    candid::encode_one(value).unwrap()
}

/// Beyond 300 GiB, objects are read near their ends, and renamed, overwritten and deleted in one cheap message each; an upload of
/// 100 GiB accepts chunks at both ends; upgrades cost as much as for an empty canister; and the heap stays small.
#[test]
fn hundreds_of_gigabytes_are_cheap() {
    let size = 100 * GIB;
    let mut canister = Canister::with_objects(&[("a", size), ("b", size), ("c", size), ("d", 9 * GIB)]);
    assert!(canister.host.stable_pages() * 65_536 > 309 * GIB);
    assert!(canister.host.resident_stable_bytes() < GIB, "the image is not sparse");
    for key in ["a", "b", "c"] {
        let info: ObjectInfo = canister.query("stat", one(key));
        assert_eq!(info.size, size);
        for offset in [0, 5 * GIB, size - 1_000_000] {
            assert_eq!(canister.read(key, offset, 1_000_000), 1_000_000);
        }
        assert_eq!(canister.read(key, size - 7, 1_000_000), 7);
    }
    assert_eq!(canister.read("d", 9 * GIB - 1, 2), 1);

    let rename = |from: &str, to: &str| RenameArgs { from: from.into(), to: to.into(), condition: None };
    let _: Written = canister.cheap("rename", "rename", one(rename("a", "e")));
    let _: Written = canister.cheap("rename onto 100 GiB", "rename", one(rename("d", "e")));
    let value = candid::encode_args(("b", serde_bytes::ByteBuf::from(*b"new"))).unwrap();
    let _: Written = canister.cheap("overwrite of 100 GiB", "put", value);
    assert!(canister.cheap::<bool>("delete of 100 GiB", "delete", one("c")));

    let args = UploadArgs::new("f", size);
    let upload: Upload = canister.cheap("create_upload of 100 GiB", "create_upload", one(args));
    let last = upload.chunks.unwrap() - 1;
    for (index, length) in [(0, upload.chunk_size), (last, size - last * upload.chunk_size)] {
        let chunk = serde_bytes::ByteBuf::from(vec![7; length as usize]);
        let args = candid::encode_args((upload.id, index, chunk)).unwrap();
        let _: stable_storage_api::Received = canister.cheap("write_chunk", "write_chunk", args);
    }
    let status: UploadStatus = canister.query("upload_status", one(upload.id));
    assert_eq!(status.missing, [ChunkRange { first: 1, last: last - 1 }]);
    let () = canister.cheap("abort of 100 GiB", "abort_upload", one(upload.id));

    let heap_bytes = canister.status().heap_bytes;
    println!("heap: {heap_bytes} bytes");
    assert!(heap_bytes < MAX_HEAP_BYTES, "the heap has {heap_bytes} bytes");
    let upgrade = canister.upgrade(false);
    println!("upgrade: {upgrade} instructions");
    assert!(upgrade <= 130_000, "an upgrade costs {upgrade} instructions");

    for key in ["b", "e"] {
        assert!(canister.cheap::<bool>("delete of the rest", "delete", one(key)));
    }
    let status = canister.status();
    assert_eq!((status.objects, status.object_bytes, status.arena.used_bytes), (0, 0, 0));
    assert_eq!(status.arena.free_bytes, status.arena.largest_free_bytes);
}

/// An object whose extents are all apart from each other is overwritten for a bounded number of instructions, too.
#[test]
fn an_object_in_scattered_extents_is_cheap() {
    for stated in ["less than 20 million instructions for 100 GiB", "at most 150 million if none are"] {
        assert!(SECURITY.contains(stated), "docs/SECURITY.md states another bound than {stated}");
    }
    let size = 100 * GIB;
    let mut canister = Canister::with(|store| {
        let keys = || (0..2 * size.div_ceil(SLOT_EXTENT_BYTES)).map(|number| format!("{number:06}"));
        keys().for_each(|key| _ = store.put_sparse(&key, SLOT_EXTENT_BYTES).unwrap());
        keys().step_by(2).for_each(|key| assert!(store.delete(&key).unwrap()));
        let before = store.status(HostFacts::default()).unwrap().stable_bytes;
        store.put_sparse("scattered", size).unwrap();
        assert_eq!(
            store.status(HostFacts::default()).unwrap().stable_bytes,
            before,
            "the object is not in the gaps"
        );
    });
    let value = candid::encode_args(("scattered", serde_bytes::ByteBuf::from(*b"new"))).unwrap();
    let (_, instructions) = canister.update::<Written>("put", value);
    println!("overwrite of 100 GiB in scattered extents: {instructions} instructions");
    assert!(instructions <= MAX_SCATTERED_INSTRUCTIONS, "{instructions} instructions");
    let heap_bytes = canister.status().heap_bytes;
    println!("heap: {heap_bytes} bytes");
    assert!(heap_bytes < MAX_SCATTERED_HEAP_BYTES, "the heap has {heap_bytes} bytes");
}

/// A call of `verify` hashes a bounded number of bytes, and a region that reuses buckets of deleted objects pays for each.
#[test]
fn hashing_and_zeroing_are_bounded() {
    for stated in ["at most 5.3 billion instructions", "at most 22 million instructions each"] {
        assert!(SECURITY.contains(stated), "docs/SECURITY.md states another bound than {stated}");
    }
    const BUCKETS: u64 = 4;
    let mut canister = Canister::with_objects(&[("a", GIB)]);
    let (step, instructions) = canister.update::<VerifyProgress>("verify", one("a"));
    println!("verify: {instructions} instructions");
    assert_eq!((step.hashed, step.verdict), (VERIFY_STEP_BYTES, None));
    assert!(instructions <= MAX_VERIFY_INSTRUCTIONS, "{instructions} instructions");

    assert!(canister.cheap::<bool>("delete", "delete", one("a")));
    let region: RegionInfo = canister.cheap("region_new", "region_new", candid::encode_args(()).unwrap());
    let stable_bytes = canister.status().stable_bytes;
    let configure = stable_storage_api::Settings { capacity: Some(stable_bytes), ..Default::default() };
    let _: stable_storage_api::Config = canister.cheap("configure", "configure", one(configure));
    let grow = candid::encode_args((region.id, BUCKETS * 256)).unwrap();
    let (_, instructions) = canister.update::<u64>("region_grow", grow);
    println!("region_grow by {BUCKETS} buckets: {instructions} instructions");
    assert_eq!(canister.status().stable_bytes, stable_bytes, "the buckets are not those of the object");
    assert!(instructions / BUCKETS <= MAX_BUCKET_INSTRUCTIONS, "{instructions} instructions");
    assert!(instructions / BUCKETS >= MAX_BUCKET_INSTRUCTIONS / 2, "the buckets were not filled with zeroes");
}

/// The next `create_upload` frees an expired upload, however large it is: one with nearly all memory, and one of whose extents no
/// two are contiguous. An object of this size is deleted for less.
#[test]
fn expired_uploads_of_any_size_are_freed_for_a_bounded_cost() {
    for stated in
        ["at most 32,000 extents", "25,000 instructions each", "0.8 billion", "400 bytes for each extent"]
    {
        assert!(SECURITY.contains(stated), "docs/SECURITY.md states another bound than {stated}");
    }
    assert_eq!((MOST_EXTENTS, MOST_EXTENTS * MAX_EXTENT_INSTRUCTIONS), (32_000, 800_000_000));
    let all = 31_900;
    let contiguous =
        Canister::with(|store| _ = store.upload_sparse("huge", all * SLOT_EXTENT_BYTES).unwrap());
    let half = 15_000;
    let scattered = Canister::with(|store| {
        for number in 0..half {
            store.put_sparse(&format!("{number:06}"), SLOT_EXTENT_BYTES).unwrap();
            store.put_sparse(&format!("{number:06}/next"), SLOT_EXTENT_BYTES).unwrap();
        }
        (0..half).for_each(|number| assert!(store.delete(&format!("{number:06}")).unwrap()));
        store.upload_sparse("scattered", half * SLOT_EXTENT_BYTES).unwrap();
    });
    for (mut canister, extents) in [(contiguous, all), (scattered, half)] {
        let before = canister.status();
        let args = UploadArgs::new("next", 1);
        let (_, instructions) = canister.update::<Upload>("create_upload", one(args));
        let status = canister.status();
        let heap = (status.heap_bytes - before.heap_bytes) / extents;
        let freed = before.arena.used_bytes - status.arena.used_bytes;
        assert!(freed > extents * SLOT_EXTENT_BYTES, "{freed} bytes");
        let each = instructions / extents;
        println!(
            "{extents} extents: {instructions} instructions, {each} each, and {heap} bytes of heap each"
        );
        assert!(each <= MAX_EXTENT_INSTRUCTIONS, "{each} instructions");
        assert!(heap <= MAX_EXTENT_HEAP_BYTES, "{heap} bytes of heap");
    }
}

/// The heap keeps a bounded number of inner pages of the index, however many there are: with the longest keys, which differ only
/// at their ends, more than two in ten pages are inner ones. Batches over the whole index come on top.
#[test]
fn a_large_index_takes_a_bounded_heap() {
    const OBJECTS: u64 = 40_000;
    const BATCH: u64 = 1_000;
    /// Objects of which at least one has another inner page than those before.
    const PAGE: u64 = 10;
    for stated in ["at most 22 MiB", "at most 32 MiB"] {
        assert!(SECURITY.contains(stated), "docs/SECURITY.md states another bound than {stated}");
    }
    let key = |number: u64| format!("{}{number:06}", "k".repeat(1_017));
    let mut canister = Canister::with(|store| {
        for first in (0..OBJECTS).step_by(BATCH as usize) {
            let keys: Vec<_> = (first..first + BATCH).map(key).collect();
            store.put_many(keys.iter().map(|key| Put::new(key, &[7; 128])).collect::<Vec<_>>(), 0).unwrap();
        }
    });
    // By an update method, because the heap of a query is discarded.
    // Twice, because the pages that leave the cache must not add to it.
    let starts = || (0..OBJECTS).step_by((20 * PAGE) as usize);
    for first in starts().chain(starts()) {
        let numbers = (first..first + 20 * PAGE).step_by(PAGE as usize);
        let deletes = numbers.map(|number| DeleteArgs { key: format!("{}+", key(number)), condition: None });
        let (removed, _) = canister.update::<Vec<bool>>("delete_many", one(deletes.collect::<Vec<_>>()));
        assert!(!removed.contains(&true));
    }
    let read = canister.status().heap_bytes;
    for first in 0..OBJECTS / BATCH {
        let puts = (0..BATCH).map(|number| PutArgs::new(key(first + number * (OBJECTS / BATCH)), [8; 128]));
        let _ = canister.update::<Vec<Written>>("put_many", one(puts.collect::<Vec<_>>()));
    }
    let written = canister.status().heap_bytes;
    let upgrade = canister.upgrade(false);
    println!("heap: {read} bytes after reads, {written} after batches; upgrade: {upgrade} instructions");
    assert!((12 << 20..=22 << 20).contains(&read), "the heap has {read} bytes");
    assert!(written <= 32 << 20, "the heap has {written} bytes");
    assert!(upgrade <= 130_000, "an upgrade costs {upgrade} instructions");
}

//! Every method of a store, once.

use candid::Principal;
use stable_storage_api::limits::CHUNK_BYTES;
use stable_storage_api::{
    CopyArgs, CopySource, DeleteArgs, DeletePrefixArgs, Error, ListArgs, ReadArgs, ReadLogArgs, RegionLoad,
    RegionStore, RegionType, RegionValue, RenameArgs, Role, Settings, UploadArgs, UploadEnd,
};
use storage_engine::testing::{callers, key_of, now_ns, value_of};
use storage_engine::{HostFacts, Put};

use super::TestStore;

/// The name of a method, and a call of it.
pub(crate) type Method = (&'static str, fn(&mut TestStore) -> Result<(), Error>);

fn principal(number: u8) -> Principal {
    Principal::from_slice(&[9, number])
}

fn read(store: &TestStore, key: &str, offset: u64) -> Result<(), Error> {
    store.read(&ReadArgs { key: key.into(), offset, length: Some(10_000), revision: None }).map(drop)
}

fn rename(store: &mut TestStore, from: &str, to: &str) -> Result<(), Error> {
    let args = RenameArgs { from: from.into(), to: to.into(), condition: None };
    store.rename(&args, now_ns(400)).map(drop)
}

fn copy(store: &mut TestStore, from: &str, to: &str) -> Result<(), Error> {
    store.copy(&CopyArgs::new(from, to), &callers()[0], now_ns(400)).map(drop)
}

/// Fills the first chunks of upload 5.
fn copy_chunks(store: &mut TestStore, from: &str, offset: u64, length: u64) -> Result<(), Error> {
    let whole = CopySource::whole(from, store.stat(from)?.revision);
    let source = CopySource { offset: Some(offset), length: Some(length), ..whole };
    store.copy_chunks(5, 0, &[source], &callers()[1], now_ns(120)).map(drop)
}

/// Methods that read.
pub(crate) const READS: [Method; 25] = [
    ("list", |store| store.list(&ListArgs::prefix("")).map(drop)),
    ("scan", |store| store.scan(&ListArgs::prefix("batch/")).map(drop)),
    ("get inline", |store| store.get("inline").map(drop)),
    ("get an extent", |store| store.get("extent").map(drop)),
    ("get none", |store| store.get("none").map(drop)),
    ("get many", |store| store.get_many(&(0..40).map(key_of).collect::<Vec<_>>()).map(drop)),
    ("stat", |store| store.stat("uploaded").map(drop)),
    ("read", |store| read(store, "large", 0)),
    ("read over two extents", |store| read(store, "large", 8 * CHUNK_BYTES - 5_000)),
    ("read_last", |store| store.read_last(200).map(drop)),
    ("read_log", |store| store.read_log(&ReadLogArgs { from: 3, limit: Some(200) }).map(drop)),
    ("role", |store| store.role(&principal(3)).map(drop)),
    ("no role", |store| store.role(&principal(99)).map(drop)),
    ("list_roles", |store| store.list_roles().map(drop)),
    ("region_list", |store| store.region_list(&callers()[2]).map(drop)),
    ("region_info", |store| store.region_info(17, &callers()[0]).map(drop)),
    ("region_load", |store| {
        let load = RegionLoad { offset: 8, kind: RegionType::Nat64 };
        store.region_load(16, &[load], &callers()[0]).map(drop)
    }),
    ("region_load_blob", |store| {
        store.region_load_blob_into(17, 65_000, 1_000, &mut [0; 1_000], &callers()[0]).map(drop)
    }),
    ("list a level", |store| store.list(&ListArgs::level("", "/")).map(drop)),
    ("get_with_info", |store| store.get_with_info("extent").map(drop)),
    ("list_uploads", |store| store.list_uploads(&callers()[2], now_ns(120)).map(drop)),
    ("upload_status", |store| store.upload_status(5, &callers()[1], now_ns(120)).map(drop)),
    ("status", |store| store.status(HostFacts::default()).map(drop)),
    ("config", |store| {
        let _ = store.config();
        Ok(())
    }),
    ("log_info", |store| {
        let _ = store.log_info();
        Ok(())
    }),
];

/// Methods that change something.
pub(crate) const CHANGES: [Method; 38] = [
    ("put", |store| store.put(Put::new("new", b"value"), now_ns(400)).map(drop)),
    ("put an extent", |store| store.put(Put::new("new", &value_of(3_000, 9)), now_ns(400)).map(drop)),
    ("overwrite", |store| store.put(Put::new("extent", b"short"), now_ns(400)).map(drop)),
    ("overwrite a large object", |store| store.put(Put::new("large", b"short"), now_ns(400)).map(drop)),
    ("put many", |store| {
        let keys: Vec<_> = (0..50).map(key_of).collect();
        let puts: Vec<_> = keys.iter().map(|key| Put::new(key, &[7; 200])).collect();
        store.put_many(puts, now_ns(400)).map(drop)
    }),
    ("delete", |store| store.delete("uploaded").map(drop)),
    ("delete a large object", |store| store.delete("large").map(drop)),
    ("delete under a prefix", |store| {
        store.delete_prefix(&DeletePrefixArgs { prefix: "batch/".into(), limit: Some(1_000) }).map(drop)
    }),
    ("delete many", |store| {
        let deletes: Vec<_> = (0..50).map(|i| DeleteArgs::new(key_of(i))).collect();
        store.delete_many(&deletes).map(drop)
    }),
    ("take the first", |store| store.take_first("batch/").map(drop)),
    ("rename", |store| rename(store, "large", "moved")),
    ("rename onto an object", |store| rename(store, &key_of(7), "extent")),
    ("copy an inline value", |store| copy(store, "inline", "copied")),
    ("copy an extent onto an object", |store| copy(store, "extent", &key_of(7))),
    ("copy a large object", |store| copy(store, "large", "copied")),
    ("copy onto itself", |store| copy(store, "large", "large")),
    ("copy_chunks", |store| copy_chunks(store, "large", 0, CHUNK_BYTES)),
    ("copy_chunks over two extents", |store| copy_chunks(store, "large", 5, 8 * CHUNK_BYTES)),
    ("verify", |store| store.verify("uploaded").map(drop)),
    ("append", |store| store.append(&["an", "entry"]).map(drop)),
    ("create_upload", |store| {
        store.create_upload(&UploadArgs::new("more", 20_000_000), &callers()[1], now_ns(120)).map(drop)
    }),
    ("create_upload after the others have expired", |store| {
        store.create_upload(&UploadArgs::new("more", 100), &callers()[1], now_ns(1_000)).map(drop)
    }),
    ("write_chunk", |store| {
        store.write_chunk(6, 0, &[8; CHUNK_BYTES as usize], &callers()[1], now_ns(120)).map(drop)
    }),
    ("write_chunk in a reserved extent", |store| {
        store.write_chunk(5, 9, &[8; CHUNK_BYTES as usize], &callers()[1], now_ns(120)).map(drop)
    }),
    ("write_chunk again", |store| {
        store.write_chunk(5, 0, &[8; CHUNK_BYTES as usize], &callers()[1], now_ns(120)).map(drop)
    }),
    ("commit_upload", |store| store.commit_upload(6, &callers()[1], now_ns(120)).map(drop)),
    ("create_upload without a size", |store| {
        store.create_upload(&UploadArgs::unsized_new("more"), &callers()[1], now_ns(120)).map(drop)
    }),
    ("write_chunk without a size", |store| {
        store.write_chunk(7, 1, &[8; CHUNK_BYTES as usize], &callers()[1], now_ns(120)).map(drop)
    }),
    ("write_chunk after the table", |store| {
        store.write_chunk(7, 30, &[8; CHUNK_BYTES as usize], &callers()[1], now_ns(120)).map(drop)
    }),
    ("commit_upload without a size", |store| {
        let end = UploadEnd { size: CHUNK_BYTES, sha256: Some(vec![7; 32].into()) };
        store.commit_upload_with(7, Some(&end), &callers()[1], now_ns(120)).map(drop)
    }),
    ("abort_upload", |store| store.abort_upload(5, &callers()[1])),
    ("set_role", |store| store.set_role(&principal(50), Some(Role::Reader))),
    ("take a role", |store| store.set_role(&principal(3), None)),
    ("region_new", |store| store.region_new(&callers()[0], now_ns(400)).map(drop)),
    ("region_grow", |store| store.region_grow(16, 300, &callers()[0]).map(drop)),
    ("region_store", |store| {
        store.region_store(16, &[RegionStore { offset: 9, value: RegionValue::Nat8(1) }], &callers()[0])
    }),
    ("region_set_owner", |store| store.region_set_owner(16, callers()[1].principal, &callers()[0]).map(drop)),
    ("configure and seal", |store| {
        store.configure(&Settings { max_uploads: Some(3), ..Settings::default() })?;
        store.seal();
        Ok(())
    }),
];
